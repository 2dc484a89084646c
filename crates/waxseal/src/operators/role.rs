//! What operators may be.

/// A role of an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum OperatorRole {
    /// Keeps the instance going.
    Operations,
    /// Helps customers.
    Support,
    /// Answers people about their data.
    Privacy,
    /// Looks whether all is as promised.
    Audit,
    /// Everything.
    Admin,
}

impl OperatorRole {
    /// All of them.
    pub(crate) const ALL: [Self; 5] =
        [Self::Operations, Self::Support, Self::Privacy, Self::Audit, Self::Admin];

    /// Its name in the configuration.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Operations => "operations",
            Self::Support => "support",
            Self::Privacy => "privacy",
            Self::Audit => "audit",
            Self::Admin => "admin",
        }
    }

    /// What it is for, in a line of the documentation.
    pub(crate) const fn about(self) -> &'static str {
        match self {
            Self::Operations => "the queue, backups, keys, domains, the clock",
            Self::Support => "content under a grant, with a reason, a limit and notice to its owner",
            Self::Privacy => "what people ask: copies, corrections, erasures, holds",
            Self::Audit => "looks: the audit trail, the promises, what is kept and erased",
            Self::Admin => "everything, and alone: accounts and what opens them",
        }
    }

    /// The role of a name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }
}

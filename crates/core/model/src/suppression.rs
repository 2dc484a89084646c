//! The lists of addresses that a domain no longer writes to.

/// Why a domain does not write to an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SuppressionKind {
    /// The address bounced hard.
    Bounce,
    /// The recipient unsubscribed from the domain or from a tag.
    Unsubscribe,
    /// The recipient marked a message as spam.
    Complaint,
    /// Never put on the bounce list (the API's `whitelists`).
    Allow,
}

impl SuppressionKind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Bounce, Self::Unsubscribe, Self::Complaint, Self::Allow];

    /// The stored name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bounce => "bounce",
            Self::Unsubscribe => "unsubscribe",
            Self::Complaint => "complaint",
            Self::Allow => "allow",
        }
    }

    /// The kind with this stored name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

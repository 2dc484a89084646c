//! Grounds in law on which personal data is kept, after the GDPR.

use super::{DataPurpose, Subject};

/// Why data may be kept at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ground {
    /// It is not personal: none is needed.
    NotPersonal,
    /// The contract with the customer, Art. 6 (1) b.
    Contract,
    /// On the customer's behalf and under its ground, Art. 28: what is about those it writes to.
    OnBehalf,
    /// A legal duty, Art. 6 (1) c: to honour objections, to erase, to answer what people ask, and to be able to show it.
    LegalDuty,
    /// A legitimate interest, Art. 6 (1) f: that the instance runs and nobody misuses it.
    LegitimateInterest,
}

impl Ground {
    /// The ground on which something of `subject` is kept for `purpose`.
    pub const fn of(purpose: DataPurpose, subject: Subject) -> Self {
        match (purpose, subject) {
            (_, Subject::Nobody) => Self::NotPersonal,
            (DataPurpose::Suppression | DataPurpose::Erasure | DataPurpose::Request, _) => Self::LegalDuty,
            (DataPurpose::Operation, _) => Self::LegitimateInterest,
            (DataPurpose::Account | DataPurpose::Delivery | DataPurpose::Log, Subject::Customer) => {
                Self::Contract
            }
            (DataPurpose::Account | DataPurpose::Delivery | DataPurpose::Log, _) => Self::OnBehalf,
        }
    }
}

//! The vocabulary of Waxseal: ids, times, events, data classes, and the traits for clock and chance.
//!
//! Everything here is pure: no I/O, no system clock, no randomness of its own.

pub mod address_marks;
pub mod clock;
pub mod comparable;
pub mod data_class;
pub mod event;
pub mod filter;
pub mod id;
pub mod network;
pub mod options;
pub mod random;
pub mod redact;
pub mod sealed;
pub mod suppression;
pub mod time;
pub mod tls_results;

pub use address_marks::{AddressMarks, NoMarks};
pub use clock::{Clock, ManualClock};
pub use comparable::comparable;
pub use id::{
    AccountId, CredentialId, DomainId, ErasureId, EventId, ExportId, GrantId, HoldId, ImportId, InboxId,
    KeyId, MessageId, RecipientId, RequestId,
};
pub use random::{Random, SeededRandom};
pub use sealed::{Access, Actor, Opens, Purpose, PurposeMark, Sealed, actor, category, purpose};
pub use time::Timestamp;

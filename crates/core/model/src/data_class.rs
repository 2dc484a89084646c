//! What a stored field is: whose, what for, how long, and what happens on export and erasure.

/// The person a field tells something about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subject {
    /// Nobody: the field is not personal.
    Nobody,
    /// The customer: the account and its users.
    Customer,
    /// A person the customer writes to.
    Recipient,
    /// Both: the customer's content about or to a recipient.
    CustomerAndRecipient,
}

/// What a field is kept for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DataPurpose {
    /// To run the account: names, keys, credentials, domains.
    Account,
    /// To deliver a message.
    Delivery,
    /// To tell the customer what happened.
    Log,
    /// To honour bounces, complaints and unsubscribes.
    Suppression,
    /// To operate the instance itself.
    Operation,
}

/// How long a field is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Retention {
    /// As long as the account exists.
    Account,
    /// Until its owner (domain, key, suppression) is deleted, at the latest with the account.
    Owner,
    /// Until every recipient of the message is settled, or the stored-message limit if that is later.
    Message,
    /// `retention.events_days`.
    Events,
    /// One day (idempotency keys).
    OneDay,
    /// As long as the instance runs: not personal.
    Instance,
}

/// What an export of the account's data does with a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Export {
    /// It is in the export.
    Yes,
    /// It is left out: it is a secret, a hash or internal.
    No,
}

/// How a field goes when its subject or account is erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Erase {
    /// The row is deleted.
    DeleteRow,
    /// The key it is sealed under is destroyed, then the row is deleted.
    DestroyKeyAndDeleteRow,
    /// It stays: it is not personal.
    Keep,
}

/// How a field rests on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AtRest {
    /// Readable in the file.
    Clear,
    /// A hash under a key: equal values compare, nothing can be read back.
    KeyedHash,
    /// Sealed with AES-256-GCM under the account's key.
    SealedByAccount,
    /// Sealed with AES-256-GCM under the account's key of the day.
    SealedByDay,
    /// Wrapped with AES-256-GCM under the instance's master key: keys themselves.
    SealedByMaster,
}

/// The class of one column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DataClass {
    /// Whose data it is.
    pub subject: Subject,
    /// What it is kept for.
    pub purpose: DataPurpose,
    /// How long.
    pub retention: Retention,
    /// Whether an export holds it.
    pub export: Export,
    /// How it is erased.
    pub erase: Erase,
    /// How it rests on disk.
    pub at_rest: AtRest,
}

//! What a place of data is: of which category, whose, what for, on which ground, how long, and what happens on export
//! and erasure.

mod category;
mod ground;

pub use category::Category;
pub use ground::Ground;

use crate::sealed::{Purpose, opened_for};

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
    /// Somebody who runs the instance or works for whoever does.
    Operator,
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
    /// To erase what is to be erased, and to know that it was.
    Erasure,
    /// To answer what people ask about their data, and to be able to show it.
    Request,
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
    /// `privacy.export_hours`.
    Export,
    /// Until the file is done; what is told of it 30 days longer.
    Import,
    /// Until it is answered or refused, then `retention.request_days`.
    Requests,
    /// Until an operator ends it or its time is over, at the latest with the account.
    Pause,
    /// As long as the domain said whose it is, a year at most.
    Policy,
    /// Until the report is sent or given up, three days after its day at most.
    Report,
    /// `backup.keep_days` and a day: as long as there may be a backup from before.
    Backups,
    /// As long as the instance runs: not personal.
    Instance,
    /// In memory until the process ends, and no longer than what it was read from.
    Process,
    /// While it is on its way; nothing of it stays here.
    Passing,
    /// As long as whoever collects what the process writes keeps it; what would name somebody goes with its day.
    Collected,
    /// As long as the operator keeps the file.
    Operator,
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
    /// What stands there is sealed or named after keys of the account: with those it can be read by nobody.
    DestroyKey,
    /// It is dropped from memory with what it was read from.
    Drop,
    /// It stays, and leads to nobody once the rows that it is a number of are gone.
    LeadsNowhere,
    /// It goes with the file, when whoever runs the instance deletes that.
    WithFile,
    /// As its tables: each column has a rule of its own.
    AsColumns,
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
    /// Sealed with AES-256-GCM under the key of the day: the account's, or the instance's for what is of no account.
    SealedByDay,
    /// Wrapped with AES-256-GCM under the instance's master key: keys themselves.
    SealedByMaster,
    /// As its tables: each column rests in its own way.
    AsColumns,
    /// Nowhere: it is in memory, or on its way.
    Nowhere,
}

/// The class of one place: a column, a file, a field of the log, and so on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DataClass {
    /// What kind of data it is.
    pub category: Category,
    /// Whose data it is.
    pub subject: Subject,
    /// What it is kept for.
    pub purpose: DataPurpose,
    /// On which ground.
    pub ground: Ground,
    /// How long.
    pub retention: Retention,
    /// Whether an export holds it.
    pub export: Export,
    /// How it is erased.
    pub erase: Erase,
    /// How it rests on disk.
    pub at_rest: AtRest,
}

impl DataClass {
    /// The purposes for which it may be opened, if it rests sealed under a key of the account.
    pub fn opened_for(&self) -> &'static [Purpose] {
        match self.at_rest {
            AtRest::SealedByAccount | AtRest::SealedByDay => opened_for(self.category),
            _ => &[],
        }
    }
}

//! What an entry of the audit trail says: who, why, what, about whom, how many. Ids and numbers only.

use serde::{Deserialize, Serialize};
use waxseal_model::{AccountId, Actor, KeyId, Purpose};

use super::{operator::Operator, subject::ToldSubject};

/// Something to be recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditEntry {
    /// Who did it.
    pub actor: AuditActor,
    /// Why.
    pub purpose: AuditPurpose,
    /// What.
    pub what: AuditEvent,
    /// Whose data it touched; written as a pseudonym that dies with the account's keys.
    pub account: Option<AccountId>,
    /// How many things it touched.
    pub count: u64,
}

/// Who did something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AuditActor {
    /// Somebody at the command line.
    Operator(Operator),
    /// The system by itself.
    System,
    /// The customer; with the API key used, if by one.
    Customer(Option<KeyId>),
}

/// Why something was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditPurpose {
    /// To run accounts, keys and credentials.
    Administration,
    /// To run the instance.
    Operation,
    /// To bring a message to its recipient's server.
    Delivery,
    /// To show the customer its own data.
    CustomerAccess,
    /// To check whether somebody may come in.
    Authentication,
    /// To honour a recipient's wish not to be written to.
    Suppression,
    /// To build or sign a message.
    Signing,
    /// To erase what was asked to be erased.
    Erasure,
    /// To give a copy of their data to whom it belongs.
    Export,
    /// To keep data that the law wants kept.
    LegalHold,
    /// To delete what is over.
    Retention,
    /// To keep or restore a backup.
    Backup,
    /// To help with content, for a limited time and with notice to the owner.
    Support,
    /// To check that promises are kept.
    SelfCheck,
    /// To answer what people ask about their data.
    Request,
}

impl From<Purpose> for AuditPurpose {
    fn from(purpose: Purpose) -> Self {
        match purpose {
            Purpose::Delivery => Self::Delivery,
            Purpose::CustomerAccess => Self::CustomerAccess,
            Purpose::Authentication => Self::Authentication,
            Purpose::Suppression => Self::Suppression,
            Purpose::Signing => Self::Signing,
            Purpose::Operation => Self::Operation,
            Purpose::Support => Self::Support,
            Purpose::Export => Self::Export,
            Purpose::Request => Self::Request,
        }
    }
}

impl AuditActor {
    /// Who opened something, where that needs no name: `None` of an operator.
    pub(super) const fn unnamed(actor: Actor) -> Option<Self> {
        match actor {
            Actor::Customer => Some(Self::Customer(None)),
            Actor::System => Some(Self::System),
            Actor::Operator => None,
        }
    }
}

/// A part of an account that can be erased alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErasedPart {
    /// Everything about one recipient.
    Recipient,
    /// The person with an SMTP login.
    Login,
    /// The profile.
    Owner,
}

/// What was done. The names are part of the trail's format: add, never rename.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum AuditEvent {
    /// The server started.
    Started,
    /// The server stopped in order.
    Stopped,
    /// An account was made.
    AccountCreated,
    /// What an account says about itself was corrected.
    ProfileCorrected,
    /// What the lists of an account say about a recipient was corrected.
    RecipientCorrected,
    /// Erasure of an account was asked for; `grace_hours` until it is final.
    AccountDeleteAsked {
        /// Hours in which it can be undone.
        grace_hours: u64,
    },
    /// The wish to erase an account was taken back in time.
    AccountUndeleted,
    /// Erasure of an account has begun: its keys go now.
    ErasureStarted {
        /// Number in the erasure journal.
        erasure: u64,
    },
    /// Erasure of a part of an account has begun; `subject` tells whoever has the account's keys whom it is about.
    PartErasureStarted {
        /// Number in the erasure journal.
        erasure: u64,
        /// Which part.
        part: ErasedPart,
        /// Whom, sealed.
        #[serde(skip_serializing_if = "Option::is_none")]
        subject: Option<ToldSubject>,
    },
    /// Keys were destroyed.
    KeysDestroyed,
    /// Erasure is done; `count` rows went.
    ErasureFinished {
        /// Number in the erasure journal.
        erasure: u64,
    },
    /// Erasure of a recipient was asked for.
    RecipientEraseAsked,
    /// The accounts that have something about a recipient were looked for, to erase it in each.
    RecipientEraseEverywhereAsked,
    /// A recipient's data was erased.
    RecipientErased {
        /// Number in the erasure journal.
        erasure: u64,
    },
    /// Erasure of who has an SMTP login was asked for.
    LoginEraseAsked,
    /// Who had an SMTP login was erased.
    LoginErased {
        /// Number in the erasure journal.
        erasure: u64,
    },
    /// Erasure of an account's owner was asked for.
    OwnerEraseAsked,
    /// An account's owner was erased; the account stays.
    OwnerErased {
        /// Number in the erasure journal.
        erasure: u64,
    },
    /// A certificate was issued.
    CertificateIssued {
        /// Its number.
        certificate: u64,
    },
    /// Erasures were applied again to restored data.
    ErasuresReapplied,
    /// What had been deleted, ended or replaced one by one was so again in restored data.
    DeletionsReapplied,
    /// An export of an account was made.
    AccountExported,
    /// An export of a recipient's data was made.
    RecipientExported,
    /// An export about the person behind a login was made.
    LoginExported,
    /// An export was deleted before its time.
    ExportDeleted,
    /// An export was fetched.
    ExportDownloaded,
    /// An export was deleted because its time was over.
    ExportExpired,
    /// An export was imported.
    Imported,
    /// A legal hold was put on an account.
    HoldAdded {
        /// Its number.
        hold: u64,
    },
    /// A legal hold was released.
    HoldReleased {
        /// Its number.
        hold: u64,
    },
    /// The legal holds were listed with their reasons.
    HoldsListed,
    /// Content was opened `count` times.
    ContentOpened,
    /// At start, after a crash: content had been opened for delivery `count` times (at most) that were counted and not
    /// recorded; for which accounts is not known.
    OpeningsRecovered,
    /// An API key was made.
    KeyCreated,
    /// An API key was deleted.
    KeyDeleted,
    /// An SMTP credential or network was made.
    CredentialCreated,
    /// An SMTP credential or network was deleted.
    CredentialDeleted,
    /// Where mail of an account or a domain goes was set.
    RelaySet,
    /// A relay of an account or a domain was removed.
    RelayRemoved,
    /// Relays of an account were shown, without passwords.
    RelaysListed,
    /// A domain was made.
    DomainCreated,
    /// An address was taken off suppression lists.
    SuppressionRemoved,
    /// An operator looked at a message in the queue, without its content.
    QueueLooked,
    /// A message in the queue was tried at an operator's word.
    QueueRetried,
    /// An operator let something in the queue not leave for now.
    QueuePaused,
    /// An operator ended a pause of the queue.
    QueueResumed,
    /// Entries of the queue were to be tried at an operator's word, a part of them at a time; how many tells another entry.
    QueueDrained,
    /// Entries of the queue were to end at an operator's word, a part of them at a time; how many tells another entry.
    QueueExpired,
    /// That is done: `count` entries of the queue.
    QueueTouched {
        /// Number of the entry that tells of it.
        entry: u64,
    },
    /// The accounts were listed with their names.
    AccountsListed,
    /// An account's API keys were listed with their labels.
    KeysListed,
    /// An account's SMTP logins and networks were listed.
    CredentialsListed,
    /// An account's domains were listed.
    DomainsListed,
    /// The places of a term were looked for.
    Traced,
    /// In looking for the places of a term `count` sealed values were opened, and seen by nobody.
    ValuesOpened,
    /// What stands in the log in an address's place was told.
    LogMarkTold,
    /// The erasure proof was run.
    ErasureProved,
    /// Data keys were wrapped anew under a new epoch.
    KeysRotated,
    /// The key store was backed up.
    KeysBackedUp,
    /// Old copies of the key store were deleted.
    KeysPruned,
    /// An operator said that nobody has the secret of earlier copies of the key store any more.
    KeyCopiesForgotten,
    /// A key store of `count` rows was restored from a copy.
    KeysRestored,
    /// A backup is being made.
    BackupCreated,
    /// A backup of `count` rows was restored.
    BackupRestored,
    /// A backup was opened and checked to its end.
    BackupVerified,
    /// `count` old backups were deleted.
    BackupsPruned,
    /// An operator asked for sight of an account's content.
    BreakGlassGranted {
        /// Number of the grant.
        grant: u64,
        /// For how long.
        minutes: u64,
    },
    /// A second operator confirmed a grant.
    BreakGlassConfirmed {
        /// Number of the grant.
        grant: u64,
    },
    /// A grant was to be confirmed with a wrong secret.
    BreakGlassUnconfirmed {
        /// Number of the grant.
        grant: u64,
    },
    /// The account consented to a grant.
    BreakGlassConsented {
        /// Number of the grant.
        grant: u64,
    },
    /// The account refused a grant, or took its consent back.
    BreakGlassWithdrawn {
        /// Number of the grant.
        grant: u64,
    },
    /// A grant was ended before its time.
    BreakGlassClosed {
        /// Number of the grant.
        grant: u64,
    },
    /// An operator looked at content under a grant.
    BreakGlassUsed {
        /// Number of the grant.
        grant: u64,
    },
    /// An operator asked for content without a grant and was refused.
    ContentRefused,
    /// The owner was told of a grant.
    OwnerNotified {
        /// Number of the grant.
        grant: u64,
    },
    /// The promises were checked.
    PolicyReported {
        /// Rows that work.
        works: u64,
        /// Rows that are not built yet.
        not_yet: u64,
        /// Rows that failed.
        failed: u64,
    },
    /// Retention deleted `count` rows and keys.
    Purged,
    /// The wall clock jumped by so many seconds; nothing is purged.
    ClockJumped {
        /// Seconds, backward if negative.
        seconds: i64,
    },
    /// An operator changed what a provider gets at once.
    ShapingChanged,
    /// An operator changed an address that mail leaves from, or a pool of them.
    SourcesChanged,
    /// An operator said by which pool mail of an account or a domain leaves.
    PoolAssigned,
    /// An operator had the log looked at for what such a change would do.
    ShapingTried,
    /// An operator confirmed the clock.
    ClockConfirmed,
    /// Somebody asked for what is not theirs to ask, and was refused; nothing was done.
    CommandRefused {
        /// The command's words.
        command: &'static str,
    },
    /// What entry `entry` announced did not succeed.
    Failed {
        /// Number of that entry.
        entry: u64,
    },
    /// The trail was given out.
    TrailExported,
    /// The trail was verified; `count` findings.
    TrailVerified,
    /// At start the last group of entries was found unfinished, by a crash: so many bytes were cut. Nobody had been told
    /// that they are recorded.
    TornLineCut {
        /// Bytes.
        bytes: u64,
    },
    /// At start the trail was found shorter than its anchors say: entries from `from` to `to` are missing.
    EntriesMissing {
        /// First missing entry.
        from: u64,
        /// Last missing entry.
        to: u64,
    },
    /// At start lines were found behind the end that this instance did not write; so many bytes were cut.
    ForeignLinesCut {
        /// Bytes.
        bytes: u64,
    },
    /// What a person asks about their data was received.
    RequestReceived {
        /// Number of the request.
        request: u64,
    },
    /// A request was looked at, with who asks.
    RequestShown {
        /// Number of the request.
        request: u64,
    },
    /// The identity of who asks was checked.
    RequestIdentityChecked {
        /// Number of the request.
        request: u64,
    },
    /// A fee for answering was named.
    RequestFeeQuoted {
        /// Number of the request.
        request: u64,
    },
    /// The fee was paid.
    RequestFeePaid {
        /// Number of the request.
        request: u64,
    },
    /// The fee was waived.
    RequestFeeWaived {
        /// Number of the request.
        request: u64,
    },
    /// The time for an answer was extended.
    RequestExtended {
        /// Number of the request.
        request: u64,
    },
    /// A request was answered.
    RequestAnswered {
        /// Number of the request.
        request: u64,
    },
    /// A request was refused.
    RequestRefused {
        /// Number of the request.
        request: u64,
    },
    /// At start the key store did not know where the trail ended: it is from before it kept that, or was edited.
    KeptEndMissing,
    /// At start what the key store keeps of the trail's end was not as it was written.
    KeptEndAltered,
    /// At start the anchors were found behind the checkpoints, and brought up.
    AnchorsCompleted,
}

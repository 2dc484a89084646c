//! Which role a command takes. A request that is not here does not compile.

use super::OperatorRole::{self, Audit, Operations, Privacy, Support};
use crate::admin::{Request, requests::Asked};

/// What a command is called, and whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Need {
    /// Its words.
    pub(crate) command: &'static str,
    /// One of these roles is enough; `admin` always is.
    pub(crate) roles: &'static [OperatorRole],
}

const fn need(command: &'static str, roles: &'static [OperatorRole]) -> Need {
    Need { command, roles }
}

/// Commands that need no server, and whose process opens the files itself.
pub(crate) const BACKUP_RESTORE: Need = need("backup restore", &[Operations]);
/// The same of the keys.
pub(crate) const KEYS_RESTORE: Need = need("backup keys-restore", &[Operations]);

/// What cannot be read: of another version, or too long for somebody who may do nothing.
pub(crate) const UNKNOWN: Need = need("unknown command", ANY);

/// Admin alone.
const ADMIN: &[OperatorRole] = &[];
/// What tells nothing about anybody.
const ANY: &[OperatorRole] = &[Operations, Support, Privacy, Audit];
/// Ids and names of accounts and domains, without which nobody finds what a customer writes about.
const FIND: &[OperatorRole] = &[Operations, Support, Privacy];

/// What a request takes.
pub(super) const fn of(request: &Request) -> Need {
    match request {
        Request::AccountCreate { .. } => need("account create", ADMIN),
        Request::AccountList => need("account list", FIND),
        Request::AccountCorrect { .. } => need("account correct", &[Privacy]),
        Request::AccountDelete { .. } => need("account delete", &[Privacy]),
        Request::AccountUndelete { .. } => need("account undelete", &[Privacy]),
        Request::DomainCreate { .. } => need("domain create", &[Operations]),
        Request::DomainsCheck => need("check", FIND),
        Request::DomainList { .. } => need("domain list", FIND),
        // Whoever has a key or a login of an account reads, sends and consents in its name.
        Request::CredentialCreate { .. } => need("credential create", ADMIN),
        Request::NetworkCreate { .. } => need("credential create --network", ADMIN),
        Request::CredentialList { .. } => need("credential list", ADMIN),
        Request::CredentialDelete { .. } => need("credential delete", ADMIN),
        Request::KeyCreate { .. } => need("key create", ADMIN),
        Request::KeyList { .. } => need("key list", ADMIN),
        Request::KeyDelete { .. } => need("key delete", ADMIN),
        // Whoever names a relay reads all that goes there.
        Request::RelaySet { .. } => need("relay set", ADMIN),
        Request::RelayShow { .. } => need("relay show", &[Operations, Support]),
        Request::RelayList { .. } => need("relay list", &[Operations, Support]),
        Request::RelayRemove { .. } => need("relay remove", &[Operations]),
        Request::PrivacyImport { .. } => need("privacy import", ADMIN),
        Request::QueueList { .. } => need("queue list", &[Operations, Support]),
        Request::QueuePause { .. } => need("queue pause", &[Operations]),
        Request::QueueResume { .. } => need("queue resume", &[Operations]),
        Request::QueuePauses { .. } => need("queue pauses", &[Operations, Support]),
        Request::QueueDrain { .. } => need("queue drain", &[Operations]),
        Request::QueueExpire { .. } => need("queue expire", &[Operations]),
        Request::QueueCount { .. } => need("queue expire --dry-run", &[Operations, Support]),
        Request::QueueWhy { .. } => need("queue why", &[Operations, Support]),
        Request::QueueRetry { .. } => need("queue retry", &[Operations]),
        Request::ShapingShow { .. } => need("shaping show", &[Operations, Support]),
        Request::ShapingSet(_) => need("shaping set", &[Operations]),
        Request::SourceList => need("source list", &[Operations, Support]),
        Request::SourceChange(_) => need("source set", &[Operations]),
        Request::PoolList => need("pool list", &[Operations, Support]),
        Request::PoolChange(_) => need("pool set", &[Operations]),
        Request::PoolAssign { .. } => need("pool assign", &[Operations]),
        Request::ConfirmClock => need("privacy confirm-clock", &[Operations]),
        Request::LogMark { .. } => need("privacy log-mark", &[Operations, Support]),
        Request::KeysList => need("keys list", &[Operations, Audit]),
        Request::KeysRotate => need("keys rotate", &[Operations]),
        Request::BackupCreate { .. } => need("backup create", &[Operations]),
        Request::BackupKeys { .. } => need("backup keys", &[Operations]),
        Request::BackupList => need("backup list", &[Operations, Audit]),
        Request::BackupPrune => need("backup prune", &[Operations]),
        Request::BackupVerify => need("backup verify", &[Operations, Audit]),
        Request::AccessOpen { .. } => need("access open", &[Support]),
        // Two pairs of eyes may be of two roles, and whoever may answer for the data may end it.
        Request::AccessConfirm { .. } => need("access confirm", &[Support, Privacy]),
        Request::AccessClose { .. } => need("access close", &[Support, Privacy]),
        Request::AccessShow { .. } => need("access show", &[Support]),
        Request::AccessRead { .. } => need("access read", &[Support]),
        Request::AccessList { .. } => need("access list", &[Support, Privacy, Audit]),
        Request::Person { asked: Asked::Standing } => need("privacy request standing", ANY),
        Request::Person { .. } => need("privacy request", &[Privacy]),
        Request::RecipientCorrect { .. } => need("privacy correct-recipient", &[Privacy]),
        Request::SuppressionRemove { .. } => need("suppression remove", &[Privacy]),
        Request::RecipientErase { .. } => need("privacy erase-recipient", &[Privacy]),
        Request::RecipientEraseEverywhere { .. } => need("privacy erase-recipient --everywhere", &[Privacy]),
        Request::LoginErase { .. } => need("privacy erase-login", &[Privacy]),
        Request::OwnerErase { .. } => need("privacy erase-owner", &[Privacy]),
        Request::ErasureShow { .. } => need("privacy erasure", &[Privacy, Audit]),
        Request::Certificate { .. } => need("privacy certificate", &[Privacy, Audit]),
        Request::PublicKey => need("privacy public-key", ANY),
        Request::HoldAdd { .. } => need("privacy hold add", &[Privacy]),
        Request::HoldList { .. } => need("privacy hold list", &[Privacy]),
        Request::HoldRemove { .. } => need("privacy hold remove", &[Privacy]),
        Request::PrivacyTrace { .. } => need("privacy trace", &[Privacy]),
        Request::PrivacyExport { .. } => need("privacy export", &[Privacy]),
        Request::AuditVerify => need("audit verify", &[Operations, Audit]),
        Request::AuditExport { .. } => need("audit export", &[Audit]),
        Request::PolicyVerify => need("policy verify", &[Operations, Audit]),
        Request::PolicyReport { .. } => need("policy report", ANY),
        Request::PolicyVerifyReport { .. } => need("policy verify-report", ANY),
    }
}

//! Which commands leave an entry in the audit trail: all that touch people's data.
//!
//! The entry is written before the command is carried out, so that nothing is done unrecorded; if it fails, another
//! one says so. Only an account that is being made has no pseudonym yet: its entry follows.

use anyhow::{Context as _, Result};
use serde_json::Value;
use waxseal_model::AccountId;
use waxseal_privacy::audit::{AuditActor, AuditEntry, AuditError, AuditEvent, AuditPurpose};

use super::{Request, carry_out};
use crate::{
    house::House,
    operators::{Judged, Refusal},
};

/// That somebody asked for what is not theirs to ask.
pub(super) async fn refuse(house: &House, refusal: &Refusal) -> Result<(), AuditError> {
    let what = AuditEvent::CommandRefused { command: refusal.need.command };
    let (actor, purpose) = (AuditActor::Operator(refusal.operator), AuditPurpose::SelfCheck);
    house.audit.record(AuditEntry { actor, purpose, what, account: None, count: 1 }).await.map(drop)
}

pub(super) async fn perform(house: &House, judged: Judged) -> Result<Value> {
    let (request, by) = judged.open();
    let Some((what, purpose, account)) = trace(&request, house) else {
        return carry_out(house, by, request).await;
    };
    let mut account: Option<AccountId> = account.and_then(|id| id.parse().ok());
    if account.is_none() {
        account = super::queue::whose(house, &request).await?;
    }
    let entry = AuditEntry { actor: AuditActor::Operator(by), purpose, what, account, count: 1 };
    if matches!(request, Request::AccountCreate { .. }) {
        let answer = carry_out(house, by, request).await?;
        let account = answer.get("account_id").and_then(Value::as_str).and_then(|id| id.parse().ok());
        house.audit.record(AuditEntry { account, ..entry }).await?;
        return Ok(answer);
    }
    // What is refused is not said to have been made.
    super::check(house, &request).await?;
    let number =
        house.audit.record(entry).await.context("nothing was done, because it cannot be recorded")?;
    // A person's request is answered with the number of the entry that tells of it.
    let is_answer = matches!(
        request,
        Request::PrivacyExport { .. } | Request::AccountCorrect { .. } | Request::RecipientCorrect { .. }
    );
    let in_bulk = matches!(request, Request::QueueDrain { .. } | Request::QueueExpire { .. });
    let mut outcome = carry_out(house, by, request).await;
    if let Ok(answer) = &mut outcome
        && is_answer
    {
        answer["entry"] = number.into();
    }
    if let (Ok(answer), true) = (&outcome, in_bulk)
        && let Some(count) = answer.get("touched").and_then(Value::as_u64)
    {
        let touched = AuditEntry { what: AuditEvent::QueueTouched { entry: number }, count, ..entry };
        house.audit.record(touched).await?;
    }
    if outcome.is_err() {
        let failed = AuditEntry { what: AuditEvent::Failed { entry: number }, ..entry };
        house.audit.record(failed).await?;
    }
    outcome
}

/// What the entry says; `None` for what touches nobody's data.
fn trace<'a>(request: &'a Request, house: &House) -> Option<(AuditEvent, AuditPurpose, Option<&'a str>)> {
    use AuditEvent as Event;
    use AuditPurpose as Why;
    let (what, why, account) = match request {
        Request::AccountCreate { .. } => (Event::AccountCreated, Why::Administration, None),
        Request::DomainsCheck => (Event::DomainsListed, Why::SelfCheck, None),
        Request::AccountList => (Event::AccountsListed, Why::Administration, None),
        Request::AccountCorrect { account, .. } => {
            (Event::ProfileCorrected, Why::Administration, Some(account))
        }
        Request::RecipientCorrect { account, .. } => {
            (Event::RecipientCorrected, Why::Suppression, Some(account))
        }
        Request::AccountDelete { account } => {
            let grace_hours = house.eraser.grace().as_secs() / 3600;
            (Event::AccountDeleteAsked { grace_hours }, Why::Erasure, Some(account))
        }
        Request::AccountUndelete { account } => (Event::AccountUndeleted, Why::Erasure, Some(account)),
        Request::RecipientErase { account, .. } => (Event::RecipientEraseAsked, Why::Erasure, Some(account)),
        Request::RecipientEraseEverywhere { .. } => {
            (Event::RecipientEraseEverywhereAsked, Why::Erasure, None)
        }
        Request::LoginErase { account, .. } => (Event::LoginEraseAsked, Why::Erasure, Some(account)),
        Request::OwnerErase { account } => (Event::OwnerEraseAsked, Why::Erasure, Some(account)),
        Request::HoldList { account } => (Event::HoldsListed, Why::LegalHold, account.as_ref()),
        Request::DomainCreate { account, .. } => (Event::DomainCreated, Why::Administration, Some(account)),
        Request::CredentialCreate { account, .. } | Request::NetworkCreate { account, .. } => {
            (Event::CredentialCreated, Why::Administration, Some(account))
        }
        Request::KeyCreate { account, .. } => (Event::KeyCreated, Why::Administration, Some(account)),
        Request::KeyDelete { account, .. } => (Event::KeyDeleted, Why::Administration, Some(account)),
        Request::CredentialDelete { account, .. } => {
            (Event::CredentialDeleted, Why::Administration, Some(account))
        }
        Request::SuppressionRemove { account, .. } => {
            (Event::SuppressionRemoved, Why::Suppression, Some(account))
        }
        Request::QueueWhy { .. } => (Event::QueueLooked, Why::Operation, None),
        // Whoever asks about a person.
        Request::QueueList { which, .. } | Request::QueuePauses { which } | Request::QueueCount { which, .. }
            if which.recipient.is_some() =>
        {
            (Event::QueueLooked, Why::Operation, which.account.as_ref())
        }
        Request::QueueRetry { .. } => (Event::QueueRetried, Why::Operation, None),
        Request::QueuePause { which, .. } => (Event::QueuePaused, Why::Operation, which.account.as_ref()),
        Request::QueueResume { which, .. } => (Event::QueueResumed, Why::Operation, which.account.as_ref()),
        Request::QueueDrain { which, .. } => (Event::QueueDrained, Why::Operation, which.account.as_ref()),
        Request::QueueExpire { which, .. } => (Event::QueueExpired, Why::Operation, which.account.as_ref()),
        Request::ShapingSet(change) if change.dry_run => (Event::ShapingTried, Why::Operation, None),
        Request::ShapingSet(_) => (Event::ShapingChanged, Why::Operation, None),
        Request::SourceChange(_) | Request::PoolChange(_) => (Event::SourcesChanged, Why::Operation, None),
        Request::ConfirmClock => (Event::ClockConfirmed, Why::Retention, None),
        Request::PrivacyTrace { .. } => (Event::Traced, Why::Operation, None),
        Request::BackupVerify => (Event::BackupVerified, Why::Backup, None),
        Request::PrivacyExport { account, recipient: Some(_), .. } => {
            (Event::RecipientExported, Why::Export, account.as_ref())
        }
        Request::PrivacyExport { login: Some(_), .. } => (Event::LoginExported, Why::Export, None),
        Request::PrivacyExport { account, .. } => (Event::AccountExported, Why::Export, account.as_ref()),
        Request::PrivacyImport { .. } => (Event::Imported, Why::Administration, None),
        Request::LogMark { .. } => (Event::LogMarkTold, Why::Operation, None),
        Request::KeysRotate => (Event::KeysRotated, Why::Operation, None),
        Request::AuditExport { account, .. } => (Event::TrailExported, Why::SelfCheck, account.as_ref()),
        Request::DomainList { account } => (Event::DomainsListed, Why::Administration, Some(account)),
        Request::KeyList { account } => (Event::KeysListed, Why::Administration, Some(account)),
        Request::CredentialList { account, .. } => (Event::CredentialsListed, Why::Administration, Some(account)),
        Request::RelayList { account } => (Event::RelaysListed, Why::Administration, Some(account)),
        // Recorded with the account, which the domain leads to.
        Request::PoolAssign { .. }
        | Request::RelaySet { .. }
        | Request::RelayShow { .. }
        | Request::RelayRemove { .. }
        // Numbers and kinds: nothing about people; or a check of the trail itself.
        | Request::QueueList { .. }
        | Request::QueuePauses { .. }
        | Request::QueueCount { .. }
        | Request::ShapingShow { .. }
        | Request::SourceList
        | Request::PoolList
        | Request::KeysList
        | Request::AccessList { .. }
        // Recorded by the service, with the grant's number.
        | Request::AccessOpen { .. }
        | Request::AccessConfirm { .. }
        | Request::AccessShow { .. }
        | Request::AccessRead { .. }
        | Request::AccessClose { .. }
        | Request::ErasureShow { .. }
        | Request::Certificate { .. }
        | Request::PublicKey
        // Recorded with the hold's number.
        | Request::HoldAdd { .. }
        | Request::HoldRemove { .. }
        | Request::BackupList
        // Recorded by the service, which also makes and deletes backups by the clock.
        | Request::BackupCreate { .. }
        | Request::BackupKeys { .. }
        | Request::BackupPrune
        // Recorded by the service, with the request's number.
        | Request::Person { .. }
        // Recorded with what it found.
        | Request::PolicyVerify
        | Request::PolicyReport { .. }
        | Request::PolicyVerifyReport { .. }
        | Request::AuditVerify => return None,
    };
    Some((what, why, account.map(String::as_str)))
}

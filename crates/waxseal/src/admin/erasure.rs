//! Erasing by command: of accounts, recipients, logins and owners; holds, and certificates.

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use waxseal_model::{Access, HoldId, actor, purpose};
use waxseal_privacy::audit::{AuditActor, AuditEntry, AuditEvent, AuditPurpose, Operator};
use waxseal_store::erasure::{Erasure, Hold, NewHold};

use super::{audit::time, known};
use crate::house::House;

/// Closes an account, to be erased when the time of grace is over.
pub(super) async fn delete_account(house: &House, account: &str) -> Result<Value> {
    let account = known(house, account).await?;
    let erasure = house.eraser.close_account(account).await?;
    let mut answer = shown(house, &erasure).await?;
    answer["account_id"] = account.to_string().into();
    Ok(answer)
}

/// Opens it again.
pub(super) async fn undelete_account(house: &House, account: &str) -> Result<Value> {
    let account = known(house, account).await?;
    house.eraser.reopen_account(account).await?;
    Ok(json!({ "account_id": account.to_string(), "state": "open" }))
}

/// Asks for the erasure of a recipient within an account.
pub(super) async fn recipient(house: &House, account: &str, address: &str) -> Result<Value> {
    let account = known(house, account).await?;
    let erasure = house.eraser.erase_recipient(account, address).await?;
    shown(house, &erasure).await
}

/// Asks for it in every account; says how many there were, not which.
pub(super) async fn recipient_everywhere(house: &House, address: &str) -> Result<Value> {
    let (ids, rows) = house.eraser.erase_recipient_everywhere(address).await?;
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    Ok(json!({ "accounts": ids.len(), "rows_found": rows, "certificates": ids }))
}

/// Asks for the erasure of who has a login of an account.
pub(super) async fn login(house: &House, account: &str, login: &str) -> Result<Value> {
    let account = known(house, account).await?;
    let erasure = house.eraser.erase_login(account, login).await?;
    shown(house, &erasure).await
}

/// Asks for the erasure of an account's owner.
pub(super) async fn owner(house: &House, account: &str) -> Result<Value> {
    let account = known(house, account).await?;
    let erasure = house.eraser.erase_owner(account).await?;
    shown(house, &erasure).await
}

/// How far an erasure is.
pub(super) async fn show(house: &House, id: &str) -> Result<Value> {
    shown(house, &found(house, id).await?).await
}

/// The certificate of an erasure that is done.
pub(super) async fn certificate(house: &House, id: &str) -> Result<Value> {
    let erasure = found(house, id).await?;
    let Some(certificate) = &erasure.certificate else {
        bail!("erasure {id} is not done yet: `waxseal privacy erasure {id}` tells how far it is");
    };
    serde_json::from_str(certificate).context("the certificate cannot be read")
}

/// The key that certificates are signed with.
pub(super) fn public_key(house: &House) -> Value {
    json!({ "algorithm": "Ed25519", "public_key": house.eraser.public_key() })
}

/// Adds a legal hold; the trail gets its number.
pub(super) async fn add_hold(
    house: &House,
    by: Operator,
    account: &str,
    recipient: Option<String>,
    reason: String,
    until: Option<String>,
) -> Result<Value> {
    let account = known(house, account).await?;
    let until = until.map(|until| time("--until", &until)).transpose()?;
    let hold = house.eraser.add_hold(NewHold { account, recipient, reason, until }).await?;
    record_hold(house, by, &hold, AuditEvent::HoldAdded { hold: hold.number }).await?;
    Ok(shown_hold(house, &hold))
}

/// The holds with their reasons.
pub(super) async fn holds(house: &House, account: Option<&str>) -> Result<Value> {
    let account = match account {
        Some(account) => Some(known(house, account).await?),
        None => None,
    };
    let holds = house.eraser.holds(account).await?;
    let items: Vec<Value> = holds.iter().map(|hold| shown_hold(house, hold)).collect();
    Ok(json!({ "items": items }))
}

/// Lifts a hold.
pub(super) async fn remove_hold(house: &House, by: Operator, id: &str) -> Result<Value> {
    let missing = || {
        format!(
            "no hold {id} is in force that could be lifted; `waxseal privacy hold list` shows those that are"
        )
    };
    let parsed: HoldId = id.parse().with_context(missing)?;
    let holds = house.eraser.holds(None).await?;
    let hold = holds.into_iter().find(|hold| hold.id == parsed && hold.lifted_at.is_none());
    let hold = hold.with_context(missing)?;
    record_hold(house, by, &hold, AuditEvent::HoldReleased { hold: hold.number }).await?;
    let lifted = house.eraser.lift_hold(parsed).await?.with_context(missing)?;
    Ok(shown_hold(house, &lifted))
}

async fn record_hold(house: &House, by: Operator, hold: &Hold, what: AuditEvent) -> Result<()> {
    let (actor, purpose) = (AuditActor::Operator(by), AuditPurpose::LegalHold);
    house.audit.record(AuditEntry { actor, purpose, what, account: Some(hold.account), count: 1 }).await?;
    Ok(())
}

async fn found(house: &House, id: &str) -> Result<Erasure> {
    let parsed = id.parse().with_context(|| format!("erasure {id}"))?;
    house.store.erasure(parsed).await?.with_context(|| format!("there is no erasure {id}"))
}

async fn shown(house: &House, erasure: &Erasure) -> Result<Value> {
    let progress = house.eraser.progress(erasure).await?;
    Ok(json!({
        "erasure": erasure.id.to_string(),
        "kind": erasure.kind.as_str(),
        "state": progress.stage,
        "requested_at": erasure.asked_at.to_jiff().to_string(),
        "final_at": erasure.final_at.to_jiff().to_string(),
        "done_at": erasure.done_at.map(|at| at.to_jiff().to_string()),
        "rows": progress.rows,
    }))
}

fn shown_hold(house: &House, hold: &Hold) -> Value {
    let access = Access::new(actor::Operator, purpose::Operation);
    json!({
        "hold": hold.id.to_string(),
        "account_id": hold.account.to_string(),
        "about": if hold.of_recipient { "one recipient" } else { "everything" },
        "in_force": hold.in_force(house.clock.now()),
        "reason": hold.reason.as_ref().map(|reason| reason.open(&access).clone()),
        "added_at": hold.added_at.to_jiff().to_string(),
        "until": hold.until.map(|at| at.to_jiff().to_string()),
        "lifted_at": hold.lifted_at.map(|at| at.to_jiff().to_string()),
    })
}

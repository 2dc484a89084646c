//! An operator's access to content, by command. The service records what happens, with the grant's number.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use waxseal_model::{Access, MessageId, Timestamp, actor, purpose};
use waxseal_privacy::audit::Operator;
use waxseal_store::grant::{Grant, GrantState};

use super::existing;
use crate::{access_notice, house::House};

/// What an operator sees under a grant.
const SUPPORT: Access<purpose::Support> = Access::new(actor::Operator, purpose::Support);

pub(super) async fn open(
    house: &House,
    by: Operator,
    account: &str,
    reason: &str,
    time: &str,
) -> Result<Value> {
    let account = existing(house, account).await?;
    let time = duration(time)?;
    let grant = house.break_glass().open(by, account, reason, time).await?;
    // Also without a server: what is queued leaves when one runs.
    access_notice::send(house).await;
    let grant = house.store.grant(grant.number).await?.unwrap_or(grant);
    Ok(shown(&grant, house.clock.now()))
}

pub(super) async fn confirm(house: &House, by: Operator, number: u64, secret: &str) -> Result<Value> {
    let grant = house.break_glass().confirm(by, number, secret).await?;
    Ok(shown(&grant, house.clock.now()))
}

pub(super) async fn close(house: &House, by: Operator, number: u64) -> Result<Value> {
    let grant = house.break_glass().close(by, number).await?;
    Ok(shown(&grant, house.clock.now()))
}

pub(super) async fn show(
    house: &House,
    by: Operator,
    number: u64,
    before: Option<&str>,
    limit: u64,
) -> Result<Value> {
    let before = before.map(message_id).transpose()?;
    let messages = house.break_glass().messages(by, number, before, limit).await?;
    let items: Vec<Value> = messages
        .into_iter()
        .map(|message| {
            let details = message.template.into_granted(&SUPPORT);
            json!({
                "message": message.id.to_string(),
                "at": message.created_at.to_jiff().to_string(),
                "from": details.message.from,
                "to": details.message.to,
                "subject": details.message.subject,
                "size": message.size,
            })
        })
        .collect();
    Ok(json!({ "grant": number, "items": items }))
}

pub(super) async fn read(house: &House, by: Operator, number: u64, message: &str) -> Result<Value> {
    let id = message_id(message)?;
    let seen = house.break_glass().read(by, number, id).await?;
    Ok(json!({
        "grant": number,
        "message": id.to_string(),
        "account_id": seen.account.to_string(),
        "mime": String::from_utf8_lossy(&seen.mime),
    }))
}

pub(super) async fn list(house: &House, account: Option<&str>) -> Result<Value> {
    let account = match account {
        Some(account) => Some(existing(house, account).await?),
        None => None,
    };
    let now = house.clock.now();
    let mut items = Vec::new();
    let mut before = None;
    loop {
        let page = house.store.grants(account, before, 500).await?;
        let Some(last) = page.last() else { return Ok(json!({ "items": items })) };
        before = Some(last.id);
        items.extend(page.iter().map(|grant| shown(grant, now)));
    }
}

/// A grant without its reason.
fn shown(grant: &Grant, now: Timestamp) -> Value {
    let time = |at: Timestamp| at.to_jiff().to_string();
    json!({
        "grant": grant.number,
        "id": grant.id.to_string(),
        "account_id": grant.account.to_string(),
        "state": word(grant.state(now)),
        "opened_at": time(grant.opened_at),
        "expires_at": time(grant.expires_at),
        "second_operator": grant.second_operator,
        "confirmed_at": grant.confirmed_at.filter(|_| grant.second_operator).map(time),
        "needs_consent": grant.needs_consent,
        "consented_at": grant.consented_at.map(time),
        "closed_at": grant.closed_at.map(time),
        "openings": grant.openings,
        "owner_written_to_at": grant.noticed_at.map(time),
    })
}

const fn word(state: GrantState) -> &'static str {
    match state {
        GrantState::Open => "open",
        GrantState::Waiting => "waiting",
        GrantState::Unconsented => "waiting for consent",
        GrantState::Closed => "closed",
        GrantState::Expired => "expired",
    }
}

/// `30m`, `1h`, `1h 30m`.
pub(super) fn duration(text: &str) -> Result<Duration> {
    let Some(time) = text.parse::<jiff::SignedDuration>().ok().and_then(|time| time.try_into().ok()) else {
        bail!("--for {text}: expected a time such as 30m or 1h");
    };
    Ok(time)
}

fn message_id(text: &str) -> Result<MessageId> {
    text.parse()
        .with_context(|| format!("{text}: expected a message's id, as `waxseal access show` lists it"))
}

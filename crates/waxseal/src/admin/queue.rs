//! Messages on their way, as an operator sees them: no addresses, the recipients' domains only.

mod bulk;
mod pauses;
mod selection;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use waxseal_delivery::why;
use waxseal_model::{Access, AccountId, MessageId, actor, purpose};
use waxseal_store::{
    event_log::{EventQuery, StoredEvent},
    queue::{QueueEntry, QueueFilter},
};

pub(super) use self::{
    bulk::bulk,
    pauses::{list as pauses, pause, resume},
};
pub(crate) use self::{pauses::duration, selection::Selection};
use crate::{admin::Request, house::House};

/// Entries of one page, and events of one message, at most.
const MOST: u64 = 1_000;
/// Entries that are opened for one answer, where a recipient is looked for.
const LOOKED_AT: u64 = 20_000;

pub(super) async fn list(
    house: &House,
    limit: u64,
    selection: &Selection,
    after: Option<&str>,
) -> Result<Value> {
    // Who only counts does so again and again.
    let mut filter = selection.filter(house, limit == 0 || after.is_some()).await?;
    let counts = house.store.queue_counts(&filter).await?;
    filter.after = after.map(|text| text.parse().context("--after: this is no entry's id")).transpose()?;
    let (limit, mut looked_at) = (limit.min(MOST), 0);
    let mut entries = Vec::new();
    let mut next = filter.after;
    while (entries.len() as u64) < limit && looked_at < LOOKED_AT {
        let (some, after) = house.store.queue_page(&filter, limit - entries.len() as u64).await?;
        looked_at += 500;
        entries.extend(some);
        (next, filter.after) = (after, after);
        if after.is_none() {
            break;
        }
    }
    // Looking for a recipient finds more at once than are wanted.
    if entries.len() as u64 > limit {
        entries.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        next = entries.last().map(|entry| entry.id);
    }
    let (waiting, in_flight) = match filter.recipient {
        // Whom entries are to is known of those alone that were opened.
        Some(_) => {
            let in_flight = entries.iter().filter(|entry| entry.in_flight).count() as u64;
            (entries.len() as u64 - in_flight, in_flight)
        }
        None => (counts.waiting, counts.in_flight),
    };
    let view = house.view();
    let now = house.clock.now();
    let items: Vec<Value> = entries
        .iter()
        .map(|one| {
            let mut item = entry(one);
            item["why"] = why::of_entry(&house.store, view.as_ref(), now, one).words.into();
            item
        })
        .collect();
    Ok(json!({
        "waiting": waiting,
        "in_flight": in_flight,
        "items": items,
        "next": next.filter(|_| limit > 0).map(|id| id.to_string()),
        "pauses": house.store.pauses().len(),
    }))
}

/// The account that a command is about which names it by a domain or by a pause.
pub(super) async fn whose(house: &House, request: &Request) -> Result<Option<AccountId>> {
    match request {
        Request::QueueResume { pause: Some(number), .. } => {
            let pause = house.store.pauses().into_iter().find(|pause| pause.number == *number);
            Ok(pause.and_then(|pause| pause.account))
        }
        Request::QueuePause { which, .. }
        | Request::QueueResume { which, .. }
        | Request::QueueDrain { which, .. }
        | Request::QueueExpire { which, .. }
        | Request::QueueList { which, .. }
        | Request::QueuePauses { which }
        | Request::QueueCount { which, .. } => Ok(which.sender(house).await?.0),
        _ => Ok(None),
    }
}

pub(super) async fn why(house: &House, message: &str) -> Result<Value> {
    let (account, id, header_id) = find(house, message).await?;
    let filter = QueueFilter { account: Some(account), message: Some(id), ..QueueFilter::default() };
    let entries = house.store.queue_entries(&filter, MOST).await?;
    let newest = EventQuery { limit: MOST, ..EventQuery::of_message(account, header_id.clone()) };
    let mut events = house.store.events(&newest).await?;
    events.reverse();
    let view = house.view();
    let asked = (&house.store, view.as_ref(), &*house.clock);
    let recipients = why::recipients(asked, (account, id, &header_id), told).await?;
    Ok(json!({
        "message": id.to_string(),
        "recipients": recipients,
        "waiting": entries.iter().map(entry).collect::<Vec<_>>(),
        "events": events.iter().map(event).collect::<Vec<_>>(),
    }))
}

/// What an event says of its recipient, as an operator may see it.
fn told(event: &StoredEvent) -> Option<why::Told> {
    let access = Access::new(actor::Operator, purpose::Operation);
    let details = event.details.open(&access);
    let status = details.delivery_status.as_ref();
    Some(why::Told {
        recipient: details.recipient.clone()?,
        reply: status.map(|status| {
            let said = if status.message.is_empty() { &status.description } else { &status.message };
            crate::logging::redacted(&format!("{} {said}", status.code)).into_owned()
        }),
        attempts: status.map_or(0, |status| status.attempt_no),
    })
}

pub(super) async fn retry(house: &House, message: &str) -> Result<Value> {
    let (_, id, _) = find(house, message).await?;
    let retried = house.store.retry_now(id, house.clock.now()).await?;
    Ok(json!({ "message": id.to_string(), "retried": retried, "touched": retried }))
}

/// The message with this storage key or Message-ID header, whosever it is.
async fn find(house: &House, text: &str) -> Result<(AccountId, MessageId, String)> {
    let storage_key = text.parse::<MessageId>().ok();
    let header = text.trim_start_matches('<').trim_end_matches('>');
    let access = Access::new(actor::Operator, purpose::Operation);
    let mut after = None;
    loop {
        let page = house.store.accounts(after, 500).await?;
        let Some(last) = page.last() else {
            bail!(
                "there is no message {text}: give its storage key, or its Message-ID header, while its events are kept"
            );
        };
        after = Some(last.id);
        for account in &page {
            if let Some(key) = storage_key {
                if let Some(found) = house.store.message(account.id, key).await? {
                    return Ok((account.id, key, found.template.open(&access).message.message_id.clone()));
                }
                continue;
            }
            let events = house.store.events(&EventQuery::of_message(account.id, header.to_owned())).await?;
            if let Some(id) = events.iter().find_map(|event| event.message) {
                return Ok((account.id, id, header.to_owned()));
            }
        }
    }
}

fn entry(entry: &QueueEntry) -> Value {
    json!({
        "id": entry.id.to_string(),
        "message": entry.message.to_string(),
        "account": entry.account.to_string(),
        "recipient_domain": entry.recipient_domain,
        "attempts": entry.attempts,
        "in_flight": entry.in_flight,
        "accepted_at": entry.accepted_at.to_jiff().to_string(),
        "next_attempt_at": (!entry.is_held() && !entry.is_cleared()).then(|| entry.next_attempt_at.to_jiff().to_string()),
        "held": entry.is_held(),
        "paused": entry.paused,
        "cleared": entry.is_cleared(),
        "possible_duplicate": entry.reply_unknown,
        "give_up_at": entry.give_up_at.to_jiff().to_string(),
        "last_reply": entry.last_reply,
    })
}

fn event(event: &StoredEvent) -> Value {
    let access = Access::new(actor::Operator, purpose::Operation);
    let details = event.details.open(&access);
    let recipient_domain =
        details.recipient.as_deref().and_then(|address| address.rsplit_once('@')).map(|(_, domain)| domain);
    let status = details.delivery_status.as_ref();
    json!({
        "at": event.at.to_jiff().to_string(),
        "event": event.kind.as_str(),
        "severity": event.severity.map(|severity| severity.as_str()),
        "recipient_domain": recipient_domain,
        "reason": details.reason,
        "code": status.map(|status| status.code),
        "reply": status.map(|status| crate::logging::redacted(&status.message).into_owned()),
        "mx_host": status.and_then(|status| status.mx_host.clone()),
    })
}

//! Messages on their way, as an operator sees them: no addresses, the recipients' domains only.

use anyhow::{Result, bail};
use serde_json::{Value, json};
use waxseal_model::{Access, AccountId, MessageId, actor, purpose};
use waxseal_store::{
    event_log::{EventQuery, StoredEvent},
    queue::{QueueEntry, QueueFilter},
};

use crate::house::House;

pub(super) async fn list(house: &House, limit: u64) -> Result<Value> {
    let all = QueueFilter::default();
    let counts = house.store.queue_counts(&all).await?;
    let entries = house.store.queue_entries(&all, limit).await?;
    Ok(json!({
        "waiting": counts.waiting,
        "in_flight": counts.in_flight,
        "items": entries.iter().map(entry).collect::<Vec<_>>(),
    }))
}

pub(super) async fn why(house: &House, message: &str) -> Result<Value> {
    let (account, id, header_id) = find(house, message).await?;
    let filter = QueueFilter { message: Some(id), ..QueueFilter::default() };
    let entries = house.store.queue_entries(&filter, 1_000).await?;
    let query = EventQuery { ascending: true, limit: 1_000, ..events_of(account, Some(header_id)) };
    let events = house.store.events(&query).await?;
    Ok(json!({
        "message": id.to_string(),
        "waiting": entries.iter().map(entry).collect::<Vec<_>>(),
        "events": events.iter().map(event).collect::<Vec<_>>(),
    }))
}

pub(super) async fn retry(house: &House, message: &str) -> Result<Value> {
    let (_, id, _) = find(house, message).await?;
    let retried = house.store.retry_now(id, house.clock.now()).await?;
    Ok(json!({ "message": id.to_string(), "retried": retried }))
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
            let events = house.store.events(&events_of(account.id, Some(header.to_owned()))).await?;
            if let Some(id) = events.iter().find_map(|event| event.message) {
                return Ok((account.id, id, header.to_owned()));
            }
        }
    }
}

fn events_of(account: AccountId, header_message_id: Option<String>) -> EventQuery {
    EventQuery {
        account,
        domain: None,
        from: None,
        until: None,
        beyond: None,
        after_seq: None,
        until_seq: None,
        ascending: false,
        kinds: Vec::new(),
        recipient: None,
        header_message_id,
        limit: 1,
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

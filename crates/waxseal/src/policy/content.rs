//! What customers send: P3 to P6.

use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

use anyhow::{Result, ensure};
use waxseal_model::Timestamp;
use waxseal_privacy::audit::{Query, RecordedEntry};

use super::{
    figures::{kept, moment},
    row::{Found, Instance, Row},
};

/// The rows.
pub(super) const ROWS: &[Row] = &[
    Row {
        row: "P3",
        promise: "Content is not kept permanently: erased on delivery or when its retention ends, wherever it lies",
        mechanism: "the body is deleted with its last recipient or at its term, and the day's key destroyed once no \
                    body needs it; until then it opens in copies of the files from before as well",
        missing: None,
        check: Some(|instance| Box::pin(content_goes(instance))),
    },
    Row {
        row: "P4",
        promise: "Content is not mined: nothing reads it beyond delivery, store() and the reputation check, and each \
                  read is accounted for",
        mechanism: "content leaves the store sealed; opening it names an actor and a purpose and is in the audit \
                    trail before it is handed over, of delivery in batches whose number is committed with what became \
                    of them, so that a crash loses none; an operator sees none without a grant",
        missing: None,
        check: Some(|instance| Box::pin(openings_are_accounted_for(instance))),
    },
    Row {
        row: "P5",
        promise: "Temporary copies only for store(), reputation, retry and logs, each with its own limit",
        mechanism: "each kind of copy carries its term; rounds of retention delete it every half hour",
        missing: None,
        check: Some(|instance| Box::pin(copies_have_limits(instance))),
    },
    Row::unbuilt(
        "P6",
        "No address given to validation is kept, in tables, logs, traces or backups",
        "validation; no address is given to it",
    ),
];

async fn content_goes(instance: &Instance<'_>) -> Result<Found> {
    let bodies = instance.holdings().await?.bodies;
    let text = kept(bodies, "bodies")?;
    let keys = instance.house.store.keys().await?;
    let days: Vec<_> = keys.iter().filter(|key| key.class == "content").filter_map(|key| key.day).collect();
    // Today's keys and yesterday's may still be wanted by who is at work; older ones only by a body of their day.
    let yesterday = (instance.house.clock.now() - Duration::from_secs(86_400)).day();
    let needed = bodies.oldest.map_or(yesterday, |oldest| oldest.day().min(yesterday));
    let idle = days.iter().filter(|day| **day < needed).count();
    ensure!(idle == 0, "{text}; {idle} keys of days that no body is of have not been destroyed");
    if let Some(since) = instance.house.store.purging_paused().await? {
        anyhow::bail!("{text}; purging is paused since {}: `waxseal privacy confirm-clock`", moment(since));
    }
    Found::all(format!(
        "{text}; {} content keys, 0 older than the oldest body; kept for {} days after sending at most by default",
        days.len(),
        instance.house.config.stored_message_days
    ))
}

/// Those who may open content are delivery and the customer; what is counted is in the trail, and no fewer than there are
/// messages in the event log that a server took.
async fn openings_are_accounted_for(instance: &Instance<'_>) -> Result<Found> {
    let audit = &instance.house.audit;
    // First what was delivered: the openings for that are counted by then.
    let since = same_history(&audit.entries(Query::default()).await?);
    let delivered = instance.house.store.delivered_messages(since).await?;
    audit.record_openings().await?;
    let entries = audit.entries(Query::default()).await?;
    let mut readers: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    let (mut looks, mut after_crash) = (0, 0);
    for entry in &entries {
        match entry.what.as_str() {
            "content_opened" => *readers.entry((&entry.actor, &entry.purpose)).or_default() += entry.count,
            "openings_recovered" => after_crash += entry.count,
            "break_glass_used" => looks += entry.count,
            _ => {}
        }
    }
    let told: Vec<String> =
        readers.iter().map(|((actor, purpose), count)| format!("{count} by {actor} for {purpose}")).collect();
    for ((actor, purpose), count) in &readers {
        let known = match *actor {
            "customer" => true,
            "system" => matches!(*purpose, "delivery" | "export"),
            // A copy holds many messages.
            "operator" => (*purpose == "support" && *count <= looks) || (*purpose == "export" && looks > 0),
            _ => false,
        };
        ensure!(known, "content was opened that should not have been: {}", told.join(", "));
    }
    let opened: u64 =
        entries.iter().filter(|entry| is_of_delivery(entry, since)).map(|entry| entry.count).sum();
    ensure!(
        opened >= delivered,
        "the event log has {delivered} messages that servers took since {}, and the audit trail {opened} openings for \
         delivery: openings are missing in it",
        moment(since)
    );
    let mut told = if told.is_empty() { "none".to_owned() } else { told.join(", ") };
    if after_crash > 0 {
        write!(told, ", up to {after_crash} more by system for delivery before the process was killed")?;
    }
    Found::all(format!(
        "openings of content in the audit trail: {told}; messages that servers took, in the event log: {delivered}"
    ))
}

/// How long before a moment an opening may have been recorded of what was delivered after it.
const BEFORE: Duration = Duration::from_secs(600);

/// Since when what is in the event log was delivered under the eyes of this trail.
fn same_history(entries: &[RecordedEntry]) -> Timestamp {
    let came_from_elsewhere =
        |entry: &&RecordedEntry| matches!(entry.what.as_str(), "imported" | "backup_restored");
    let start = entries.iter().rev().find(came_from_elsewhere).or(entries.first());
    start.map_or(Timestamp::MAX, RecordedEntry::time)
}

fn is_of_delivery(entry: &RecordedEntry, since: Timestamp) -> bool {
    let is_one = entry.what == "openings_recovered"
        || (entry.what == "content_opened" && entry.actor == "system" && entry.purpose == "delivery");
    is_one && entry.time() >= since - BEFORE
}

async fn copies_have_limits(instance: &Instance<'_>) -> Result<Found> {
    let held = instance.holdings().await?;
    Found::all(format!(
        "stored content: {}; waiting for another attempt: {}; captured: {}; log: {}; answers to repeated calls: {}; \
         copies that customers asked for: {}",
        kept(held.bodies, "bodies")?,
        kept(held.queue, "recipients")?,
        kept(held.inbox_items, "messages")?,
        kept(held.events, "events")?,
        kept(held.idempotency_keys, "keys")?,
        kept(held.exports, "copies")?,
    ))
}

//! Limits of providers by command: as they are, other ones from now on, and what these would have done to the mail of the
//! last day.

use std::{collections::HashSet, time::Duration};

use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use waxseal_delivery::shaping::{Bounds, Entry};
use waxseal_model::{Access, Timestamp, actor, event::EventKind, purpose};
use waxseal_store::shaping::ShapingOverride;

use super::access::duration;
use crate::{
    house::House,
    shaping::{Known, Rehearsal, list, rehearse, shown},
};

/// How far a dry run looks back.
const LOOKS_BACK: Duration = Duration::from_secs(86_400);
/// Events that it looks at.
const EVENTS: usize = 500_000;
/// Events read at once.
const PAGE: u64 = 1_000;

/// What is to be changed of a provider.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Change {
    /// Its name.
    pub(crate) provider: String,
    pub(crate) connections: Option<u32>,
    pub(crate) messages_per_connection: Option<u32>,
    pub(crate) messages_per_minute: Option<u32>,
    /// For how long.
    pub(crate) time: Option<String>,
    /// The table counts again.
    #[serde(default)]
    pub(crate) reset: bool,
    /// Nothing is changed: what would it do?
    #[serde(default)]
    pub(crate) dry_run: bool,
}

pub(super) async fn show(house: &House, hosts: &[String]) -> Result<Value> {
    Ok(list(&house.config, hosts, &known(house).await?))
}

/// Refuses what cannot be before it is recorded as done.
pub(super) fn check(house: &House, change: &Change) -> Result<()> {
    entry(house, &change.provider)?;
    let Change { connections, messages_per_connection, messages_per_minute, .. } = *change;
    let bounds = Bounds { connections, messages_per_connection, messages_per_minute };
    bounds.check().map_err(anyhow::Error::msg)?;
    let says_nothing = bounds == Bounds::default() && change.time.is_none();
    ensure!(
        says_nothing == change.reset,
        "say what the provider gets (--connections, --messages-per-connection, --messages-per-minute, each for as long as \
         --for says), or --reset alone"
    );
    if let Some(time) = &change.time {
        ensure!(duration(time)? > Duration::ZERO, "--for {time}: expected a time such as 30m or 2h");
    }
    Ok(())
}

pub(super) async fn set(house: &House, change: Change) -> Result<Value> {
    check(house, &change)?;
    let entry = entry(house, &change.provider)?;
    let mut known = known(house).await?;
    let before = known.said.get(&change.provider).cloned();
    let until = change.time.as_deref().map(duration).transpose()?.map(|time| house.clock.now() + time);
    let said = (!change.reset).then(|| {
        let before = before.clone().unwrap_or_default();
        ShapingOverride {
            connections: change.connections.or(before.connections),
            messages_per_connection: change.messages_per_connection.or(before.messages_per_connection),
            messages_per_minute: change.messages_per_minute.or(before.messages_per_minute),
            until,
        }
    });
    if change.dry_run {
        let rate = |said: &Option<ShapingOverride>| {
            let bounds = said.as_ref().map_or(entry.bounds, |said| entry.bounds.under(said));
            bounds.messages_per_minute
        };
        return dry_run(house, &change.provider, [rate(&before), rate(&said)]).await;
    }
    house.store.set_shaping_override(&change.provider, said.clone()).await?;
    if let Some(shaper) = house.shaper.get() {
        shaper.set(&change.provider, said.clone());
        known.states = shaper.states();
    }
    match said {
        Some(said) => known.said.insert(change.provider.clone(), said),
        None => known.said.remove(&change.provider),
    };
    Ok(shown(Some(entry), &known))
}

/// What went to the provider in the last day, and what becomes of that under the rates of now and then.
async fn dry_run(house: &House, provider: &str, [now, then]: [Option<u32>; 2]) -> Result<Value> {
    let since = house.clock.now() - LOOKS_BACK;
    let (times, is_all) = sent(house, provider, since).await?;
    let [as_now, as_then] = [rehearse(&times, now), rehearse(&times, then)];
    let under = |rate: Option<u32>, rehearsal: &Rehearsal| {
        json!({
            "messages_per_minute": rate,
            "minutes_over": rehearsal.minutes_over,
            "longest_wait_secs": rehearsal.longest_wait.as_secs(),
            "last_waits_secs": rehearsal.last_waits.as_secs(),
        })
    };
    Ok(json!({
        "provider": provider,
        "changed": false,
        "since": since.to_jiff().to_string(),
        "complete": is_all,
        "messages": times.len(),
        "busiest_minute": as_then.busiest_minute,
        "busiest_hour": as_then.busiest_hour,
        "items": [under(now, &as_now), under(then, &as_then)],
    }))
}

/// When attempts at servers of the provider ended, in order, and whether that is all of them.
async fn sent(house: &House, provider: &str, since: Timestamp) -> Result<(Vec<Timestamp>, bool)> {
    let access = Access::new(actor::Operator, purpose::Operation);
    let mut cursor = first_since(house, since).await?;
    // A message to several recipients in one transaction counts once.
    let mut counted = HashSet::new();
    let mut times = Vec::new();
    for _ in 0..EVENTS as u64 / PAGE {
        let page = house.store.read_log(cursor, PAGE).await?;
        let Some(last) = page.last() else {
            times.sort_unstable();
            return Ok((times, true));
        };
        cursor = last.seq;
        for event in &page {
            let is_attempt =
                matches!(event.kind, EventKind::Delivered | EventKind::Failed) && event.at >= since;
            let status = event.details.open(&access).delivery_status.as_ref().filter(|_| is_attempt);
            let host = status.and_then(|status| status.mx_host.as_deref());
            let found = host.and_then(|host| house.config.shaping.find([host].into_iter()));
            let transaction = status.map(|status| {
                let took = status.session_seconds.to_bits();
                (event.message, status.attempt_no, status.mx_host_ip.clone(), took)
            });
            if found.is_some_and(|entry| &*entry.name == provider) && counted.insert(transaction) {
                times.push(event.at);
            }
        }
    }
    times.sort_unstable();
    Ok((times, false))
}

/// The place in the log after which events are of that time or later: they are in order but for moments.
async fn first_since(house: &House, since: Timestamp) -> Result<u64> {
    let since = since - Duration::from_secs(60);
    let (mut before, mut end) = (0, house.store.log_end().await?);
    while before < end {
        let middle = before + (end - before) / 2;
        match house.store.read_log(middle, 1).await?.first() {
            Some(event) if event.at < since => before = event.seq.max(middle + 1),
            _ => end = middle,
        }
    }
    Ok(before)
}

async fn known(house: &House) -> Result<Known> {
    let now = house.clock.now();
    let mut said = house.store.shaping_overrides().await?;
    said.retain(|_, said| said.until.is_none_or(|until| now < until));
    Ok(Known { said, states: house.shaper.get().and_then(|shaper| shaper.states()) })
}

fn entry<'h>(house: &'h House, provider: &str) -> Result<&'h Entry> {
    let mut entries = house.config.shaping.entries();
    let found = entries.find(|entry| &*entry.name == provider);
    found.with_context(|| {
        format!(
            "there is no provider {provider}: `waxseal shaping show` lists them, and the file of `delivery.shaping` may \
             name more"
        )
    })
}

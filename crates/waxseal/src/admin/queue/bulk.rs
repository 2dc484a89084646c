//! Commands about many entries: a while of work for each request, however many there are. Whoever asks goes on after the
//! entry that the answer names, and can stop at any time.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use waxseal_model::{RecipientId, Timestamp};
use waxseal_store::queue::{Batch, Bulk, QueueFilter};

use super::{pauses::duration, selection::Selection};
use crate::house::House;

/// A request begins no other page after this time.
const BUDGET: Duration = Duration::from_secs(2);

pub(in crate::admin) async fn bulk(
    house: &House,
    what: Bulk,
    selection: &Selection,
    (older_than, after): (Option<&str>, Option<&str>),
) -> Result<Value> {
    let mut filter = selection.filter(house, after.is_some()).await?;
    let place = after.map(Place::read).transpose()?;
    let age = older_than.map(|text| duration("--older-than", text)).transpose()?.unwrap_or_default();
    // What comes after the first request is none of its business, however long it goes on.
    let until = place.map_or_else(|| house.clock.now() - age, |place| place.until);
    filter.accepted_until = Some(until);
    filter.after = place.and_then(|place| place.after);
    let began = house.clock.monotonic();
    let mut all = Batch::default();
    loop {
        let batch = match page(house, what, &filter).await {
            Ok(batch) => batch,
            // What was done is told; whoever goes on meets the error again.
            Err(_) if all.done > 0 && all.after.is_some() => break,
            Err(error) => return Err(error),
        };
        all.done += batch.done;
        all.in_hands += batch.in_hands;
        all.held += batch.held;
        all.scheduled += batch.scheduled;
        all.after = batch.after;
        filter.after = batch.after;
        if batch.after.is_none() || house.clock.monotonic().saturating_sub(began) >= BUDGET {
            break;
        }
    }
    Ok(json!({
        "touched": all.done,
        "in_hands": all.in_hands,
        "held": all.held,
        "scheduled": all.scheduled,
        "after": all.after.map(|after| Place { after: Some(after), until }.to_string()),
        // Where whoever does to these what was counted begins.
        "again": Place { after: None, until }.to_string(),
    }))
}

/// Where a bulk command goes on, and up to what time messages were accepted that it is about: `ID:MICROSECONDS`.
#[derive(Debug, Clone, Copy)]
struct Place {
    after: Option<RecipientId>,
    until: Timestamp,
}

impl Place {
    fn read(text: &str) -> Result<Self> {
        let parsed = || {
            let (after, until) = text.split_once(':')?;
            let after = if after.is_empty() { None } else { Some(after.parse().ok()?) };
            Some(Self { after, until: Timestamp::from_micros(until.parse().ok()?) })
        };
        parsed().context("after: this is nothing that an answer gave")
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let after = self.after.map(|after| after.to_string()).unwrap_or_default();
        write!(formatter, "{after}:{}", self.until.as_micros())
    }
}

async fn page(house: &House, what: Bulk, filter: &QueueFilter) -> Result<Batch> {
    match house.view() {
        Some(view) => match view.bulk(what, filter).await {
            Some(batch) => Ok(batch?),
            None => bail!("the server is ending; what was done is done"),
        },
        // It delivered a moment ago, and what it has in hands is not free yet.
        None if house.delivering.get().is_some() => bail!("the server is ending; what was done is done"),
        None => Ok(house.store.bulk(what, filter, |_| Vec::new()).await?),
    }
}

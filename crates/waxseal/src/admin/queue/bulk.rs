//! Commands about many entries: a while of work for each request, however many there are. Whoever asks goes on after the
//! entry that the answer names, and can stop at any time.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
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
    filter.after = after.map(|text| text.parse().context("after: this is no entry's id")).transpose()?;
    if let Some(age) = older_than.map(|text| duration("--older-than", text)).transpose()? {
        filter.accepted_until = Some(house.clock.now() - age);
    }
    if what != Bulk::Count && house.view().is_none() {
        // Nobody else has the store: whoever had entries in hands is gone.
        house.store.free_leases().await?;
    }
    let began = house.clock.monotonic();
    let mut all = Batch::default();
    loop {
        let batch = page(house, what, &filter).await?;
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
        "after": all.after.map(|after| after.to_string()),
    }))
}

async fn page(house: &House, what: Bulk, filter: &QueueFilter) -> Result<Batch> {
    match house.view() {
        Some(view) => match view.bulk(what, filter).await {
            Some(batch) => Ok(batch?),
            None => bail!("the server is ending; what was done is done"),
        },
        None => Ok(house.store.bulk(what, filter, |_| Vec::new()).await?),
    }
}

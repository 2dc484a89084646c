//! Addresses that mail leaves from, by command.

use std::{collections::BTreeMap, net::IpAddr};

use anyhow::{Context as _, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use waxseal_delivery::warm_up::{self, OTHERS, SCHEDULE};
use waxseal_domains::name::normalise;
use waxseal_model::{Timestamp, time::Day};
use waxseal_store::sources::{Counted, Source, Sources, WarmUp};

use crate::house::House;

/// Addresses there may be.
const MOST: usize = 1_000;
/// Days of a plan, and providers with numbers of their own.
const MOST_DAYS: usize = 366;

/// What is to be changed of an address.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Change {
    pub(crate) address: IpAddr,
    pub(crate) what: What,
}

/// What is to be done.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum What {
    /// Add it, or give it another name.
    Set {
        hello: Option<String>,
    },
    Pause,
    Resume,
    /// Begin its warm-up, or change the numbers.
    WarmUp {
        start: Option<String>,
        #[serde(default)]
        daily: Vec<u32>,
        #[serde(default)]
        providers: Vec<String>,
    },
    StopWarmUp,
    Remove,
}

pub(super) async fn list(house: &House) -> Result<Value> {
    let sources = house.store.sources().await?;
    let today = house.clock.now().day();
    let counts = counts(house, today).await?;
    let mut items: BTreeMap<IpAddr, Value> = BTreeMap::new();
    for address in &house.config.source_addresses {
        let source = plain(*address);
        items.insert(*address, shown(house, (&sources, &counts, today), &source));
    }
    for source in &sources.sources {
        items.insert(source.address, shown(house, (&sources, &counts, today), source));
    }
    Ok(json!({ "items": items.into_values().collect::<Vec<_>>() }))
}

/// Refuses what cannot be before it is recorded as done.
pub(super) async fn check(house: &House, change: &Change) -> Result<()> {
    changed(house, &house.store.sources().await?, change).map(drop)
}

pub(super) async fn change(house: &House, change: Change) -> Result<Value> {
    let address = change.address;
    let before = house.store.sources().await?;
    match changed(house, &before, &change)? {
        Some(source) => house.store.set_source(source).await?,
        None => {
            house.store.remove_source(address).await?;
            return Ok(json!({ "address": address.to_string(), "removed": true }));
        }
    }
    let sources = house.store.sources().await?;
    let today = house.clock.now().day();
    let counts = counts(house, today).await?;
    let source = sources.sources.iter().find(|source| source.address == address);
    let source = source.context("it was removed by somebody else")?;
    Ok(shown(house, (&sources, &counts, today), source))
}

/// The address as it is to be; `None`: gone.
fn changed(house: &House, sources: &Sources, Change { address, what }: &Change) -> Result<Option<Source>> {
    let known = sources.sources.iter().find(|source| source.address == *address).cloned();
    let configured = house.config.source_addresses.contains(address);
    let mut source = match (known.clone(), what) {
        (Some(source), _) => source,
        (None, What::Set { .. }) => plain(*address),
        (None, _) if configured && !matches!(what, What::Remove) => plain(*address),
        (None, What::Remove) if configured => {
            bail!("{address} stands in `delivery.source_addresses`: take it out there")
        }
        (None, _) => bail!("{address} is not known; `waxseal source set {address}` adds it"),
    };
    match what {
        What::Set { hello } => {
            ensure!(known.is_some() || sources.sources.len() < MOST, "there are {MOST} addresses already");
            let plain = address.to_canonical();
            ensure!(plain == *address, "{address} is {plain} in another form: `waxseal source set {plain}`");
            ensure!(
                !address.is_unspecified() && !address.is_multicast(),
                "{address} is no address that mail can leave from"
            );
            source.hello = match hello {
                Some(name) => {
                    let name = normalise(name, false).ok();
                    Some(name.context("--hello: expected a host name, such as mail2.example.org")?)
                }
                None => None,
            };
        }
        What::Pause => source.paused = true,
        What::Resume => source.paused = false,
        What::WarmUp { start, daily, providers } => {
            let now = house.clock.now();
            source.warm_up = Some(plan(house, now, source.warm_up, (start.as_deref(), daily, providers))?);
        }
        What::StopWarmUp => {
            ensure!(source.warm_up.is_some(), "{address} is not being warmed up");
            source.warm_up = None;
        }
        What::Remove => {
            let of = |address: &IpAddr| {
                let has = |pool: &&waxseal_store::sources::Pool| {
                    pool.members.iter().any(|member| member.address == *address)
                };
                sources.pools.iter().find(has)
            };
            if let Some(pool) = of(address).filter(|_| !configured) {
                bail!(
                    "{address} is in the pool {}: `waxseal pool set {}` without it first",
                    pool.name,
                    pool.name
                );
            }
            return Ok(None);
        }
    }
    Ok(Some(source))
}

/// A plan as it is to be: what is not said stays, or is as usual.
fn plan(
    house: &House,
    now: Timestamp,
    known: Option<WarmUp>,
    (start, daily, providers): (Option<&str>, &[u32], &[String]),
) -> Result<WarmUp> {
    let usual = WarmUp { start: now.day().0, daily: SCHEDULE.to_vec(), providers: BTreeMap::new() };
    let mut plan = known.unwrap_or(usual);
    if let Some(day) = start {
        let at = format!("{day}T00:00:00Z").parse::<jiff::Timestamp>().ok();
        let at = at.with_context(|| format!("--start {day}: expected a day such as 2026-05-01"))?;
        plan.start = Timestamp::from_secs(at.as_second()).day().0;
    }
    if !daily.is_empty() {
        ensure!(daily.len() <= MOST_DAYS, "--daily: at most {MOST_DAYS} days");
        plan.daily = daily.to_vec();
    }
    for said in providers {
        let expected = || format!("--provider {said}: expected NAME=N,N,… such as google=20,50,100");
        let (name, numbers) = said.split_once('=').with_context(expected)?;
        let is_known = name == OTHERS || house.config.shaping.entries().any(|entry| &*entry.name == name);
        ensure!(is_known, "--provider {name}: there is none of this name; `waxseal shaping show` lists them");
        let numbers: Vec<u32> = numbers
            .split(',')
            .map(|number| number.trim().parse().ok())
            .collect::<Option<_>>()
            .with_context(expected)?;
        ensure!(numbers.len() <= MOST_DAYS, "--provider {name}: at most {MOST_DAYS} days");
        plan.providers.insert(name.to_owned(), numbers);
    }
    Ok(plan)
}

fn plain(address: IpAddr) -> Source {
    Source { address, hello: None, paused: false, warm_up: None, created_at: Timestamp::from_secs(0) }
}

/// What was sent today: as delivery counts it, or as it was written down last.
async fn counts(house: &House, today: Day) -> Result<Vec<Counted>> {
    if let Some(counts) = house.delivering.get().and_then(waxseal_delivery::View::sent_today) {
        return Ok(counts);
    }
    let mut counts = house.store.sent_counts().await?;
    counts.retain(|counted| counted.day == today);
    Ok(counts)
}

fn shown(house: &House, (sources, counts, today): (&Sources, &[Counted], Day), source: &Source) -> Value {
    let address = source.address;
    let has =
        |pool: &&waxseal_store::sources::Pool| pool.members.iter().any(|member| member.address == address);
    let pools: Vec<&str> = sources.pools.iter().filter(has).map(|pool| pool.name.as_str()).collect();
    json!({
        "address": address.to_string(),
        "hello": source.hello.as_deref().unwrap_or(&house.config.hostname),
        "configured": house.config.source_addresses.contains(&address),
        "paused": source.paused,
        "pools": pools.join(" "),
        "warm_up": source.warm_up.as_ref().map(|plan| progress(plan, address, counts, today)),
    })
}

/// How far a warm-up is.
fn progress(plan: &WarmUp, address: IpAddr, counts: &[Counted], today: Day) -> Value {
    let longest = plan.providers.values().map(Vec::len).max().unwrap_or(0).max(plan.daily.len());
    let day = i64::from(today.0) - i64::from(plan.start) + 1;
    let mut names: Vec<&str> = plan.providers.keys().map(String::as_str).collect();
    let own = counts.iter().filter(|counted| counted.address == address);
    let sent: BTreeMap<&str, u32> = own.map(|counted| (counted.provider.as_str(), counted.count)).collect();
    names.extend(sent.keys().filter(|name| !plan.providers.contains_key(**name)));
    names.sort_unstable();
    let items: Vec<Value> = names
        .into_iter()
        .map(|name| {
            json!({
                "provider": name,
                "sent_today": sent.get(name).copied().unwrap_or(0),
                "budget": warm_up::budget(plan, name, today),
            })
        })
        .collect();
    let started = Timestamp::from_secs(i64::from(plan.start) * 86_400).to_jiff().to_string();
    json!({
        "start": started.split('T').next(),
        "day": day,
        "days": longest,
        "complete": day > i64::try_from(longest).unwrap_or(i64::MAX),
        "budget": warm_up::budget(plan, OTHERS, today),
        "providers": items,
    })
}

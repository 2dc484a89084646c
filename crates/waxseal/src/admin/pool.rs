//! Pools of addresses, and whose mail leaves by which, by command.

use std::{collections::HashSet, net::IpAddr};

use anyhow::{Context as _, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use waxseal_model::Timestamp;
use waxseal_privacy::audit::{AuditEvent, Operator};
use waxseal_store::sources::{Assignment, Member, Overflow, Pool, Sources};

use super::relay::{Whose, name_of, owner, recorded};
use crate::house::House;

/// Pools there may be.
const MOST: usize = 1_000;
/// Addresses of one.
const MOST_MEMBERS: usize = 256;
/// Largest weight.
const MOST_WEIGHT: u32 = 1_000;

/// What is to be changed of a pool.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Change {
    pub(crate) name: String,
    /// `None`: it is to go.
    pub(crate) set: Option<Wanted>,
}

/// A pool as it is to be.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Wanted {
    /// `ADDRESS` or `ADDRESS=WEIGHT`.
    pub(crate) members: Vec<String>,
    pub(crate) overflow: String,
}

pub(super) async fn list(house: &House) -> Result<Value> {
    let sources = house.store.sources().await?;
    let mut items = Vec::new();
    for pool in &sources.pools {
        items.push(shown(house, &sources, pool).await?);
    }
    Ok(json!({ "items": items }))
}

/// Refuses what cannot be before it is recorded as done.
pub(super) async fn check(house: &House, change: &Change) -> Result<()> {
    changed(house, &house.store.sources().await?, change).map(drop)
}

pub(super) async fn change(house: &House, change: Change) -> Result<Value> {
    let before = house.store.sources().await?;
    let Some(pool) = changed(house, &before, &change)? else {
        house.store.remove_pool(change.name.clone()).await?;
        return Ok(json!({ "pool": change.name, "removed": true }));
    };
    house.store.set_pool(pool.clone()).await?;
    shown(house, &before, &pool).await
}

/// By which pool somebody's mail leaves from now on.
pub(super) async fn assign(house: &House, by: Operator, whose: Whose, pool: Option<String>) -> Result<Value> {
    let owner = owner(house, &whose).await?;
    if let Some(pool) = &pool {
        known(&house.store.sources().await?, pool)?;
    }
    let work = async { Ok(house.store.assign_pool(owner, pool.clone()).await?) };
    recorded(house, by, owner.account, AuditEvent::PoolAssigned, work).await?;
    let domain = name_of(house, owner).await?;
    Ok(json!({ "account_id": owner.account.to_string(), "domain": domain, "pool": pool }))
}

/// The pool as it is to be; `None`: gone.
fn changed(house: &House, sources: &Sources, Change { name, set }: &Change) -> Result<Option<Pool>> {
    let Some(Wanted { members, overflow }) = set else {
        known(sources, name)?;
        if let Some(other) = sources.pools.iter().find(|pool| pool.overflow == Overflow::Pool(name.clone())) {
            bail!("what the pool {} has no room for goes to it: change that first", other.name);
        }
        let assigned = sources.assignments.iter().filter(|it| it.pool == *name).count();
        ensure!(
            assigned == 0,
            "mail of {assigned} accounts and domains leaves by it: `waxseal pool unassign` or `assign` them first"
        );
        return Ok(None);
    };
    let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    ensure!(
        (1..=64).contains(&name.len()) && name.bytes().all(is_name) && name != "wait" && name != "relay",
        "a pool's name has 1 to 64 small letters, digits and hyphens, and is not `wait` or `relay`"
    );
    let is_new = sources.pools.iter().all(|pool| pool.name != *name);
    ensure!(!is_new || sources.pools.len() < MOST, "there are {MOST} pools already");
    ensure!(members.len() <= MOST_MEMBERS, "--member: at most {MOST_MEMBERS}");
    let members: Vec<Member> =
        members.iter().map(|text| member(house, sources, text)).collect::<Result<_>>()?;
    let different: HashSet<IpAddr> = members.iter().map(|member| member.address).collect();
    ensure!(different.len() == members.len(), "--member: an address is in a pool once");
    let overflow = match overflow.as_str() {
        "wait" => Overflow::Wait,
        "relay" => Overflow::Relay,
        other => {
            no_circle(sources, name, other)?;
            Overflow::Pool(other.to_owned())
        }
    };
    Ok(Some(Pool { name: name.clone(), members, overflow, created_at: Timestamp::from_secs(0) }))
}

fn member(house: &House, sources: &Sources, text: &str) -> Result<Member> {
    let (address, weight) = text.split_once('=').unwrap_or((text, "1"));
    let address: IpAddr = address
        .parse()
        .ok()
        .with_context(|| format!("--member {text}: expected an address, or ADDRESS=WEIGHT"))?;
    let is_known = house.config.source_addresses.contains(&address)
        || sources.sources.iter().any(|source| source.address == address);
    ensure!(is_known, "--member {address}: `waxseal source set {address}` adds it first");
    let weight = weight.parse().ok().filter(|weight| (1..=MOST_WEIGHT).contains(weight));
    let weight = weight.with_context(|| format!("--member {text}: a weight is from 1 to {MOST_WEIGHT}"))?;
    Ok(Member { address, weight })
}

/// Refuses an overflow that leads back.
fn no_circle(sources: &Sources, name: &str, to: &str) -> Result<()> {
    let mut next = to;
    for _ in 0..=sources.pools.len() {
        ensure!(next != name, "--overflow {to}: it leads back to {name}");
        match &known(sources, next)?.overflow {
            Overflow::Pool(other) => next = other,
            Overflow::Wait | Overflow::Relay => return Ok(()),
        }
    }
    bail!("--overflow {to}: it leads nowhere")
}

fn known<'s>(sources: &'s Sources, name: &str) -> Result<&'s Pool> {
    let found = sources.pools.iter().find(|pool| pool.name == name);
    found.with_context(|| format!("there is no pool {name}; `waxseal pool list` shows those that are"))
}

async fn shown(house: &House, sources: &Sources, pool: &Pool) -> Result<Value> {
    let members: Vec<Value> = pool
        .members
        .iter()
        .map(|member| json!({ "address": member.address.to_string(), "weight": member.weight }))
        .collect();
    let mut assigned = Vec::new();
    for Assignment { owner, .. } in sources.assignments.iter().filter(|it| it.pool == pool.name) {
        let domain = name_of(house, *owner).await?;
        assigned.push(json!({ "account_id": owner.account.to_string(), "domain": domain }));
    }
    let overflow = match &pool.overflow {
        Overflow::Wait => "wait",
        Overflow::Relay => "relay",
        Overflow::Pool(other) => other.as_str(),
    };
    Ok(json!({ "pool": pool.name, "overflow": overflow, "members": members, "assigned": assigned }))
}

//! Relays of accounts and domains.

use std::fmt;

use anyhow::{Context as _, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use waxseal_delivery::Relay;
use waxseal_domains::name::normalise;
use waxseal_model::{Access, AccountId, actor, purpose};
use waxseal_privacy::audit::{AuditActor, AuditEntry, AuditEvent, AuditPurpose, Operator};
use waxseal_store::{
    StoreError,
    domain::DomainKind,
    relay::{self as stored, NewRelay, RelayOwner},
};

use super::existing;
use crate::house::House;

/// To show it to whoever runs the instance, as names of domains are shown.
const ACCESS: Access<purpose::CustomerAccess> = Access::new(actor::System, purpose::CustomerAccess);
const NONE: &str = "there is no relay of its own; `waxseal relay list --account` shows those that are";
/// Longest user and URL.
const LONGEST: usize = 255;

/// What is said to a relay to be let in. `Debug` does not show it.
#[derive(Serialize, Deserialize)]
pub(crate) struct RelayLogin {
    pub(crate) user: String,
    pub(crate) password: String,
}

impl fmt::Debug for RelayLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RelayLogin(..)")
    }
}

/// What is to be set.
pub(super) struct Wanted {
    pub(super) url: Option<String>,
    pub(super) direct: bool,
    pub(super) login: Option<RelayLogin>,
    pub(super) share: Option<u8>,
}

/// Whose relay, as it was asked for: an account's id, or a domain's name.
pub(super) type Whose = (Option<String>, Option<String>);

pub(super) async fn set(house: &House, by: Operator, whose: Whose, wanted: Wanted) -> Result<Value> {
    let owner = owner(house, &whose).await?;
    let share = wanted.share.unwrap_or(100);
    ensure!((0..=100).contains(&share), "--share: expected a whole number from 0 to 100");
    let new = match (&wanted.url, wanted.direct) {
        (Some(_), true) => bail!("a URL or --direct, not both"),
        (None, true) => Some(NewRelay::Direct),
        (Some(url), false) => Some(server(url, wanted.login, share)?),
        (None, false) => None,
    };
    if let Some(domain) = owner.domain {
        let found = house.store.domain(owner.account, domain).await?;
        let is_sandbox = found.is_some_and(|domain| domain.kind == DomainKind::Sandbox);
        ensure!(!is_sandbox, "mail of a sandbox domain goes into its inbox, and to no relay");
    }
    let Some(new) = new else {
        let known = house.store.relay(owner).await?;
        ensure!(
            known.is_some_and(|relay| relay.url.is_some()),
            "there is no relay whose share could be set; give its URL"
        );
        let work = async { Ok(house.store.set_relay_share(owner, share).await.map(drop)?) };
        recorded(house, by, owner.account, AuditEvent::RelaySet, work).await?;
        return shown(house, owner).await;
    };
    if let NewRelay::Server { url, login: None, .. } = &new {
        let known = house.store.relay(owner).await.ok().flatten();
        let has_login = known.is_some_and(|known| {
            known.login.is_some() && known.url.is_some_and(|known| known.open(&ACCESS) == url)
        });
        ensure!(
            !has_login,
            "this relay is set with a login: give it again with --user, change the share alone with --share and \
             without a URL, or remove the relay before"
        );
    }
    let work = async { Ok(house.store.set_relay(owner, new).await?) };
    recorded(house, by, owner.account, AuditEvent::RelaySet, work).await?;
    shown(house, owner).await
}

pub(super) async fn show(house: &House, by: Operator, whose: Whose) -> Result<Value> {
    let owner = owner(house, &whose).await?;
    recorded(house, by, owner.account, AuditEvent::RelaysListed, async { Ok(()) }).await?;
    shown(house, owner).await
}

pub(super) async fn list(house: &House, account: &str) -> Result<Value> {
    let account = existing(house, account).await?;
    let mut items = Vec::new();
    for relay in house.store.relays(account).await? {
        items.push(described(house, &relay).await?);
    }
    Ok(json!({ "items": items }))
}

pub(super) async fn remove(house: &House, by: Operator, whose: Whose) -> Result<Value> {
    let owner = owner(house, &whose).await?;
    match house.store.relay(owner).await {
        // It can be removed though nobody can read it.
        Ok(Some(_)) | Err(StoreError::Corrupt { .. }) => {}
        Ok(None) => bail!("{NONE}"),
        Err(error) => return Err(error.into()),
    }
    let work = async { Ok(house.store.remove_relay(owner).await.map(drop)?) };
    recorded(house, by, owner.account, AuditEvent::RelayRemoved, work).await?;
    let domain = name_of(house, owner).await?;
    Ok(json!({ "account_id": owner.account.to_string(), "domain": domain, "removed": true }))
}

/// The relay of a URL. Nothing of what may be a password is repeated.
fn server(url: &str, login: Option<RelayLogin>, share: u8) -> Result<NewRelay> {
    ensure!(url.len() <= LONGEST, "URL: longer than {LONGEST} bytes");
    ensure!(!url.contains('@'), "URL: a login does not stand in it: --user and --password-file");
    let relay: Relay = url.parse().map_err(|error: waxseal_delivery::ParseRelayError| {
        let why = error.to_string();
        anyhow::anyhow!("URL: {}", why.trim_start_matches("delivery.relay: "))
    })?;
    let login = match login {
        None => None,
        Some(RelayLogin { user, password }) => {
            let is_sound = |text: &str| !text.is_empty() && !text.contains(char::is_control);
            ensure!(
                is_sound(&user) && user.len() <= LONGEST,
                "--user: expected 1 to {LONGEST} bytes of text"
            );
            ensure!(is_sound(&password), "--password-file: expected a password in one line");
            Some(stored::RelayLogin { user, password })
        }
    };
    Ok(NewRelay::Server { url: relay.to_string(), login, share })
}

pub(super) async fn owner(house: &House, (account, domain): &Whose) -> Result<RelayOwner> {
    match (account, domain) {
        (Some(account), None) => Ok(RelayOwner { account: existing(house, account).await?, domain: None }),
        (None, Some(name)) => {
            // Whatever kind it is of.
            let missing = || format!("there is no domain {name}; `waxseal domain list` shows an account's");
            let name = normalise(name, true).ok().with_context(missing)?;
            let domain = house.store.domain_of_instance(&name).await?.with_context(missing)?;
            existing(house, &domain.account.to_string()).await?;
            Ok(RelayOwner { account: domain.account, domain: Some(domain.id) })
        }
        _ => bail!("--account or --domain: one of them"),
    }
}

/// Does it after it is in the audit trail; if it fails, another entry says so.
pub(super) async fn recorded(
    house: &House,
    by: Operator,
    account: AccountId,
    what: AuditEvent,
    work: impl Future<Output = Result<()>>,
) -> Result<()> {
    let (actor, purpose) = (AuditActor::Operator(by), AuditPurpose::Administration);
    let entry = AuditEntry { actor, purpose, what, account: Some(account), count: 1 };
    let number =
        house.audit.record(entry).await.context("nothing was done, because it cannot be recorded")?;
    let done = work.await;
    if done.is_err() {
        let failed = AuditEntry { what: AuditEvent::Failed { entry: number }, ..entry };
        house.audit.record(failed).await?;
    }
    done
}

async fn shown(house: &House, owner: RelayOwner) -> Result<Value> {
    let found = house.store.relay(owner).await?.context(NONE)?;
    described(house, &found).await
}

async fn described(house: &House, relay: &stored::Relay) -> Result<Value> {
    Ok(json!({
        "account_id": relay.owner.account.to_string(),
        "domain": name_of(house, relay.owner).await?,
        "url": relay.url.as_ref().map(|url| url.open(&ACCESS)),
        "direct": relay.url.is_none(),
        "user": relay.login.as_ref().map(|login| login.open(&ACCESS)),
        "share": relay.url.is_some().then_some(relay.share),
        "set_at": relay.created_at.to_jiff().to_string(),
    }))
}

pub(super) async fn name_of(
    house: &House,
    RelayOwner { account, domain }: RelayOwner,
) -> Result<Option<String>> {
    let Some(domain) = domain else { return Ok(None) };
    Ok(house.store.domain(account, domain).await?.map(|domain| domain.name))
}

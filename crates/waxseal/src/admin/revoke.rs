//! Taking back what was given: keys, logins, networks, and the suppression of an address.

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use waxseal_model::{
    Access, AccountId, CredentialId, KeyId, actor, network::Network, purpose, suppression::SuppressionKind,
};
use waxseal_privacy::correction::RecipientCorrection;
use waxseal_store::{
    account::KeyScope,
    credential::{NetworkCredential, SmtpCredential},
    domain::Domain,
};

use super::existing;
use crate::house::House;

/// As whoever runs the instance.
const ACCESS: Access<purpose::Operation> = Access::new(actor::Operator, purpose::Operation);

pub(super) async fn keys(house: &House, account: &str) -> Result<Value> {
    let account = existing(house, account).await?;
    let domains = all_domains(house, account).await?;
    let keys = house.accounts.keys(account).await?;
    let items = keys.iter().map(|key| {
        let only = match key.scope {
            KeyScope::Account => None,
            KeyScope::DomainSending(id) => domains.iter().find(|domain| domain.id == id),
        };
        json!({
            "key_id": key.id.to_string(),
            "domain": only.map(|domain| &domain.name),
            "label": key.label,
            "created_at": key.created_at.to_jiff().to_string(),
        })
    });
    Ok(json!({ "items": items.collect::<Vec<_>>() }))
}

pub(super) async fn delete_key(house: &House, account: &str, key: &str) -> Result<Value> {
    let account = existing(house, account).await?;
    // Somebody may have given the secret instead: it is not repeated.
    let id: KeyId = key.parse().context("KEY_ID: `waxseal key list` shows the ids")?;
    if !house.accounts.delete_key(account, id).await? {
        bail!("the account has no API key {id}; `waxseal key list --account {account}` shows those that are");
    }
    Ok(json!({ "key_id": id.to_string(), "deleted": true }))
}

pub(super) async fn credentials(house: &House, account: &str, domain: Option<&str>) -> Result<Value> {
    let account = existing(house, account).await?;
    let (domains, networks) = match domain {
        Some(name) => (vec![own_domain(house, account, name).await?], Vec::new()),
        None => (all_domains(house, account).await?, house.accounts.network_credentials(account).await?),
    };
    let mut items = Vec::new();
    for domain in &domains {
        items.extend(house.accounts.smtp_credentials(account, domain.id).await?.iter().map(login));
    }
    items.extend(networks.iter().map(network));
    Ok(json!({ "items": items }))
}

pub(super) async fn delete_credential(house: &House, account: &str, text: &str) -> Result<Value> {
    let account = existing(house, account).await?;
    let deleted = if text.contains('@') {
        let deleted = house.accounts.delete_smtp_credential(account, text).await?;
        deleted.then(|| json!({ "login": text.trim().to_ascii_lowercase() }))
    } else if let Ok(id) = text.parse::<CredentialId>() {
        match delete_network(house, account, |found| found.id == id).await? {
            None => delete_login(house, account, id).await?,
            deleted => deleted,
        }
    } else {
        let wanted: Network = text.parse().map_err(|error| {
            anyhow::anyhow!("LOGIN|CIDR|ID: neither an address nor an id nor a network: {error}")
        })?;
        delete_network(house, account, |found| *found.network.open(&ACCESS) == wanted).await?
    };
    let Some(mut answer) = deleted else {
        bail!(
            "the account has no such credential; `waxseal credential list --account {account}` shows those that are"
        );
    };
    answer["deleted"] = true.into();
    Ok(answer)
}

async fn delete_network(
    house: &House,
    account: AccountId,
    wanted: impl Fn(&NetworkCredential) -> bool,
) -> Result<Option<Value>> {
    let networks = house.accounts.network_credentials(account).await?;
    let Some(found) = networks.into_iter().find(wanted) else { return Ok(None) };
    let deleted = house.accounts.delete_network_credential(account, found.id).await?;
    Ok(deleted.then(|| json!({ "network": found.network.open(&ACCESS).to_string() })))
}

async fn delete_login(house: &House, account: AccountId, id: CredentialId) -> Result<Option<Value>> {
    for domain in all_domains(house, account).await? {
        let credentials = house.accounts.smtp_credentials(account, domain.id).await?;
        if let Some(found) = credentials.iter().find(|found| found.id == id) {
            let login = found.login.open(&ACCESS);
            let deleted = house.accounts.delete_smtp_credential(account, login).await?;
            return Ok(deleted.then(|| json!({ "login": login })));
        }
    }
    Ok(None)
}

pub(super) async fn unsuppress(house: &House, account: &str, domain: &str, address: &str) -> Result<Value> {
    let account = existing(house, account).await?;
    let domain = own_domain(house, account, domain).await?;
    let mut removed = Vec::new();
    for kind in SuppressionKind::ALL {
        if house.store.unsuppress(account, domain.id, kind, address.trim()).await? {
            removed.push(kind.as_str());
        }
    }
    if removed.is_empty() {
        bail!(
            "this address is on no list of {}; check its spelling, and --domain: every domain has lists of its own",
            domain.name
        );
    }
    Ok(json!({ "domain": domain.name, "removed": removed }))
}

/// Corrects what the lists of all the account's domains say about a recipient.
pub(super) async fn correct(
    house: &House,
    account: &str,
    address: &str,
    to: Option<&str>,
    lists: &[String],
) -> Result<Value> {
    let account = existing(house, account).await?;
    let correction = RecipientCorrection::new(address, to, lists)?;
    let entries = correction.carry_out(&house.store, account).await?;
    Ok(json!({ "account_id": account.to_string(), "entries": entries }))
}

async fn own_domain(house: &House, account: AccountId, name: &str) -> Result<Domain> {
    let found = house.domains.by_name(account, name).await?;
    found.with_context(|| {
        format!(
            "the account has no domain {name}; `waxseal domain list --account {account}` shows those that are"
        )
    })
}

async fn all_domains(house: &House, account: AccountId) -> Result<Vec<Domain>> {
    Ok(house.store.domains(account, 0, 10_000).await?.1)
}

fn login(credential: &SmtpCredential) -> Value {
    json!({
        "id": credential.id.to_string(),
        "login": credential.login.open(&ACCESS),
        "network": null,
        "created_at": credential.created_at.to_jiff().to_string(),
    })
}

fn network(credential: &NetworkCredential) -> Value {
    json!({
        "id": credential.id.to_string(),
        "login": null,
        "network": credential.network.open(&ACCESS).to_string(),
        "created_at": credential.created_at.to_jiff().to_string(),
    })
}

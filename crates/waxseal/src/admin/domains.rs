//! What the DNS says of the domains of this instance.

use std::time::Duration;

use anyhow::Result;
use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};
use waxseal_store::domain::{Domain, DomainKind};

use super::describe;
use crate::house::House;

/// Domains looked at, at most: each is a handful of questions to the DNS.
const MOST: usize = 100;
/// Domains looked at together.
const TOGETHER: usize = 8;
const PAGE: u64 = 500;
/// How long they are looked at, all together.
const PATIENCE: Duration = Duration::from_secs(30);

/// Looks for the records of the oldest accounts' domains; what each lacks, in plain words.
pub(crate) async fn check(house: &House) -> Result<Value> {
    let domains = some_domains(house).await?;
    let wanted = domains.len();
    let looked = stream::iter(domains.into_iter().take(MOST)).map(|domain| one(house, domain));
    // Nameservers that do not answer take their time with each name.
    let enough = tokio::time::sleep(PATIENCE);
    let items: Vec<Result<Value>> = looked.buffered(TOGETHER).take_until(enough).collect().await;
    let items = items.into_iter().collect::<Result<Vec<_>>>()?;
    Ok(json!({ "left_out": items.len() < wanted, "items": items }))
}

async fn one(house: &House, domain: Domain) -> Result<Value> {
    let checked = house.domains.look_at_records(&domain).await?;
    let problems: Vec<String> =
        checked.records.into_iter().map(|record| record.problem).filter(|text| !text.is_empty()).collect();
    Ok(json!({
        "name": domain.name,
        "state": describe::state(domain.state),
        "problems": problems,
    }))
}

/// Domains whose mail leaves, one more than are looked at.
async fn some_domains(house: &House) -> Result<Vec<Domain>> {
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let accounts = house.store.accounts(after, PAGE).await?;
        let Some(last) = accounts.last() else { return Ok(found) };
        after = Some(last.id);
        for account in &accounts {
            let (_, mut domains) = house.store.domains(account.id, 0, MOST as u64 + 1).await?;
            domains.retain(|domain| domain.kind == DomainKind::Custom);
            found.extend(domains);
            if found.len() > MOST {
                return Ok(found);
            }
        }
    }
}

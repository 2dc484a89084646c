//! Exports by command.

use std::{path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};
use waxseal_model::AccountId;
use waxseal_privacy::{
    audit::Operator,
    export::{self, ExportGround, ExportOrder},
};
use waxseal_store::{StoreError, export::ExportSubject, export_file::ExportKey, import::MakeDkim};

use super::{existing, named_path};
use crate::{access_notice, house::House};

/// What the owner of an account reads of an export that an operator makes without having opened a grant before.
const REASON: &str = "An operator made a copy of the data: privacy export";
/// How long a grant for that is open at most; it is closed at once.
const TIME: Duration = Duration::from_secs(60);

/// Whom an export is about.
pub(super) struct About {
    pub(super) account: Option<String>,
    pub(super) recipient: Option<String>,
    pub(super) login: Option<String>,
}

/// Makes an export; its key is in the answer and nowhere else.
pub(super) async fn make(
    house: &House,
    by: Operator,
    about: About,
    to: PathBuf,
    grants: Vec<u64>,
) -> Result<Value> {
    let About { account, recipient, login } = about;
    let to = named_path::check(house, by, to)?;
    let account = match account {
        Some(account) => Some(existing(house, &account).await?),
        None => None,
    };
    // Who asked about their data and has no account is in the register for all accounts.
    let requester = recipient.clone().filter(|_| account.is_none());
    let granted = granted(house, &grants).await?;
    let subjects = match (account, recipient, login) {
        (Some(account), None, None) => vec![ExportSubject::Account(account)],
        (account, Some(address), _) => {
            ensure!(address.contains('@'), "--recipient: a full address such as bob@example.org");
            let accounts = match account {
                Some(account) => vec![account],
                None if !granted.is_empty() => granted.clone(),
                None => accounts_with(house, &address).await?,
            };
            let of = |account| ExportSubject::Recipient { account, address: address.clone() };
            accounts.into_iter().map(of).collect()
        }
        (_, None, Some(login)) => {
            let Some(found) = house.store.smtp_credential(&login).await? else {
                bail!("--login: there is no such login");
            };
            vec![ExportSubject::Login { account: found.account, login }]
        }
        (None, None, None) => bail!("name --account, --recipient or --login"),
    };
    let has_content = subjects.iter().any(|subject| !matches!(subject, ExportSubject::Login { .. }));
    let ground = if has_content { ExportGround::Grant } else { ExportGround::Nothing };
    if has_content && granted.is_empty() {
        ensure!(
            house.config.access.second_operator.is_none(),
            "a second operator has to agree: `waxseal access open`, `access confirm`, then `--grant NUMBER`"
        );
        ensure!(
            !house.config.access.needs_consent,
            "the account has to consent: `waxseal access open`, its consent, then `--grant NUMBER`"
        );
    }
    if !granted.is_empty() {
        let covered = subjects.iter().all(|subject| granted.contains(&export::account_of(subject)));
        ensure!(covered, "--grant: the grants are for other accounts");
        for grant in grants {
            house.break_glass().export(by, grant).await?;
        }
    }
    ensure!(!to.exists(), "--to: {} is there already; name a file that is not", to.display());
    let accounts = subjects.len();
    let mut opened = Vec::new();
    if has_content && granted.is_empty() {
        for account in subjects.iter().map(export::account_of) {
            let grant = house.break_glass().open(by, account, REASON, TIME).await?.number;
            opened.push(grant);
            house.break_glass().export(by, grant).await?;
        }
    }
    let key = ExportKey::make(house.random.as_ref());
    let shown = key.text();
    let file = to.display().to_string();
    let order = ExportOrder { by: Some(by), ground, subjects, requester, path: to, key };
    let made = export::make(&house.store, house.clock.as_ref(), &house.random, &house.audit, order).await;
    // Also where it failed: something may have been opened.
    for grant in &opened {
        house.break_glass().close(by, *grant).await?;
    }
    if !opened.is_empty() {
        access_notice::send(house).await;
    }
    let made = made?;
    Ok(json!({
        "file": file,
        "bytes": made.bytes,
        "accounts": accounts,
        "rows": made.total(),
        "messages": made.messages,
        "content": ground == ExportGround::Grant,
        "key": *shown,
    }))
}

/// The accounts that grants are for; they are used when it is clear that they fit.
async fn granted(house: &House, grants: &[u64]) -> Result<Vec<AccountId>> {
    let mut accounts = Vec::with_capacity(grants.len());
    for number in grants {
        let grant = house.store.grant(*number).await?;
        accounts.push(grant.with_context(|| format!("--grant: there is no grant {number}"))?.account);
    }
    accounts.sort_unstable();
    accounts.dedup();
    Ok(accounts)
}

/// The accounts that have something about a recipient.
async fn accounts_with(house: &House, address: &str) -> Result<Vec<AccountId>> {
    let (mut accounts, mut after) = (Vec::new(), None);
    loop {
        let page = house.store.accounts(after, 500).await?;
        let Some(last) = page.last() else { return Ok(accounts) };
        after = Some(last.id);
        for account in &page {
            match house.store.recipient_rows(account.id, address).await {
                Ok(0) | Err(StoreError::Erased) => {}
                Ok(_) => accounts.push(account.id),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Takes an account over; what its domains' owner has to publish is in the answer, because DKIM keys are new.
pub(super) async fn import(house: &House, file: PathBuf, key: Option<&str>) -> Result<Value> {
    let key = match key {
        Some(text) => Some(ExportKey::parse(text).context("the key: expected 64 hex digits")?),
        None => None,
    };
    let make_dkim: MakeDkim = Arc::new(waxseal_domains::keys::pair);
    let imported = export::import(&house.store, file, key, make_dkim).await?;
    let (_, domains) = house.store.domains(imported.account, 0, 10_000).await?;
    let mut dns = Vec::new();
    for domain in &domains {
        for record in house.domains.dns_records(domain).await? {
            dns.push(json!({ "type": record.record_type, "name": record.name, "value": record.value }));
        }
    }
    Ok(json!({
        "account_id": imported.account.to_string(),
        "rows": imported.rows,
        "messages": imported.messages,
        "left_out": imported.left_out,
        "dns": dns,
    }))
}

//! Administration: one request, one answer, the same beside a running server and without one.

mod access;
mod audit;
mod backup;
mod describe;
pub(crate) mod domains;
mod erasure;
mod export;
mod keyring;
mod named_path;
mod policy;
pub(crate) mod pool;
mod queue;
mod recorded;
pub(crate) mod relay;
pub(crate) mod requests;
mod revoke;
pub(crate) mod shaping;
pub(crate) mod source;
mod trace;

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use waxseal_accounts::profile::Correction;
use waxseal_model::{Access, AccountId, actor, purpose};
use waxseal_store::{OpenError, StoreError, account::KeyScope, queue::Bulk};

pub(crate) use self::{
    backup::told as backup_told,
    describe::describe,
    queue::{Selection, duration},
};
use waxseal_privacy::{audit::Operator, correction::RecipientCorrection};

use crate::{
    config::Config,
    control,
    house::House,
    operators::{Asking, Judged, Refusal},
};

/// What can be asked.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "do")]
pub(crate) enum Request {
    /// Make an account.
    AccountCreate { name: String, email: String, company: Option<String> },
    /// List the accounts.
    AccountList,
    /// Correct what an account says about itself.
    AccountCorrect { account: String, name: Option<String>, email: Option<String>, company: Option<String> },
    /// Correct what the lists of an account say about a recipient.
    RecipientCorrect { account: String, address: String, to: Option<String>, lists: Vec<String> },
    /// Close an account, to be erased.
    AccountDelete { account: String },
    /// Open it again.
    AccountUndelete { account: String },
    /// Make a domain.
    DomainCreate { account: String, name: String, sandbox: bool },
    /// Look for the records of all domains.
    DomainsCheck,
    /// List an account's domains.
    DomainList { account: String },
    /// Make an SMTP credential.
    CredentialCreate { account: String, address: String },
    /// Let a network submit.
    NetworkCreate { account: String, network: String },
    /// Make an API key.
    KeyCreate { account: String, domain: Option<String>, label: String },
    /// List an account's API keys.
    KeyList { account: String },
    /// Delete an API key.
    KeyDelete { account: String, key: String },
    /// List an account's SMTP credentials and networks.
    CredentialList { account: String, domain: Option<String> },
    /// Delete an SMTP credential or a network.
    CredentialDelete { account: String, credential: String },
    /// Take an address off the lists of a domain.
    SuppressionRemove { account: String, domain: String, address: String },
    /// Set the relay of an account or a domain.
    RelaySet {
        account: Option<String>,
        domain: Option<String>,
        url: Option<String>,
        direct: bool,
        credentials: Option<relay::RelayLogin>,
        share: Option<u8>,
    },
    /// Show it.
    RelayShow { account: Option<String>, domain: Option<String> },
    /// List an account's relays.
    RelayList { account: String },
    /// Remove one.
    RelayRemove { account: Option<String>, domain: Option<String> },
    /// Count and list what waits.
    QueueList {
        limit: u64,
        #[serde(default)]
        which: Selection,
        after: Option<String>,
    },
    /// Let nothing of it leave for now.
    QueuePause {
        #[serde(default)]
        which: Selection,
        reason: String,
        time: Option<String>,
    },
    /// End a pause.
    QueueResume {
        #[serde(default)]
        which: Selection,
        pause: Option<u64>,
    },
    /// List the pauses.
    QueuePauses {
        #[serde(default)]
        which: Selection,
    },
    /// Attempt the next of these as soon as possible.
    QueueDrain {
        #[serde(default)]
        which: Selection,
        older_than: Option<String>,
        #[serde(default)]
        held: bool,
        after: Option<String>,
    },
    /// End the next of these.
    QueueExpire {
        #[serde(default)]
        which: Selection,
        older_than: Option<String>,
        after: Option<String>,
    },
    /// Count the next of these.
    QueueCount {
        #[serde(default)]
        which: Selection,
        older_than: Option<String>,
        after: Option<String>,
    },
    /// Tell why a message is where it is.
    QueueWhy { message: String },
    /// Try a message now.
    QueueRetry { message: String },
    /// Tell what providers get, and how they are.
    ShapingShow {
        #[serde(default)]
        hosts: Vec<String>,
    },
    /// Change what a provider gets.
    ShapingSet(shaping::Change),
    /// List the addresses that mail leaves from.
    SourceList,
    /// Change one.
    SourceChange(source::Change),
    /// List the pools of addresses.
    PoolList,
    /// Change one.
    PoolChange(pool::Change),
    /// Say by which pool mail of an account or a domain leaves.
    PoolAssign { account: Option<String>, domain: Option<String>, pool: Option<String> },
    /// Check the audit trail.
    AuditVerify,
    /// Give the audit trail out.
    AuditExport { since: Option<String>, account: Option<String>, by: Option<String> },
    /// Check every promise.
    PolicyVerify,
    /// Give out a report.
    PolicyReport { day: Option<String> },
    /// Check a report's signature.
    PolicyVerifyReport { file: String },
    /// Open a grant for an account's content.
    AccessOpen { account: String, reason: String, time: String },
    /// Confirm it as the second operator.
    AccessConfirm { grant: u64, secret: String },
    /// List what can be read under it.
    AccessShow { grant: u64, before: Option<String>, limit: u64 },
    /// Give out content under it.
    AccessRead { grant: u64, message: String },
    /// List the grants.
    AccessList { account: Option<String> },
    /// End a grant.
    AccessClose { grant: u64 },
    /// What people ask about their data.
    Person { asked: requests::Asked },
    /// The wall clock is right: purge again.
    ConfirmClock,
    /// Tell where a term is kept, in the tables and in these backups.
    PrivacyTrace { term: String, backups: Vec<PathBuf> },
    /// Erase a recipient within an account.
    RecipientErase { account: String, address: String },
    /// Erase a recipient in every account.
    RecipientEraseEverywhere { address: String },
    /// Erase who has an SMTP login of an account.
    LoginErase { account: String, login: String },
    /// Erase an account's owner.
    OwnerErase { account: String },
    /// Tell how far an erasure is.
    ErasureShow { erasure: String },
    /// Print the certificate of an erasure.
    Certificate { erasure: String },
    /// Print the key that certificates are signed with.
    PublicKey,
    /// Put a legal hold on data.
    HoldAdd { account: String, recipient: Option<String>, reason: String, until: Option<String> },
    /// List the holds.
    HoldList { account: Option<String> },
    /// Lift a hold.
    HoldRemove { hold: String },
    /// Make a backup.
    BackupCreate { path: Option<PathBuf> },
    /// Copy the key store.
    BackupKeys { path: Option<PathBuf>, gone: bool },
    /// List the backups.
    BackupList,
    /// Delete old backups.
    BackupPrune,
    /// Record that a backup is opened and checked; whoever asks does it.
    BackupVerify,
    /// Make a copy of what is kept about somebody.
    PrivacyExport {
        account: Option<String>,
        recipient: Option<String>,
        login: Option<String>,
        to: PathBuf,
        grants: Vec<u64>,
    },
    /// Take an exported account over.
    PrivacyImport { file: PathBuf, key: Option<String> },
    /// Tell an address's mark in the log.
    LogMark { address: String },
    /// List the keys that everything is sealed under.
    KeysList,
    /// Wrap them anew.
    KeysRotate,
}

impl Request {
    /// Whether something is erased by it, which may take its time.
    pub(crate) const fn erases(&self) -> bool {
        matches!(
            self,
            Self::AccountDelete { .. }
                | Self::RecipientErase { .. }
                | Self::RecipientEraseEverywhere { .. }
                | Self::LoginErase { .. }
                | Self::OwnerErase { .. }
        )
    }
}

/// How far an erasure is, in this process.
pub(crate) async fn show_erasure(house: &House, id: &str) -> Result<Value> {
    erasure::show(house, id).await
}

/// Asks the server that has the data folder, or does it here if there is none.
pub(crate) async fn ask(config: &Config, request: Request) -> Result<Value> {
    if let Some(answer) = control::ask(&config.control_socket, &request).await? {
        return Ok(answer);
    }
    let house = match House::open_in_turn(config).await {
        // A server has started meanwhile.
        Err(OpenError::InUse { .. }) if control::answers(&config.control_socket).await => {
            return control::ask(&config.control_socket, &request)
                .await?
                .context("the server has just ended; try again");
        }
        outcome => outcome.with_context(|| {
            format!(
                "the store in {} cannot be opened, and no server answers there",
                config.data_dir.display()
            )
        })?,
    };
    if matches!(request, Request::QueueDrain { .. } | Request::QueueExpire { .. }) {
        // Nobody else has the store: whoever had entries in hands is gone.
        house.store.free_leases().await?;
    }
    let answer = match Asking::here(config).judge(request) {
        Ok(judged) => perform(&house, judged).await,
        Err(refusal) => Err(refuse(&house, refusal).await),
    };
    house.close().await;
    answer
}

/// Does it, and leaves a trace of what touches people's data.
pub(crate) async fn perform(house: &House, judged: Judged) -> Result<Value> {
    recorded::perform(house, judged).await
}

/// Records that it is not done; what to say.
pub(crate) async fn refuse(house: &House, refusal: Refusal) -> anyhow::Error {
    match recorded::refuse(house, &refusal).await {
        Ok(()) => refusal.into(),
        Err(error) => anyhow::Error::from(error).context(refusal.to_string()),
    }
}

/// Refuses corrections that change nothing before they are recorded as made.
async fn check(house: &House, request: &Request) -> Result<()> {
    match request {
        Request::AccountCorrect { account, name, email, company } => {
            let account = existing(house, account).await?;
            let [name, email, company] = [name, email, company].map(Clone::clone);
            Ok(house.accounts.check_correction(account, &Correction { name, email, company }).await?)
        }
        Request::RecipientCorrect { account, address, to, lists } => {
            let account = existing(house, account).await?;
            let correction = RecipientCorrection::new(address, to.as_deref(), lists)?;
            Ok(correction.check(&house.store, account).await?)
        }
        Request::ShapingSet(change) => shaping::check(house, change),
        Request::SourceChange(change) => source::check(house, change).await,
        Request::PoolChange(change) => pool::check(house, change).await,
        _ => Ok(()),
    }
}

/// Does it.
async fn carry_out(house: &House, by: Operator, request: Request) -> Result<Value> {
    match request {
        Request::AccountCreate { name, email, company } => {
            let made = house.accounts.create(&name, &email, company.as_deref()).await?;
            // The control panel comes with later work: there is no page to sign in on yet.
            Ok(json!({ "account_id": made.id.to_string(), "api_key": made.key.secret, "panel_url": null }))
        }
        Request::AccountList => accounts(house).await,
        Request::AccountCorrect { account, name, email, company } => {
            correct(house, &account, Correction { name, email, company }).await
        }
        Request::RecipientCorrect { account, address, to, lists } => {
            revoke::correct(house, &account, &address, to.as_deref(), &lists).await
        }
        Request::AccountDelete { account } => erasure::delete_account(house, &account).await,
        Request::AccountUndelete { account } => erasure::undelete_account(house, &account).await,
        Request::RecipientErase { account, address } => erasure::recipient(house, &account, &address).await,
        Request::RecipientEraseEverywhere { address } => erasure::recipient_everywhere(house, &address).await,
        Request::LoginErase { account, login } => erasure::login(house, &account, &login).await,
        Request::OwnerErase { account } => erasure::owner(house, &account).await,
        Request::ErasureShow { erasure } => erasure::show(house, &erasure).await,
        Request::Certificate { erasure } => erasure::certificate(house, &erasure).await,
        Request::PublicKey => Ok(erasure::public_key(house)),
        Request::HoldAdd { account, recipient, reason, until } => {
            erasure::add_hold(house, by, &account, recipient, reason, until).await
        }
        Request::HoldList { account } => erasure::holds(house, account.as_deref()).await,
        Request::HoldRemove { hold } => erasure::remove_hold(house, by, &hold).await,
        Request::DomainCreate { account, name, sandbox } => {
            let account = existing(house, &account).await?;
            create_domain(house, account, &name, sandbox).await
        }
        Request::DomainsCheck => domains::check(house).await,
        Request::DomainList { account } => {
            let account = existing(house, &account).await?;
            domains_of(house, account).await
        }
        Request::CredentialCreate { account, address } => {
            let account = existing(house, &account).await?;
            let made = house.accounts.create_smtp_credential(account, &address, None).await?;
            Ok(json!({ "login": made.login, "password": made.password }))
        }
        Request::NetworkCreate { account, network } => {
            let account = existing(house, &account).await?;
            let network = network.parse().map_err(|error| anyhow::anyhow!("--network: {error}"))?;
            house.accounts.create_network_credential(account, network).await?;
            Ok(json!({ "network": network.to_string(), "account_id": account.to_string() }))
        }
        Request::KeyCreate { account, domain, label } => create_key(house, &account, domain, &label).await,
        Request::KeyList { account } => revoke::keys(house, &account).await,
        Request::KeyDelete { account, key } => revoke::delete_key(house, &account, &key).await,
        Request::CredentialList { account, domain } => {
            revoke::credentials(house, &account, domain.as_deref()).await
        }
        Request::CredentialDelete { account, credential } => {
            revoke::delete_credential(house, &account, &credential).await
        }
        Request::SuppressionRemove { account, domain, address } => {
            revoke::unsuppress(house, &account, &domain, &address).await
        }
        Request::QueueList { limit, which, after } => {
            queue::list(house, limit, &which, after.as_deref()).await
        }
        Request::QueuePause { which, reason, time } => {
            queue::pause(house, &which, &reason, time.as_deref()).await
        }
        Request::QueueResume { which, pause } => queue::resume(house, &which, pause).await,
        Request::QueuePauses { which } => queue::pauses(house, &which).await,
        Request::QueueDrain { which, older_than, held, after } => {
            let page = (older_than.as_deref(), after.as_deref());
            queue::bulk(house, Bulk::Hasten { held }, &which, page).await
        }
        Request::QueueExpire { which, older_than, after } => {
            let page = (older_than.as_deref(), after.as_deref());
            queue::bulk(house, Bulk::Expire, &which, page).await
        }
        Request::QueueCount { which, older_than, after } => {
            let page = (older_than.as_deref(), after.as_deref());
            queue::bulk(house, Bulk::Count, &which, page).await
        }
        Request::RelaySet { account, domain, url, direct, credentials, share } => {
            let wanted = relay::Wanted { url, direct, login: credentials, share };
            relay::set(house, by, (account, domain), wanted).await
        }
        Request::RelayShow { account, domain } => relay::show(house, by, (account, domain)).await,
        Request::RelayList { account } => relay::list(house, &account).await,
        Request::RelayRemove { account, domain } => relay::remove(house, by, (account, domain)).await,
        Request::QueueWhy { message } => queue::why(house, &message).await,
        Request::QueueRetry { message } => queue::retry(house, &message).await,
        Request::ShapingShow { hosts } => shaping::show(house, &hosts).await,
        Request::ShapingSet(change) => shaping::set(house, change).await,
        Request::SourceList => source::list(house).await,
        Request::SourceChange(change) => source::change(house, change).await,
        Request::PoolList => pool::list(house).await,
        Request::PoolChange(change) => pool::change(house, change).await,
        Request::PoolAssign { account, domain, pool } => {
            pool::assign(house, by, (account, domain), pool).await
        }
        Request::PrivacyTrace { term, backups } => trace::tables(house, by, &term, &backups).await,
        Request::BackupCreate { path } => backup::create(house, by, path).await,
        Request::BackupKeys { path, gone } => backup::keys(house, by, path, gone).await,
        Request::BackupList => backup::list(house).await,
        Request::BackupPrune => backup::prune(house, by).await,
        Request::BackupVerify => Ok(json!({})),
        Request::PrivacyExport { account, recipient, login, to, grants } => {
            let about = export::About { account, recipient, login };
            export::make(house, by, about, to, grants).await
        }
        Request::PrivacyImport { file, key } => export::import(house, file, key.as_deref()).await,
        Request::LogMark { address } => log_mark(&address),
        Request::KeysList => keyring::list(house).await,
        Request::KeysRotate => keyring::rotate(house).await,
        Request::AuditVerify => audit::verify(house).await,
        Request::AuditExport { since, account, by } => audit::export(house, since, account, by).await,
        Request::PolicyVerify => policy::verify(house, by).await,
        Request::PolicyReport { day } => policy::report(house, day.as_deref()).await,
        Request::PolicyVerifyReport { file } => policy::verify_report(house, &file).await,
        Request::AccessOpen { account, reason, time } => {
            access::open(house, by, &account, &reason, &time).await
        }
        Request::AccessConfirm { grant, secret } => access::confirm(house, by, grant, &secret).await,
        Request::AccessShow { grant, before, limit } => {
            access::show(house, by, grant, before.as_deref(), limit).await
        }
        Request::AccessRead { grant, message } => access::read(house, by, grant, &message).await,
        Request::AccessList { account } => access::list(house, account.as_deref()).await,
        Request::AccessClose { grant } => access::close(house, by, grant).await,
        Request::Person { asked } => requests::perform(house, by, asked).await,
        Request::ConfirmClock => {
            house.retention.confirm_clock().await?;
            Ok(json!({ "clock": house.clock.now().to_jiff().to_string() }))
        }
    }
}

fn log_mark(address: &str) -> Result<Value> {
    let marks = crate::logging::marks().context("no server runs here: marks are in its memory alone")?;
    Ok(json!({ "mark": waxseal_model::AddressMarks::mark(&*marks, address.trim()) }))
}

/// The account with this id, which is open.
async fn existing(house: &House, id: &str) -> Result<AccountId> {
    let account = known(house, id).await?;
    if let Some(erased_from) = house.store.closed_until_erased(account) {
        bail!(
            "account {id} is closed and erased from {} on; `waxseal account undelete {id}` opens it again",
            erased_from.to_jiff()
        );
    }
    Ok(account)
}

/// The account with this id, open or closed.
async fn known(house: &House, id: &str) -> Result<AccountId> {
    let parsed = id.parse().with_context(|| format!("account {id}"))?;
    let found = match house.store.account(parsed).await {
        Err(StoreError::Erased) => house.store.closed_until_erased(parsed).is_some(),
        found => found?.is_some(),
    };
    if !found && house.store.account_erasure(parsed).await?.is_none() {
        bail!("there is no account {id}; `waxseal account list` shows those that are");
    }
    Ok(parsed)
}

async fn accounts(house: &House) -> Result<Value> {
    let access = Access::new(actor::Operator, purpose::Operation);
    let mut items = Vec::new();
    let mut after = None;
    loop {
        let page = house.store.accounts(after, 500).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        items.extend(page.iter().map(|account| {
            json!({
                "account_id": account.id.to_string(),
                "name": account.profile.open(&access).name,
                "created_at": account.created_at.to_jiff().to_string(),
                "disabled": account.disabled,
                "erased_from": house.store.closed_until_erased(account.id).map(|at| at.to_jiff().to_string()),
            })
        }));
    }
    Ok(json!({ "items": items }))
}

/// Says which fields were corrected, not what they hold.
async fn correct(house: &House, account: &str, correction: Correction) -> Result<Value> {
    let account = existing(house, account).await?;
    let corrected = correction.fields();
    house.accounts.correct(account, correction).await?;
    Ok(json!({ "account_id": account.to_string(), "corrected": corrected }))
}

async fn create_domain(house: &House, account: AccountId, name: &str, sandbox: bool) -> Result<Value> {
    let made = if sandbox {
        house.domains.create_sandbox(account, Some(name)).await?
    } else {
        house.domains.create(account, name).await?
    };
    let dns: Vec<Value> = made
        .dns
        .iter()
        .map(|record| {
            json!({
                "type": record.record_type,
                "name": record.name,
                "value": record.value,
                "priority": record.priority,
                "purpose": record.purpose.as_str(),
            })
        })
        .collect();
    Ok(json!({ "name": made.domain.name, "state": describe::state(made.domain.state), "dns": dns }))
}

async fn domains_of(house: &House, account: AccountId) -> Result<Value> {
    let (_, domains) = house.store.domains(account, 0, 10_000).await?;
    let items: Vec<Value> = domains
        .iter()
        .map(|domain| {
            json!({
                "name": domain.name,
                "state": describe::state(domain.state),
                "kind": describe::kind(domain.kind),
                "created_at": domain.created_at.to_jiff().to_string(),
            })
        })
        .collect();
    Ok(json!({ "items": items }))
}

async fn create_key(house: &House, account: &str, domain: Option<String>, label: &str) -> Result<Value> {
    let account = existing(house, account).await?;
    let scope = match &domain {
        None => KeyScope::Account,
        Some(name) => match house.domains.by_name(account, name).await? {
            Some(domain) => KeyScope::DomainSending(domain.id),
            None => bail!("the account has no domain {name}; `waxseal domain create` makes it"),
        },
    };
    let made = house.accounts.create_key(account, scope, label).await?;
    Ok(json!({ "key_id": made.id.to_string(), "api_key": made.secret, "domain": domain }))
}

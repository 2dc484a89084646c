//! `waxseal quickstart`: everything embedded, on loopback, without configuration.

mod dialogue;
mod folder;
mod http_client;
mod live;
mod once;
mod recipient;
mod smtp_client;
mod verify;
mod welcome;
mod zone;

use std::{net::SocketAddr, process::ExitCode};

use anyhow::{Context as _, Result, bail};
use waxseal_model::{Access, AccountId, Actor, Purpose};
use waxseal_store::{account::KeyScope, domain::DomainKind};

use self::folder::Folder;
use crate::{
    cli,
    config::{Config, LogFormat, LogLevel, Settings},
    house::House,
    logging,
    output::{self, say},
    roles::Running,
    serve::Signals,
};

/// The domain whose mail is captured.
const SANDBOX: &str = "sandbox.test";

/// Runs it.
pub(crate) async fn run(options: cli::Quickstart) -> Result<ExitCode> {
    logging::start(LogLevel::Warn, LogFormat::Text);
    if options.once {
        return once::run(options.data_dir, options.http).await;
    }
    let mut signals = Signals::catch()?;
    let folder = Folder::given_or_temporary(options.data_dir)?;
    let http = match options.http {
        Some(address) => address,
        None => free_or_any("127.0.0.1:8080").await?,
    };
    let submission = free_or_any("127.0.0.1:2587").await?;
    let config = configure(&folder, http, submission)?;
    let house = House::open(&config).await.context("the store cannot be opened")?;
    let access = prepare(&house).await?;
    let running = Running::start(&config, house.clone(), None).await?;
    let shown = welcome::Welcome {
        addresses: running.addresses(),
        api_key: &access.api_key,
        domain: SANDBOX,
        smtp: access.smtp.as_ref(),
        folder: &folder,
    };
    output::write(format_args!("{shown}"));
    let events = live::print_events(&house, access.account);
    tokio::select! {
        () = signals.next() => {}
        outcome = events => outcome?,
    }
    say!("\nStopping.");
    tokio::select! {
        () = running.stop() => Ok(ExitCode::SUCCESS),
        () = signals.next() => Ok(ExitCode::FAILURE),
    }
}

/// Loopback only, the roles that exist, nothing to the outside but what a test of delivery would need.
fn configure(folder: &Folder, http: SocketAddr, submission: SocketAddr) -> Result<Config> {
    let settings = Settings::default()
        .set("data_dir", &folder.path().to_string_lossy())
        .set("roles", "api,submission,delivery")
        .set("hostname", "localhost")
        .set("http.listen", &http.to_string())
        .set("submission.listen", &submission.to_string())
        .set("metrics.listen", "");
    Ok(settings.read()?)
}

/// What a visitor gets in hand.
struct Prepared {
    account: AccountId,
    api_key: String,
    smtp: Option<(String, String)>,
}

/// Makes the account and its sandbox domain; with a folder that was used before, another key for it.
async fn prepare(house: &House) -> Result<Prepared> {
    let login = format!("postmaster@{SANDBOX}");
    if let Some(account) = house.store.accounts(None, 1).await?.first() {
        let has_sandbox = house.domains.by_name(account.id, SANDBOX).await?;
        if has_sandbox.is_none_or(|domain| domain.kind != DomainKind::Sandbox) {
            bail!("this data folder is not one of quickstart's: its account has no sandbox domain {SANDBOX}");
        }
        let key = house.accounts.create_key(account.id, KeyScope::Account, "quickstart").await?;
        return Ok(Prepared { account: account.id, api_key: key.secret, smtp: None });
    }
    let made = house.accounts.create("Quickstart", "postmaster@localhost.test", None).await?;
    house.domains.create_sandbox(made.id, Some(SANDBOX)).await?;
    let credential = house.accounts.create_smtp_credential(made.id, &login, None).await?;
    let smtp = Some((credential.login, credential.password));
    Ok(Prepared { account: made.id, api_key: made.key.secret, smtp })
}

/// The usual address if nobody has it, else any free port.
async fn free_or_any(usual: &str) -> Result<SocketAddr> {
    let usual: SocketAddr = usual.parse()?;
    match tokio::net::TcpListener::bind(usual).await {
        Ok(_) => Ok(usual),
        Err(_) => Ok(SocketAddr::new(usual.ip(), 0)),
    }
}

/// Sight of the customer's own data: whoever runs quickstart is the customer.
const fn own_data() -> Access {
    Access::new(Actor::Customer, Purpose::CustomerAccess)
}

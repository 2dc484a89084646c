//! `waxseal quickstart`: everything embedded, on loopback, without configuration.

mod dialogue;
pub(crate) mod folder;
pub(crate) mod http_client;
mod listeners;
mod live;
mod once;
pub(crate) mod recipient;
pub(crate) mod smtp_client;
mod verify;
mod welcome;
pub(crate) mod zone;

use std::{path::Path, process::ExitCode};

use anyhow::{Context as _, Result, bail};
use waxseal_model::{Access, AccountId, actor, purpose};
use waxseal_store::{account::KeyScope, domain::DomainKind};

use self::{folder::Folder, listeners::Listeners};
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

/// Where the API listens unless told otherwise.
const USUAL_HTTP: &str = "127.0.0.1:8080";

/// Where submission listens unless told otherwise.
const USUAL_SUBMISSION: &str = "127.0.0.1:2587";

/// Runs it. Of a configuration that is named only the listeners count.
pub(crate) async fn run(options: cli::Quickstart, file: Option<&Path>) -> Result<ExitCode> {
    logging::start(LogLevel::Warn, LogFormat::Text);
    let listeners = Listeners::asked(file, options.http)?;
    if options.once {
        return once::run(options.data_dir, listeners).await;
    }
    let mut signals = Signals::catch()?;
    let folder = Folder::given_or_temporary("quickstart", options.data_dir)?;
    let mut config = configure(&folder, &listeners)?;
    let house = House::open(&config).await.context("the store cannot be opened")?;
    let access = prepare(&house).await?;
    let running = match Running::start(&config, house.clone(), None).await {
        Err(error) if is_taken(&error) => {
            give_way(&mut config, &listeners);
            Running::start(&config, house.clone(), None).await?
        }
        started => started?,
    };
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

/// Loopback only unless asked otherwise, the roles that exist, nothing to the outside but what a test of delivery
/// would need.
fn configure(folder: &Folder, listeners: &Listeners) -> Result<Config> {
    let settings = Settings::default()
        .set("data_dir", &folder.path().to_string_lossy())
        .set("roles", "api,submission,delivery")
        .set("hostname", "localhost")
        .set("metrics.listen", "")
        // An archive on the same laptop is what one tries it with.
        .set("outgoing_http.allow_private_destinations", "true")
        .set("outgoing_http.ports", "");
    Ok(listeners.set(settings, USUAL_HTTP, USUAL_SUBMISSION).read()?)
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

/// Whether a listener found its address in use.
fn is_taken(error: &anyhow::Error) -> bool {
    let io_errors = error.chain().filter_map(|cause| cause.downcast_ref::<std::io::Error>());
    io_errors.into_iter().any(|error| error.kind() == std::io::ErrorKind::AddrInUse)
}

/// Any free port in place of the usual ones; addresses that were asked for stay. Only whoever listens knows
/// that a port is free, so nothing is probed beforehand.
fn give_way(config: &mut Config, asked: &Listeners) {
    let submission = config.submission_listen.iter_mut().filter(|_| !asked.asks_for_submission());
    let http = config.http_listen.iter_mut().filter(|_| !asked.asks_for_http());
    submission.chain(http).for_each(|address| address.set_port(0));
}

/// Sight of the customer's own data: whoever runs quickstart is the customer.
const fn own_data() -> Access<purpose::CustomerAccess> {
    Access::new(actor::Customer, purpose::CustomerAccess)
}

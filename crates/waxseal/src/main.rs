//! The `waxseal` binary: commands, configuration, wiring of roles. It holds no business rule.
#![expect(clippy::print_stderr, reason = "a command tells whoever runs it what went wrong")]

mod access;
mod access_notice;
mod admin;
mod allocator;
mod backup;
mod bounce;
mod check;
mod cli;
mod config;
mod control;
mod erasing;
mod exports;
mod house;
mod logging;
mod memory;
mod metrics;
mod operators;
mod output;
mod policy;
mod privacy_map;
mod prove;
mod queue;
mod quickstart;
mod relay;
mod requests;
mod roles;
mod serve;
mod shaping;
mod tls_reports;
mod trace;
mod witness;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser as _;

use crate::{
    admin::Request,
    cli::{
        Access, Account, Audit, Bounce, Cli, Command, Credential, Domain, Hold, Key, Keys, Policy, Privacy,
        Shaping, Suppression,
    },
    config::{Config, LogFormat, LogLevel},
    output::say,
    queue::Asked,
};

fn main() -> ExitCode {
    logging::quiet_panics();
    if let Err(error) = waxseal_system::core_dump::forbid() {
        eprintln!("waxseal: a crash would write keys to the disk: core dumps cannot be turned off: {error}");
        return ExitCode::FAILURE;
    }
    let cli = Cli::parse();
    let serves = matches!(cli.command, Command::Serve | Command::Quickstart(_));
    let as_it_is = serves.then(allocator::settle).and_then(Result::err);
    // The one crypto provider; a second call could only come from here.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("waxseal: {error}");
            return ExitCode::FAILURE;
        }
    };
    if let Some(error) = as_it_is {
        let _runtime = runtime.enter();
        allocator::go_on_without(&error);
    }
    let outcome = runtime.block_on(run(cli));
    // Not waiting for what a second signal interrupted.
    runtime.shutdown_background();
    outcome.unwrap_or_else(|error| {
        eprintln!("waxseal: {}", logging::for_terminal(&output::told(&error), std::env::args()));
        ExitCode::FAILURE
    })
}

async fn run(cli: Cli) -> Result<ExitCode> {
    let request = match cli.command {
        Command::Quickstart(options) => return quickstart::run(options, cli.config.as_deref()).await,
        Command::Serve => return serve::run(Config::load(cli.config.as_deref())?).await,
        Command::Check => return check::run(cli.config.as_deref(), cli.json).await,
        Command::Shaping(Shaping::Show { hosts }) => {
            return shaping::show(&Config::load(cli.config.as_deref())?, &hosts, cli.json).await;
        }
        Command::Shaping(Shaping::Set(options)) => Request::ShapingSet(options.change()),
        Command::Bounce(Bounce::Classify { reply, host }) => {
            return bounce::classify(&Config::load(cli.config.as_deref())?, &reply, &host, cli.json);
        }
        Command::Privacy(Privacy::Map { page }) => return privacy_map::print(page, cli.json),
        Command::Backup(command) => {
            let config = Config::load(cli.config.as_deref())?;
            logging::start(LogLevel::Warn, LogFormat::Text);
            return backup::run(&config, command, cli.json).await;
        }
        Command::Privacy(Privacy::Trace { term, also }) => {
            let config = Config::load(cli.config.as_deref())?;
            logging::start(LogLevel::Warn, LogFormat::Text);
            return trace::run(&config, &term, &also, cli.json).await;
        }
        Command::Privacy(Privacy::ProveErasure(options)) => return prove::run(options, cli.json).await,
        Command::Privacy(Privacy::Look) => return witness::look(),
        Command::Privacy(Privacy::OpenExport(options)) => return exports::open(options, cli.json).await,
        Command::Privacy(command) => privacy(command)?,
        Command::Keys(Keys::List) => Request::KeysList,
        Command::Keys(Keys::Rotate) => Request::KeysRotate,
        Command::Account(command) => account(command),
        Command::Audit(command) => audit(command),
        Command::Policy(command) => policy_request(command)?,
        Command::Access(Access::Secret) => return Ok(access::secret(cli.json)),
        Command::Access(command) => access::request(command)?,
        Command::Domain(command) => domain(command),
        Command::Credential(command) => credential(command),
        Command::Key(command) => key(command),
        Command::Suppression(Suppression::Remove { address, domain, account }) => {
            Request::SuppressionRemove { account, domain, address }
        }
        Command::Relay(command) => relay::request(command)?,
        Command::Source(command) => command.request(),
        Command::Pool(command) => command.request(),
        Command::Queue(command) => match queue::asked(command)? {
            Asked::Once(request) => request,
            Asked::Followed(followed) => {
                let config = Config::load(cli.config.as_deref())?;
                logging::start(LogLevel::Warn, LogFormat::Text);
                return queue::follow(&config, followed, cli.json).await;
            }
        },
    };
    let config = Config::load(cli.config.as_deref())?;
    logging::start(LogLevel::Warn, LogFormat::Text);
    let lines = matches!(request, Request::AuditExport { .. });
    let content = matches!(request, Request::AccessRead { .. });
    let table = matches!(request, Request::PolicyVerify | Request::PolicyReport { .. });
    if request.erases() {
        return erasing::run(&config, request, cli.json).await;
    }
    // A certificate is JSON whoever reads it.
    let as_json = cli.json || matches!(request, Request::Certificate { .. });
    let answer = admin::ask(&config, request).await?;
    match (as_json, lines) {
        (_, true) => audit_lines(&answer),
        (false, false) if content => access::print(&answer),
        (true, false) => say!("{answer}"),
        (false, false) if table => output::write(format_args!("{}", policy::table(&answer)?)),
        (false, false) => output::write(format_args!("{}", admin::describe(&answer))),
    }
    // What was looked at and is not as it should be.
    let sound = answer.get("sound").and_then(serde_json::Value::as_bool).unwrap_or(true);
    Ok(if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Entries of the audit trail are printed as they lie there: a line each.
fn audit_lines(answer: &serde_json::Value) {
    let entries = answer.get("entries").and_then(serde_json::Value::as_array);
    for entry in entries.into_iter().flatten() {
        say!("{entry}");
    }
}

fn policy_request(command: Policy) -> Result<Request> {
    Ok(match command {
        Policy::Verify => Request::PolicyVerify,
        Policy::Report { day } => Request::PolicyReport { day },
        Policy::VerifyReport { file } => {
            let read = std::fs::read_to_string(&file);
            let text = read.map_err(|error| anyhow::anyhow!("{}: {error}", file.display()))?;
            Request::PolicyVerifyReport { file: text }
        }
    })
}

fn audit(command: Audit) -> Request {
    match command {
        Audit::Verify => Request::AuditVerify,
        Audit::Export { since, account, by } => Request::AuditExport { since, account, by },
    }
}

fn account(command: Account) -> Request {
    match command {
        Account::Create { name, email, company } => Request::AccountCreate { name, email, company },
        Account::List => Request::AccountList,
        Account::Correct { account, name, email, company } => {
            Request::AccountCorrect { account, name, email, company }
        }
        Account::Delete { account } => Request::AccountDelete { account },
        Account::Undelete { account } => Request::AccountUndelete { account },
    }
}

fn privacy(command: Privacy) -> Result<Request> {
    Ok(match command {
        Privacy::Export(options) => exports::export_request(options)?,
        Privacy::Import(options) => exports::import_request(&options)?,
        Privacy::ConfirmClock => Request::ConfirmClock,
        Privacy::EraseRecipient { address, account, .. } => {
            let address = trace::given(&address)?;
            match account {
                Some(account) => Request::RecipientErase { account, address },
                None => Request::RecipientEraseEverywhere { address },
            }
        }
        Privacy::CorrectRecipient { address, account, to, lists } => {
            let (address, to) = trace::given_with(&address, to)?;
            Request::RecipientCorrect { account, address, to, lists }
        }
        Privacy::EraseLogin { login, account } => {
            Request::LoginErase { account, login: trace::given(&login)? }
        }
        Privacy::EraseOwner { account } => Request::OwnerErase { account },
        Privacy::LogMark { address } => Request::LogMark { address: trace::given(&address)? },
        Privacy::Erasure { erasure } => Request::ErasureShow { erasure },
        Privacy::Certificate { erasure } => Request::Certificate { erasure },
        Privacy::PublicKey => Request::PublicKey,
        Privacy::Hold(Hold::Add { account, recipient, reason, until }) => {
            Request::HoldAdd { account, recipient, reason, until }
        }
        Privacy::Hold(Hold::List { account }) => Request::HoldList { account },
        Privacy::Hold(Hold::Remove { hold }) => Request::HoldRemove { hold },
        Privacy::Request(command) => requests::request(command)?,
        Privacy::Map { .. }
        | Privacy::Trace { .. }
        | Privacy::OpenExport(_)
        | Privacy::ProveErasure(_)
        | Privacy::Look => {
            anyhow::bail!("this needs no store")
        }
    })
}

fn domain(command: Domain) -> Request {
    match command {
        Domain::Create { name, account, sandbox } => Request::DomainCreate { account, name, sandbox },
        Domain::List { account } => Request::DomainList { account },
    }
}

fn credential(command: Credential) -> Request {
    match command {
        Credential::Create { address: Some(address), account, .. } => {
            Request::CredentialCreate { account, address }
        }
        Credential::Create { network, account, .. } => {
            Request::NetworkCreate { account, network: network.unwrap_or_default() }
        }
        Credential::List { account, domain } => Request::CredentialList { account, domain },
        Credential::Delete { credential, account } => Request::CredentialDelete { account, credential },
    }
}

fn key(command: Key) -> Request {
    match command {
        Key::Create { account, domain, label } => Request::KeyCreate { account, domain, label },
        Key::List { account } => Request::KeyList { account },
        Key::Delete { key, account } => Request::KeyDelete { account, key },
    }
}

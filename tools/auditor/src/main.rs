//! `waxseal-auditor`: tells of every store how old the oldest thing of each kind is, and what should have gone.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command tells whoever runs it what it found"
)]

use std::{
    path::PathBuf,
    process::ExitCode,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, Result};
use clap::Parser;
use waxseal_auditor::{Also, Instance, audit};

/// Tells of every store of a Waxseal instance how old the oldest thing of each kind is, and whether anything is there an
/// hour and more after its limit. It reads and changes nothing, beside a server that runs or without one.
///
/// Ends with 0 if nothing is past its limit, with 1 otherwise, with 2 on a wrong command line.
#[derive(Parser)]
#[command(name = "waxseal-auditor", version, max_term_width = 100)]
struct Cli {
    /// The instance's configuration; else waxseal.toml here, if there is one. Variables WAXSEAL_… win over it.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// The data folder, if it is not the one of the configuration.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,

    /// Days that events may be kept, if you promised something else than the configuration says.
    #[arg(long, value_name = "DAYS")]
    events_days: Option<u32>,

    /// Days that people's requests may be kept once they are answered, likewise.
    #[arg(long, value_name = "DAYS")]
    request_days: Option<u32>,

    /// Days that backups may be kept, likewise.
    #[arg(long, value_name = "DAYS")]
    backup_days: Option<u32>,

    /// Another folder in which no file may be older: collected logs, exports, copies of backups. May be given again.
    #[arg(long, value_name = "DIR=DAYS")]
    also: Vec<Also>,

    /// The time to judge by, as 2026-03-01T12:00:00Z; else this machine's clock.
    #[arg(long, value_name = "TIME")]
    now: Option<jiff::Timestamp>,

    /// One line of JSON instead of a table.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("waxseal-auditor: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<bool> {
    let mut instance = Instance::read(cli.config.as_deref(), |name| std::env::var(name).ok())?;
    if let Some(data) = cli.data {
        instance.backups = match instance.backups.strip_prefix(&instance.data) {
            Ok(inside) => data.join(inside),
            Err(_) => instance.backups,
        };
        instance.keys = match instance.keys.strip_prefix(&instance.data) {
            Ok(inside) if inside.as_os_str().is_empty() => data.clone(),
            Ok(inside) => data.join(inside),
            Err(_) => instance.keys,
        };
        instance.data = data;
    }
    instance.limits.events_days = cli.events_days.unwrap_or(instance.limits.events_days);
    instance.limits.request_days = cli.request_days.unwrap_or(instance.limits.request_days);
    instance.limits.backup_days = cli.backup_days.unwrap_or(instance.limits.backup_days);
    instance.also = cli.also;
    let now = match cli.now {
        Some(now) => now.as_microsecond(),
        None => clock()?,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let report = runtime.block_on(audit(&instance, now))?;
    if cli.json {
        println!("{}", report.json());
    } else {
        print!("{}", report.text());
    }
    Ok(report.holds())
}

/// The machine's clock, in microseconds since the epoch: this program has no part in the house's.
#[expect(clippy::disallowed_methods, reason = "what it judges by has to be another clock than the server's")]
fn clock() -> Result<i64> {
    let since =
        SystemTime::now().duration_since(UNIX_EPOCH).context("the clock of this machine is before 1970")?;
    Ok(i64::try_from(since.as_micros())?)
}

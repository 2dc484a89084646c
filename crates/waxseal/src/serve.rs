//! `waxseal serve`: start the roles, say so, and end in order when told to.

use std::{process::ExitCode, time::Duration};

use anyhow::{Context as _, Result};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::{config::Config, house::House, logging, metrics::Metrics, output::say, roles::Running};

/// How long what is in flight may take after the first signal.
const DRAIN: Duration = Duration::from_secs(30);

/// Runs until a signal comes.
pub(crate) async fn run(config: Config) -> Result<ExitCode> {
    logging::start_for_days(config.log_level, config.log_format);
    for note in &config.notes {
        tracing::warn!(note, "about the configuration");
    }
    // Signals are caught before the ready line: whoever reads it may send one at once.
    let mut signals = Signals::catch()?;
    let metrics = Metrics::start()?;
    let house = tokio::select! {
        house = House::open_in_turn(&config) => house.context("the store cannot be opened")?,
        () = signals.next() => return Ok(ExitCode::SUCCESS),
    };
    let running = Running::start(&config, house, Some(metrics)).await?;
    say!("{}", running.ready_line());
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "ready");
    signals.next().await;
    tracing::info!("stopping: no new calls; finishing what is in flight");
    let drained = tokio::select! {
        drained = tokio::time::timeout(DRAIN, running.stop()) => drained.is_ok(),
        () = signals.next() => {
            tracing::warn!("second signal: ending at once");
            return Ok(ExitCode::FAILURE);
        }
    };
    if drained {
        tracing::info!("stopped");
    } else {
        tracing::warn!(
            "stopped after 30 seconds with work in flight; it is queued and resumes at the next start"
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// SIGTERM and SIGINT.
pub(crate) struct Signals {
    term: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Catches them from now on.
    pub(crate) fn catch() -> Result<Self> {
        Ok(Self { term: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for one.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

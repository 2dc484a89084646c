//! Whole worlds by number: the real queue, scheduler and SMTP sessions among peers, names, clocks and processes that fail
//! as a seed says, in a time of their own.
//!
//! ```text
//! seed ─> plan ─> history: processes that live and die ─> store, delivery ─> network ─> peers
//!                    │ ledger: what was accepted, what arrived, every step with its time
//!                    └> check: nothing lost, nothing twice, nothing early, nothing left
//! ```
//!
//! One thread does one thing after the other (`steps`), so the same seed gives the same history.

mod check;
mod clock;
mod dice;
mod grounds;
mod history;
mod ledger;
mod network;
mod peer;
mod plan;
mod process;
mod steps;

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;

use crate::{grounds::Grounds, history::History, ledger::Ledger, plan::Plan, steps::Processors};

/// What came of a seed.
#[derive(Debug)]
pub struct Outcome {
    /// What must hold and does not; empty if all is well.
    pub broken: Vec<String>,
    /// Every step with its time in seconds.
    pub trace: Vec<String>,
    /// A hash of all steps.
    pub fingerprint: String,
}

/// Runs worlds, one at a time.
pub struct Simulator {
    grounds: Grounds,
    processors: Processors,
}

/// Panics of tasks, which nobody else may hear of.
static PANICS: Mutex<Vec<String>> = Mutex::new(Vec::new());

impl Simulator {
    /// Makes what all worlds begin with.
    ///
    /// # Errors
    /// There is no place for it, or the system does not tell what threads do.
    pub fn new() -> Result<Self> {
        std::panic::set_hook(Box::new(|panic| {
            PANICS.lock().unwrap_or_else(PoisonError::into_inner).push(format!("panic: {panic}"));
        }));
        let processors = Processors::allowed()?;
        Ok(Self { grounds: steps::run(&processors, 0, Grounds::make())??, processors })
    }

    /// Runs the world of a seed.
    ///
    /// # Errors
    /// The store refuses what it must not refuse.
    pub fn run(&self, seed: u64) -> Result<Outcome> {
        let plan = Arc::new(Plan::of(seed));
        let (broken, ledger) = steps::run(&self.processors, seed, async {
            let ledger = Arc::new(Ledger::new(plan.deadly.clone()));
            let broken = match self.live(&plan, &ledger).await {
                Ok(broken) => broken,
                Err(error) => vec![format!("{error:#}")],
            };
            (broken, ledger)
        })?;
        let mut broken = broken;
        broken.append(&mut PANICS.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(Outcome { broken, trace: ledger.trace(), fingerprint: ledger.fingerprint() })
    }

    async fn live(&self, plan: &Arc<Plan>, ledger: &Arc<Ledger>) -> Result<Vec<String>> {
        let mut history = History::begin(Arc::clone(plan), Arc::clone(ledger), &self.grounds).await?;
        let remains = history.run().await?;
        Ok(check::all(plan, &ledger.state(), &remains))
    }
}

//! A row of the table, and what a check gets to look at.

use std::{future::Future, pin::Pin, time::Duration};

use anyhow::{Context as _, Result};
use waxseal_store::retention::Holdings;

use super::proof::{self, Proof};
use crate::house::House;

/// How long a check may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// One promise.
pub(crate) struct Row {
    /// `S1` to `S15`, `P1` to `P22`.
    pub(super) row: &'static str,
    /// What is promised, in few words.
    pub(super) promise: &'static str,
    /// What makes it true.
    pub(super) mechanism: &'static str,
    /// What of it is not built; `None` if all of it is.
    pub(super) missing: Option<&'static str>,
    /// Checks what is built; `None` if nothing is.
    pub(super) check: Option<Check>,
}

/// A check. What does not hold is an error, and so is what cannot be looked at.
pub(super) type Check = for<'a> fn(&'a Instance<'a>) -> Looking<'a>;
/// A check that runs.
pub(super) type Looking<'a> = Pin<Box<dyn Future<Output = Result<Found>> + Send + 'a>>;

/// What a check found.
pub(super) struct Found {
    /// What was looked at, with figures.
    pub(super) text: String,
    /// What is not set up on this instance, although it is built.
    pub(super) lacks: Option<String>,
}

impl Found {
    /// Everything holds.
    pub(super) fn all(text: impl Into<String>) -> Result<Self> {
        Ok(Self { text: text.into(), lacks: None })
    }
}

impl Row {
    /// Nothing of it is built.
    pub(super) const fn unbuilt(row: &'static str, promise: &'static str, missing: &'static str) -> Self {
        Self { row, promise, mechanism: "none yet", missing: Some(missing), check: None }
    }

    /// Runs the check, if there is one.
    pub(super) async fn look(&self, instance: &Instance<'_>) -> Result<Option<Found>> {
        let Some(check) = self.check else { return Ok(None) };
        let found = tokio::time::timeout(PATIENCE, check(instance)).await;
        found.context("the check was not done within two minutes")?.map(Some)
    }
}

/// What a check may look at. What several of them want is made once.
pub(super) struct Instance<'a> {
    pub(super) house: &'a House,
    proof: tokio::sync::OnceCell<Result<Proof, String>>,
}

impl<'a> Instance<'a> {
    pub(super) fn of(house: &'a House) -> Self {
        Self { house, proof: tokio::sync::OnceCell::new() }
    }

    /// What is held for a time, and how much of it is past its limit by more than an hour: rounds of retention run
    /// every half hour.
    pub(super) async fn holdings(&self) -> Result<Holdings> {
        let (now, days) = (self.house.clock.now(), u64::from(self.house.config.events_days));
        let cut = now - Duration::from_secs(days * 86_400);
        Ok(self.house.store.holdings(now, cut, Duration::from_secs(3600)).await?)
    }

    /// Two messages sent by this very binary in a folder of their own.
    pub(super) async fn proof(&self) -> Result<&Proof> {
        let folder = std::path::absolute(&self.house.config.data_dir)?.join("policy-proof");
        let made = self
            .proof
            .get_or_init(|| async { proof::run(&folder).await.map_err(|error| format!("{error:#}")) });
        made.await.as_ref().map_err(|error| anyhow::anyhow!("{error}"))
    }
}

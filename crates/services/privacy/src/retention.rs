//! The retention engine: what is over goes, in batches, every half hour.
//!
//! It may stop at any point: whatever it did not get to, the next round finds. When the wall clock jumps
//! by more than five minutes it deletes nothing until an operator says that the clock is right.

mod round;

use std::{future::Future, pin::pin, sync::Arc, time::Duration};

use tokio::sync::Mutex;
use waxseal_model::Clock;
use waxseal_store::{Store, StoreError};

use crate::{
    audit::{AuditActor, AuditEntry, AuditEvent, AuditLog, AuditPurpose},
    clock_watch::{ClockJump, ClockWatch},
};

/// What is kept for how long, where the store does not know it from the row itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetentionConfig {
    /// Events (and messages without body) are kept for so many days: `retention.events_days`.
    pub events_days: u32,
    /// What people asked about their data is kept for so many days after it was answered: `retention.request_days`.
    pub request_days: u32,
    /// Backups are kept for so many days: `backup.keep_days`. A day longer it is known what was deleted since they were
    /// made.
    pub backup_days: u32,
    /// Rows deleted in one transaction.
    pub batch: u64,
    /// Time between rounds.
    pub every: Duration,
}

impl Default for RetentionConfig {
    fn default() -> Self {
        Self {
            events_days: 30,
            request_days: 365,
            backup_days: 7,
            batch: 500,
            every: Duration::from_secs(1800),
        }
    }
}

/// What one round deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Purged {
    /// Recipients that nobody tries any more, given up in their time.
    pub given_up: u64,
    /// Bodies whose time of keeping was over.
    pub bodies: u64,
    /// Captured messages that expired.
    pub inbox_items: u64,
    /// Events older than the limit.
    pub events: u64,
    /// Messages without body that nothing refers to.
    pub messages: u64,
    /// Idempotency keys older than a day.
    pub idempotency_keys: u64,
    /// Copies of somebody's data whose time was over.
    pub exports: u64,
    /// What was told of files of suppressions.
    pub imports: u64,
    /// What people asked about their data, answered long enough ago; their keys with them.
    pub requests: u64,
    /// Single deletions that no backup can undo any more, forgotten.
    pub deletions: u64,
    /// What recipients' domains asked of TLS or were to be told of it, its time over; keys of their days with it.
    pub trust: u64,
    /// Content keys destroyed: no body needed them.
    pub content_keys: u64,
    /// Event keys destroyed: their days are over.
    pub event_keys: u64,
}

impl Purged {
    /// Rows and keys together.
    pub const fn total(&self) -> u64 {
        self.given_up
            + self.bodies
            + self.inbox_items
            + self.events
            + self.messages
            + self.idempotency_keys
            + self.exports
            + self.imports
            + self.requests
            + self.deletions
            + self.trust
            + self.content_keys
            + self.event_keys
    }
}

/// How a round went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Report {
    /// What was over is gone.
    Purged(Purged),
    /// Nothing was touched: the clock cannot be trusted until [`Retention::confirm_clock`].
    Paused {
        /// The jump that was seen now; `None` if the pause is from an earlier round.
        jump: Option<ClockJump>,
    },
}

/// Deletes what is over. One per instance.
pub struct Retention {
    store: Store,
    clock: Arc<dyn Clock>,
    config: RetentionConfig,
    watch: Mutex<ClockWatch>,
    audit: Option<AuditLog>,
}

/// After a failed round the next comes sooner.
const AFTER_FAILURE: Duration = Duration::from_secs(300);

impl Retention {
    /// The engine of this store.
    pub fn new(store: Store, clock: Arc<dyn Clock>, config: RetentionConfig) -> Self {
        Self { store, clock, config, watch: Mutex::default(), audit: None }
    }

    /// Leaves traces of what it does in this trail.
    pub fn recorded_in(self, audit: AuditLog) -> Self {
        Self { audit: Some(audit), ..self }
    }

    /// Records what happened. That it could not be recorded stops no deletion: this is logged instead.
    async fn record(&self, what: AuditEvent, count: u64) {
        let (actor, purpose) = (AuditActor::System, AuditPurpose::Retention);
        let entry = AuditEntry { actor, purpose, what, account: None, count };
        if let Some(audit) = &self.audit
            && let Err(error) = audit.record(entry).await
        {
            tracing::warn!(%error, "a retention round was not recorded");
        }
    }

    /// One round: deletes everything that is over, unless the clock cannot be trusted.
    pub async fn run_once(&self) -> Result<Report, StoreError> {
        // Held throughout, so that rounds never run side by side.
        let mut watch = self.watch.lock().await;
        if let Some(pause) = self.paused(&mut watch).await? {
            return Ok(pause);
        }
        let purged = round::purge(&self.store, self.clock.now(), &self.config).await?;
        self.store.note_clock(self.clock.now()).await?;
        if purged != Purged::default() {
            self.record(AuditEvent::Purged, purged.total()).await;
        }
        Ok(Report::Purged(purged))
    }

    /// Whether the wall clock can be trusted now. One that jumped pauses everything that deletes because its time has
    /// come, until [`Retention::confirm_clock`].
    pub async fn trusts_clock(&self) -> Result<bool, StoreError> {
        Ok(self.paused(&mut *self.watch.lock().await).await?.is_none())
    }

    /// The pause that is in force, or begins because the clock has jumped.
    async fn paused(&self, watch: &mut ClockWatch) -> Result<Option<Report>, StoreError> {
        if self.store.purging_paused().await?.is_some() {
            metrics::gauge!("waxseal_retention_paused").set(1.0);
            return Ok(Some(Report::Paused { jump: None }));
        }
        let noted = match self.store.noted_clock().await? {
            Some(at) => Some((at, self.store.noted_boot().await?)),
            None => None,
        };
        if let Err(jump) = watch.look(self.clock.as_ref(), noted) {
            self.store.note_purging_paused(Some(jump.found)).await?;
            metrics::gauge!("waxseal_retention_paused").set(1.0);
            tracing::warn!(
                expected = %jump.expected.to_jiff(),
                found = %jump.found.to_jiff(),
                "the wall clock jumped: nothing is purged until an operator confirms the clock"
            );
            let seconds = jump.found.as_secs().saturating_sub(jump.expected.as_secs());
            self.record(AuditEvent::ClockJumped { seconds }, 1).await;
            return Ok(Some(Report::Paused { jump: Some(jump) }));
        }
        metrics::gauge!("waxseal_retention_paused").set(0.0);
        Ok(None)
    }

    /// Runs a round now and then every half hour until `stop` is done.
    pub async fn run(&self, stop: impl Future<Output = ()>) {
        let mut stop = pin!(stop);
        loop {
            let wait = tokio::select! {
                () = &mut stop => return,
                round = self.run_once() => match round {
                    Ok(Report::Purged(purged)) => {
                        tracing::debug!(?purged, "retention round");
                        self.config.every
                    }
                    Ok(Report::Paused { .. }) => self.config.every.min(AFTER_FAILURE),
                    Err(error) => {
                        tracing::warn!(%error, "a retention round failed; another follows soon");
                        self.config.every.min(AFTER_FAILURE)
                    }
                },
            };
            tokio::select! {
                () = &mut stop => return,
                () = self.clock.sleep_until(self.clock.now() + wait) => {}
            }
        }
    }

    /// An operator says that the wall clock is right as it is: purging goes on from here.
    pub async fn confirm_clock(&self) -> Result<(), StoreError> {
        let mut watch = self.watch.lock().await;
        self.store.note_clock(self.clock.now()).await?;
        self.store.note_purging_paused(None).await?;
        watch.trust(self.clock.as_ref());
        metrics::gauge!("waxseal_retention_paused").set(0.0);
        tracing::info!("the wall clock is confirmed: purging goes on");
        Ok(())
    }
}

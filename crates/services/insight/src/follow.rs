//! The live tail: events as they are committed, in the order of the log.

use std::collections::VecDeque;

use tokio::sync::watch;
use waxseal_model::AccountId;
use waxseal_store::{Store, StoreError, event_log::StoredEvent};

use crate::search::Insight;

/// Events read from the log at a time.
const CHUNK: u64 = 500;

/// Follows the event log from a place in it.
pub struct Follow {
    store: Store,
    changes: watch::Receiver<u64>,
    cursor: u64,
    account: Option<AccountId>,
    ready: VecDeque<StoredEvent>,
}

impl Insight {
    /// Follows the log behind `cursor` (0: from its start), of one account or of all.
    pub fn follow(&self, cursor: u64, account: Option<AccountId>) -> Follow {
        let changes = self.store.log_changes();
        Follow { store: self.store.clone(), changes, cursor, account, ready: VecDeque::new() }
    }

    /// The place behind the newest event there is now.
    pub async fn end_of_log(&self) -> Result<u64, StoreError> {
        self.store.log_end().await
    }
}

impl Follow {
    /// The next event; waits until there is one. Nothing is lost if the wait is given up.
    pub async fn next(&mut self) -> Result<StoredEvent, StoreError> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(event);
            }
            // Seen before reading: what is committed while we read changes it again.
            self.changes.mark_unchanged();
            let rows = self.store.read_log(self.cursor, CHUNK).await?;
            if let Some(last) = rows.last() {
                self.cursor = last.seq;
                let account = self.account;
                self.ready.extend(rows.into_iter().filter(|row| account.is_none_or(|of| row.account == of)));
            } else if self.changes.changed().await.is_err() {
                // The store is closed: nothing will ever come.
                std::future::pending::<()>().await;
            }
        }
    }

    /// The place behind the last event read from the log.
    pub const fn cursor(&self) -> u64 {
        self.cursor
    }
}

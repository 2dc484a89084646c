//! SQLite's write-ahead log, kept short without holding anybody up.
//!
//! SQLite would bring it into the file within the commit that finds it long: everybody in that group waits for thousands of pages.
//! So another connection does that beside the writer, which then only brings over what came meanwhile, and begins the log anew.

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend};
use tokio::task::JoinHandle;

/// Bytes written, roughly, after which the log is brought into the file.
const LONG: usize = 16 << 20;
/// Where somebody beside the writer does not keep up, the writer itself does it.
const TOO_LONG: usize = 4 * LONG;
/// What an operation writes besides its content, roughly: pages of tables and indexes.
const OVERHEAD: usize = 16 << 10;

/// Who keeps the log short.
pub(super) struct Log {
    /// Reads, and may bring the log into the file; `None` where there is no such log.
    beside: Option<DatabaseConnection>,
    written: usize,
    under_way: Option<JoinHandle<()>>,
}

impl Log {
    pub(super) fn new(beside: DatabaseConnection) -> Self {
        let is_kept = beside.get_database_backend() == DbBackend::Sqlite;
        Self { beside: is_kept.then_some(beside), written: 0, under_way: None }
    }

    /// A group was written: so many operations of so many bytes.
    pub(super) async fn grew(&mut self, writing: &DatabaseConnection, (operations, bytes): (usize, usize)) {
        let Some(beside) = &self.beside else { return };
        self.written = self.written.saturating_add(bytes + operations * OVERHEAD);
        match &self.under_way {
            Some(task) if task.is_finished() => {
                self.under_way = None;
                self.written = 0;
                reuse(writing).await;
            }
            Some(_) if self.written >= TOO_LONG => {
                self.written = LONG;
                reuse(writing).await;
            }
            None if self.written >= LONG => {
                let beside = beside.clone();
                self.under_way = Some(tokio::spawn(async move { reuse(&beside).await }));
            }
            Some(_) | None => {}
        }
    }

    /// Lets what comes next be written over the log of what has been: room is short.
    pub(super) async fn shorten(&mut self, writing: &DatabaseConnection) {
        if self.beside.is_some() {
            reuse(writing).await;
        }
    }

    /// Waits for what is under way.
    pub(super) async fn close(&mut self) {
        if let Some(task) = self.under_way.take() {
            // It says itself what goes wrong.
            drop(task.await);
        }
    }
}

async fn reuse(db: &DatabaseConnection) {
    if let Err(error) = db.execute_unprepared("PRAGMA wal_checkpoint(PASSIVE)").await {
        tracing::warn!(%error, "the write-ahead log could not be brought into the file");
    }
}

//! The one writer of a node: takes what is waiting, runs it in one transaction, commits once, then
//! answers everybody. So many callers share an fsync, and no answer comes before it.
//!
//! Each operation but the first runs in a savepoint of its own: one that fails (a conflict) leaves nothing behind and
//! takes nobody with it. A fault of the database fails the whole group, and the connection is not
//! trusted again.

mod batch;
mod commit;
mod fault;
mod group;
mod job;
mod thread;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use sea_orm::{DatabaseConnection, DatabaseTransaction, DbBackend};
use tokio::sync::{Mutex, mpsc, oneshot, watch};

use crate::{content::Openings, error::StoreError, room::Room};
use batch::Append;
pub(crate) use batch::Batch;
use job::{Job, Kind, Request, Settled, Typed};

/// An open transaction; what an operation works on.
pub(crate) type Tx = DatabaseTransaction;

/// What a committed operation tells the rest of the system.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Effects {
    /// Entries were added or became due earlier.
    pub(crate) queue: bool,
    /// Events were appended.
    pub(crate) log: bool,
    /// Somebody was put on a suppression list.
    pub(crate) suppressions: bool,
    /// A login or a domain was changed or deleted.
    pub(crate) ways_in: bool,
    /// A relay, a source address or a pool was set or removed.
    pub(crate) relays: bool,
    /// It goes through whole tables: each statement may take as long as the server lets it.
    pub(crate) whole_tables: bool,
    /// Bytes that the operation writes, roughly: bounds a group.
    pub(crate) weight: usize,
}

/// Operations waiting beyond these wait in their callers.
const WAITING: usize = 1024;

/// Hands operations to the writer task.
pub(crate) struct Writer {
    jobs: mpsc::Sender<Box<dyn Job>>,
    task: Mutex<Option<tokio::task::JoinHandle<()>>>,
    changes: Changes,
}

/// Wake-ups after commits.
#[derive(Clone)]
pub(crate) struct Changes {
    /// Entries were added or became due earlier.
    pub(crate) queue: watch::Sender<u64>,
    /// Events were appended.
    pub(crate) log: watch::Sender<u64>,
    /// Somebody was put on a suppression list.
    pub(crate) suppressions: watch::Sender<u64>,
    /// A login or a domain was changed or deleted.
    pub(crate) ways_in: watch::Sender<u64>,
    /// A relay, a source address or a pool was set or removed.
    pub(crate) relays: watch::Sender<u64>,
}

impl Writer {
    /// Starts the writer task on its own connection.
    pub(crate) fn start(db: DatabaseConnection, room: Arc<Room>, openings: Arc<Openings>) -> Self {
        let (jobs, waiting) = mpsc::channel(WAITING);
        let none = || watch::channel(0).0;
        let changes =
            Changes { queue: none(), log: none(), suppressions: none(), ways_in: none(), relays: none() };
        let is_file = db.get_database_backend() == DbBackend::Sqlite;
        let serve = group::run(db, waiting, changes.clone(), room, openings);
        let task = if is_file { thread::by_itself(serve) } else { tokio::spawn(serve) };
        Self { jobs, task: Mutex::new(Some(task)), changes }
    }

    /// Wake-ups after commits.
    pub(crate) const fn changes(&self) -> &Changes {
        &self.changes
    }

    /// Runs an operation in the next group and answers when the group is on stable storage. The
    /// operation runs even if the caller goes away.
    pub(crate) async fn write<T, F>(&self, effects: Effects, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'a> FnOnce(&'a Tx) -> BoxFuture<'a, Result<T, StoreError>> + Send + 'static,
    {
        self.write_settled(effects, Box::new(|_| {}), work).await
    }

    /// The same, and calls `settled` when it is known whether the operation is on stable storage: before any other group
    /// begins, and even if the caller goes away.
    pub(crate) async fn write_settled<T, F>(
        &self,
        effects: Effects,
        settled: Settled,
        work: F,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'a> FnOnce(&'a Tx) -> BoxFuture<'a, Result<T, StoreError>> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Typed::new(effects, work, settled, reply);
        self.jobs.send(Box::new(job)).await.map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }

    /// Adds rows in the next group, together with those of others, and answers when they are on stable
    /// storage.
    ///
    /// `settled` is called as [`Writer::write_settled`] calls it.
    pub(crate) async fn append(
        &self,
        effects: Effects,
        batch: Batch,
        settled: Settled,
    ) -> Result<(), StoreError> {
        let (reply, answer) = oneshot::channel();
        let job = Append::new(effects, batch, settled, reply);
        self.jobs.send(Box::new(job)).await.map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }

    /// Empties SQLite's write-ahead log into the file; nothing to do elsewhere.
    pub(crate) async fn checkpoint(&self) -> Result<(), StoreError> {
        self.request(Kind::Checkpoint).await
    }

    /// Writes SQLite's file anew without what was deleted, and empties the write-ahead log; nothing to do elsewhere.
    pub(crate) async fn compact(&self) -> Result<(), StoreError> {
        self.request(Kind::Compact).await
    }

    /// Finishes what is waiting and stops. Later operations are refused.
    pub(crate) async fn stop(&self) {
        // Refused if the task has stopped already: then there is nothing to wait for.
        self.request(Kind::Stop).await.unwrap_or(());
        if let Some(task) = self.task.lock().await.take()
            && let Err(error) = task.await
        {
            tracing::error!(%error, "the writer task failed");
        }
    }

    async fn request(&self, kind: Kind) -> Result<(), StoreError> {
        let (reply, answer) = oneshot::channel();
        self.jobs.send(Box::new(Request::new(kind, reply))).await.map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }
}

fn closed() -> StoreError {
    StoreError::Unavailable("the store is closed".into())
}

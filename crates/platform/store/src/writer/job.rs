//! An operation on its way through the writer.

use std::error::Error;

use futures_util::future::BoxFuture;
use sea_orm::DbErr;
use tokio::sync::oneshot;

use super::{Batch, Effects, Tx, fault::Fault};
use crate::error::StoreError;

/// An operation with its caller.
pub(crate) trait Job: Send {
    /// What it does besides.
    fn effects(&self) -> Effects;

    /// What it asks for.
    fn kind(&self) -> Kind {
        Kind::Operation
    }

    /// Rows that it adds and asks nothing about; taken once, before [`Job::run`].
    fn take_batch(&mut self) -> Option<Batch> {
        None
    }

    /// Whether all of it was taken by [`Job::take_batch`].
    fn is_written(&self) -> bool {
        false
    }

    /// Its rows were refused.
    fn refuse(&mut self, _why: &Fault) {}

    /// Runs it. The outcome stays inside until [`Job::answer`].
    fn run<'a>(&'a mut self, tx: &'a Tx) -> BoxFuture<'a, Ran>;

    /// Tells the caller: its own outcome if the group was committed, else why not.
    fn answer(self: Box<Self>, group: Result<(), Fault>);
}

/// How an operation ended inside its group.
#[derive(Debug, Clone)]
pub(crate) enum Ran {
    /// It did its work.
    Done,
    /// It failed for a reason of its own.
    Refused,
    /// The database failed: no operation of the group can be trusted.
    Broken(Fault),
}

/// Told whether an operation is on stable storage.
pub(crate) type Settled = Box<dyn FnOnce(bool) + Send>;

/// An operation that answers `T`.
pub(crate) struct Typed<T, F> {
    effects: Effects,
    work: Option<F>,
    outcome: Option<Result<T, StoreError>>,
    settled: Settled,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Typed<T, F> {
    pub(crate) const fn new(
        effects: Effects,
        work: F,
        settled: Settled,
        reply: oneshot::Sender<Result<T, StoreError>>,
    ) -> Self {
        Self { effects, work: Some(work), outcome: None, settled, reply }
    }
}

impl<T, F> Job for Typed<T, F>
where
    T: Send + 'static,
    F: for<'a> FnOnce(&'a Tx) -> BoxFuture<'a, Result<T, StoreError>> + Send + 'static,
{
    fn effects(&self) -> Effects {
        self.effects
    }

    fn run<'a>(&'a mut self, tx: &'a Tx) -> BoxFuture<'a, Ran> {
        Box::pin(async move {
            let Some(work) = self.work.take() else { return Ran::Refused };
            let outcome = work(tx).await;
            let ran = match &outcome {
                Ok(_) => Ran::Done,
                Err(StoreError::Unavailable(error)) if is_refusal(error.as_ref()) => Ran::Refused,
                Err(StoreError::Unavailable(error)) => Ran::Broken(Fault::Other(error.to_string().into())),
                Err(StoreError::Full) => Ran::Broken(Fault::Full),
                Err(StoreError::Conflict { .. } | StoreError::Corrupt { .. } | StoreError::Erased) => {
                    Ran::Refused
                }
            };
            self.outcome = Some(outcome);
            ran
        })
    }

    fn answer(self: Box<Self>, group: Result<(), Fault>) {
        let answer = match (group, self.outcome) {
            (Ok(()), Some(outcome)) => outcome,
            (Ok(()), None) => Err(StoreError::Unavailable("the operation was not run".into())),
            (Err(why), _) => Err(StoreError::from(&why)),
        };
        (self.settled)(answer.is_ok());
        // A caller that went away wants no answer.
        drop(self.reply.send(answer));
    }
}

/// Whether the database works and only refuses this operation: something it refers to does not exist.
fn is_refusal(error: &(dyn Error + Send + Sync + 'static)) -> bool {
    error.downcast_ref::<DbErr>().and_then(DbErr::sql_err).is_some()
}

/// What a job is, besides an operation in a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Runs in the group's transaction.
    Operation,
    /// Asks to empty the write-ahead log after its group.
    Checkpoint,
    /// Asks to write the file anew and to empty the write-ahead log.
    Compact,
    /// Asks the writer to stop after everything before it.
    Stop,
}

/// A request to the writer itself.
pub(crate) struct Request {
    kind: Kind,
    reply: oneshot::Sender<Result<(), StoreError>>,
}

impl Request {
    pub(crate) const fn new(kind: Kind, reply: oneshot::Sender<Result<(), StoreError>>) -> Self {
        Self { kind, reply }
    }
}

impl Job for Request {
    fn effects(&self) -> Effects {
        Effects::default()
    }

    fn kind(&self) -> Kind {
        self.kind
    }

    fn run<'a>(&'a mut self, _tx: &'a Tx) -> BoxFuture<'a, Ran> {
        Box::pin(async { Ran::Done })
    }

    fn answer(self: Box<Self>, group: Result<(), Fault>) {
        // Who asked may have gone away.
        drop(self.reply.send(group.map_err(|why| StoreError::from(&why))));
    }
}

//! An operation on its way through the writer.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::sync::oneshot;

use super::{Effects, Tx};
use crate::error::StoreError;

/// An operation with its caller.
pub(crate) trait Job: Send {
    /// What it does besides.
    fn effects(&self) -> Effects;

    /// Whether it asks the writer to stop.
    fn is_stop(&self) -> bool {
        false
    }

    /// Runs it. The outcome stays inside until [`Job::answer`].
    fn run<'a>(&'a mut self, tx: &'a Tx) -> BoxFuture<'a, Ran>;

    /// Tells the caller: its own outcome if the group was committed, else why not.
    fn answer(self: Box<Self>, group: Result<(), Arc<str>>);
}

/// How an operation ended inside its group.
#[derive(Debug, Clone)]
pub(crate) enum Ran {
    /// It did its work.
    Done,
    /// It failed for a reason of its own.
    Refused,
    /// The database failed: no operation of the group can be trusted.
    Broken(Arc<str>),
}

/// An operation that answers `T`.
pub(crate) struct Typed<T, F> {
    effects: Effects,
    work: Option<F>,
    outcome: Option<Result<T, StoreError>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Typed<T, F> {
    pub(crate) const fn new(
        effects: Effects,
        work: F,
        reply: oneshot::Sender<Result<T, StoreError>>,
    ) -> Self {
        Self { effects, work: Some(work), outcome: None, reply }
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
                Err(StoreError::Unavailable(error)) => Ran::Broken(error.to_string().into()),
                Err(StoreError::Conflict { .. } | StoreError::Corrupt { .. } | StoreError::Erased) => {
                    Ran::Refused
                }
            };
            self.outcome = Some(outcome);
            ran
        })
    }

    fn answer(self: Box<Self>, group: Result<(), Arc<str>>) {
        let answer = match (group, self.outcome) {
            (Ok(()), Some(outcome)) => outcome,
            (Ok(()), None) => Err(StoreError::Unavailable("the operation was not run".into())),
            (Err(why), _) => Err(StoreError::Unavailable(why.as_ref().into())),
        };
        // A caller that went away wants no answer.
        drop(self.reply.send(answer));
    }
}

/// Asks the writer to stop after everything before it.
pub(crate) struct Stop {
    reply: oneshot::Sender<()>,
}

impl Stop {
    pub(crate) const fn new(reply: oneshot::Sender<()>) -> Self {
        Self { reply }
    }
}

impl Job for Stop {
    fn effects(&self) -> Effects {
        Effects::default()
    }

    fn is_stop(&self) -> bool {
        true
    }

    fn run<'a>(&'a mut self, _tx: &'a Tx) -> BoxFuture<'a, Ran> {
        Box::pin(async { Ran::Done })
    }

    fn answer(self: Box<Self>, _group: Result<(), Arc<str>>) {
        // Who asked may have gone away.
        self.reply.send(()).unwrap_or(());
    }
}

//! Rows that several callers add and none of them asks anything about: written together, with few
//! statements for all.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use sea_orm::{DatabaseTransaction, DbErr};
use tokio::sync::oneshot;

use super::{
    Effects, Tx,
    fault::Fault,
    job::{Job, Ran, Settled},
};
use crate::{
    entity::{archive_job, body, event, message, queue_entry},
    error::StoreError,
    rows::insert_together,
    seal::DataKey,
};

/// Rows to add.
#[derive(Default)]
pub(crate) struct Batch {
    /// Messages.
    pub(crate) messages: Vec<message::ActiveModel>,
    /// Bodies.
    pub(crate) bodies: Vec<body::ActiveModel>,
    /// Queue entries.
    pub(crate) entries: Vec<queue_entry::ActiveModel>,
    /// Copies to hand over once somebody got the message.
    pub(crate) archives: Vec<archive_job::ActiveModel>,
    /// Events.
    pub(crate) events: Vec<event::ActiveModel>,
    /// What the rows are sealed under: held until they are committed, so that no key is destroyed as
    /// unused in between.
    pub(crate) keys: Vec<Arc<DataKey>>,
}

impl Batch {
    /// Whether there is anything to add.
    pub(crate) fn is_empty(&self) -> bool {
        self.messages.is_empty()
            && self.bodies.is_empty()
            && self.entries.is_empty()
            && self.events.is_empty()
    }

    /// Takes over another batch's rows; their order stays.
    pub(crate) fn extend(&mut self, other: Self) {
        self.messages.extend(other.messages);
        self.bodies.extend(other.bodies);
        self.entries.extend(other.entries);
        self.archives.extend(other.archives);
        self.events.extend(other.events);
        self.keys.extend(other.keys);
    }

    /// Inserts the rows; the keys are handed back to be held on.
    pub(crate) async fn insert(self, tx: &DatabaseTransaction) -> Result<Vec<Arc<DataKey>>, DbErr> {
        insert_together(
            tx,
            &mut [
                &mut self.messages.into_iter(),
                &mut self.bodies.into_iter(),
                &mut self.entries.into_iter(),
                &mut self.archives.into_iter(),
                &mut self.events.into_iter(),
            ],
        )
        .await?;
        Ok(self.keys)
    }
}

/// A caller that adds rows.
pub(crate) struct Append {
    effects: Effects,
    batch: Option<Batch>,
    refused: Option<Fault>,
    settled: Settled,
    reply: oneshot::Sender<Result<(), StoreError>>,
}

impl Append {
    pub(crate) const fn new(
        effects: Effects,
        batch: Batch,
        settled: Settled,
        reply: oneshot::Sender<Result<(), StoreError>>,
    ) -> Self {
        Self { effects, batch: Some(batch), refused: None, settled, reply }
    }
}

impl Job for Append {
    fn effects(&self) -> Effects {
        self.effects
    }

    fn take_batch(&mut self) -> Option<Batch> {
        self.batch.take()
    }

    fn is_written(&self) -> bool {
        true
    }

    fn refuse(&mut self, why: &Fault) {
        self.refused = Some(why.clone());
    }

    fn run<'a>(&'a mut self, _tx: &'a Tx) -> BoxFuture<'a, Ran> {
        Box::pin(async { Ran::Done })
    }

    fn answer(self: Box<Self>, group: Result<(), Fault>) {
        let outcome = match (group, self.refused) {
            (Err(why), _) | (Ok(()), Some(why)) => Err(StoreError::from(&why)),
            (Ok(()), None) => Ok(()),
        };
        (self.settled)(outcome.is_ok());
        // A caller that went away wants no answer.
        drop(self.reply.send(outcome));
    }
}

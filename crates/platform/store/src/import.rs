//! Taking an exported account over into an empty instance: whole, or not at all.
//!
//! Everything is sealed anew under keys of this instance, and the hashes are made again. What an export does not hold
//! is made new: DKIM keys and the key of return paths, and secrets of API keys and SMTP logins that nobody knows, so
//! that they stand in their lists and open nothing. What waited in the queue stays there until somebody says so.

mod row;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use sea_orm::EntityTrait;
use thiserror::Error;
use tokio::{sync::mpsc, task::JoinHandle};
use waxseal_model::{AccountId, MessageId, Timestamp, time::Day};

use crate::{
    domain::DkimAlgorithm,
    entity::{body, class::Classified},
    error::StoreError,
    export::{TABLES, with_entity},
    message::MIME,
    open::Store,
    rows::{RowId, insert_all},
    writer::{Effects, Tx},
};

/// Makes a DKIM key: PKCS#8 DER of the private half, and what `p=` holds before base64.
pub type MakeDkim = Arc<dyn Fn(DkimAlgorithm) -> Option<(Vec<u8>, Vec<u8>)> + Send + Sync>;

/// Why an account could not be taken over.
#[derive(Debug, Error)]
pub enum ImportError {
    /// There are accounts already.
    #[error("this instance is not empty: an account is taken over into an empty one only")]
    NotEmpty,
    /// A line is not as an export has it.
    #[error("{table}.jsonl: `{column}` cannot be read")]
    Line {
        /// Table.
        table: &'static str,
        /// Member of the line.
        column: &'static str,
    },
    /// A DKIM key could not be made.
    #[error("a DKIM key could not be made")]
    Dkim,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

type Insert = Box<dyn for<'a> FnOnce(&'a Tx) -> BoxFuture<'a, Result<(), StoreError>> + Send>;

enum Work {
    Insert(Insert),
    End,
}

/// An account on its way in, in one transaction. Dropped before [`Importer::finish`], it leaves nothing.
pub struct Importer {
    store: Store,
    account: AccountId,
    make_dkim: MakeDkim,
    work: mpsc::Sender<Work>,
    writing: JoinHandle<Result<bool, StoreError>>,
}

impl Store {
    /// Begins to take an account over. The writer waits for nobody else until it is finished or dropped.
    pub fn import(&self, account: AccountId, make_dkim: MakeDkim) -> Importer {
        let (work, coming) = mpsc::channel(4);
        self.inner.listed.give_up();
        let store = self.clone();
        let writing = tokio::spawn(async move {
            let effects = Effects { log: true, ..Effects::default() };
            store.inner.writer.write(effects, move |tx| Box::pin(all(tx, coming))).await
        });
        Importer { store: self.clone(), account, make_dkim, work, writing }
    }
}

/// Writes everything that comes; `false` if there is something here already.
async fn all(tx: &Tx, mut coming: mpsc::Receiver<Work>) -> Result<bool, StoreError> {
    for table in TABLES {
        let some: Result<bool, StoreError> = with_entity!(table, E => E::find().one(tx).await.map(|row| row.is_some()).map_err(StoreError::from));
        if some? {
            return Ok(false);
        }
    }
    while let Some(work) = coming.recv().await {
        match work {
            Work::Insert(insert) => insert(tx).await?,
            Work::End => return Ok(true),
        }
    }
    // Nothing of it stays.
    Err(StoreError::Conflict { what: "an import that was given up" })
}

impl Importer {
    /// The tables, in the order in which they are to come.
    pub const fn tables() -> [&'static str; 17] {
        TABLES
    }

    /// Writes lines of a table, in their order; how many were left out, because nothing can be made of them here:
    /// answers to repeated calls, copies for archives, and suppressions of erased recipients.
    pub async fn lines(&mut self, table: &'static str, lines: &[&[u8]]) -> Result<u64, ImportError> {
        with_entity!(table, E => self.rows::<E>(table, lines).await)
    }

    async fn rows<E: Classified>(&mut self, table: &'static str, lines: &[&[u8]]) -> Result<u64, ImportError>
    where
        E::ActiveModel: Send + Sync,
        E::Model: sea_orm::IntoActiveModel<E::ActiveModel>,
    {
        let mut rows: Vec<E::ActiveModel> = Vec::with_capacity(lines.len());
        let mut left_out = 0;
        for line in lines {
            match self.store.row_of::<E>(table, self.account, line, &self.make_dkim).await? {
                Some(row) => rows.push(row),
                None => left_out += 1,
            }
        }
        self.insert(Box::new(move |tx| Box::pin(async move { Ok(insert_all(tx, rows).await?) }))).await?;
        Ok(left_out)
    }

    /// Writes the MIME of messages.
    pub async fn content(&mut self, message: MessageId, mime: &[u8]) -> Result<(), ImportError> {
        let (store, account, day) = (&self.store, self.account, day_of(message));
        let key = store.inner.keyring.content_key(account, day).await?;
        let row = body::Model {
            account: account.to_row(),
            message: message.to_row(),
            day: day.0,
            mime: store.inner.seal(&key, MIME, account, &message.to_bytes(), mime)?,
        };
        let rows: Vec<body::ActiveModel> = vec![row.into()];
        // The key counts as used until its row is written.
        self.insert(Box::new(move |tx| {
            Box::pin(async move {
                insert_all(tx, rows).await?;
                drop(key);
                Ok(())
            })
        }))
        .await
    }

    async fn insert(&mut self, insert: Insert) -> Result<(), ImportError> {
        match self.work.send(Work::Insert(insert)).await {
            Ok(()) => Ok(()),
            Err(_) => Err(self.outcome().await.err().unwrap_or(ImportError::NotEmpty)),
        }
    }

    /// On stable storage when it answers.
    pub async fn finish(mut self) -> Result<(), ImportError> {
        // Where the writer has ended already, its outcome tells why.
        let _ = self.work.send(Work::End).await;
        self.outcome().await
    }

    async fn outcome(&mut self) -> Result<(), ImportError> {
        let ended = (&mut self.writing).await;
        match ended.map_err(|error| StoreError::Unavailable(Box::new(error)))?? {
            true => Ok(()),
            false => Err(ImportError::NotEmpty),
        }
    }
}

/// The day under whose content key a message's MIME and its captured copies rest: an id tells when it was made.
fn day_of(message: MessageId) -> Day {
    let millis = i64::try_from(message.as_u128() >> 80).unwrap_or(0);
    Timestamp::from_micros(millis.saturating_mul(1_000)).day()
}

//! The ring as a copy holds it: every row, and the key of the epoch, all as they lie there, wrapped; and the way back
//! into a folder that becomes a ring.

use std::{collections::BTreeMap, path::Path};

use futures_util::TryStreamExt as _;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, Statement, StreamTrait as _,
};
use waxseal_model::Timestamp;

use super::{
    Keyring,
    copies::{self, CopySecret},
    epoch, home, journal,
    slots::{Held, Slot, Slots},
    tables,
};
use crate::{
    backup::{
        create::{MIGRATIONS, frame, schema, values},
        frame::{Encoder, Kind, TableFrame, Totals, Value},
    },
    error::{OpenError, StoreError},
};

/// The table that stands for the epoch's file.
pub(crate) const EPOCH: &str = "epoch";
/// Tables that count their rows: numbers that were given out since a copy are in use elsewhere.
const COUNTING: [(&str, &str); 4] = [
    ("ring_keys", "id"),
    ("ring_erasures", "number"),
    ("ring_holds", "number"),
    ("ring_deletions", "number"),
];
/// No ring gives out so many numbers between a copy and its restore.
const GAP: i64 = 1 << 32;

/// A copy of the ring.
pub(crate) struct Copy {
    pub(crate) secret: CopySecret,
    pub(crate) schema: Vec<String>,
    pub(crate) frames: Vec<u8>,
    pub(crate) totals: Totals,
}

impl Keyring {
    /// Copies the ring at one moment: no key is made or destroyed meanwhile, and nothing becomes an entry of its
    /// journal. `None` if earlier copies should be useless and are not.
    pub(crate) async fn copy(&self, secret: &Path, now: Timestamp) -> Result<Option<Copy>, StoreError> {
        let odd = |error: std::io::Error| StoreError::Unavailable(Box::new(error));
        let mut epochs = self.file.lock().await;
        let live = self.live(&mut epochs).await?.number;
        let held = epochs.held(live).map_err(odd)?;
        let held = held.ok_or(StoreError::Corrupt { table: "ring_marks", column: "sealed" })?;
        let Some(secret) = self.copy_secret(secret, now).await? else { return Ok(None) };
        let tx = self.begin().await?;
        let schema = schema(&tx).await?;
        let mut encoder = Encoder::new();
        for table in tables().iter().filter(|table| table.name != MIGRATIONS) {
            let frame = frame(table)?;
            encoder.table(&frame).map_err(odd)?;
            let list: Vec<String> = frame.columns.iter().map(|(name, _)| format!("\"{name}\"")).collect();
            // Where copies lie is no part of a copy, nor which database it goes with.
            let which = if table.name == "ring_marks" {
                format!(" WHERE name NOT IN ('{}', '{}')", copies::MARK, home::TAKEN)
            } else {
                String::new()
            };
            let sql = format!("SELECT {} FROM \"{}\"{which}", list.join(", "), table.name);
            let mut rows = tx.stream_raw(Statement::from_string(DbBackend::Sqlite, sql)).await?;
            while let Some(row) = rows.try_next().await? {
                encoder.row(&values(&row, &frame)?).map_err(odd)?;
            }
        }
        let columns = vec![("number".to_owned(), Kind::Long), ("wrapped".to_owned(), Kind::Bytes)];
        encoder.table(&TableFrame { name: EPOCH.to_owned(), columns }).map_err(odd)?;
        encoder.row(&[Some(Value::Long(held.number)), Some(Value::Bytes(held.wrapped))]).map_err(odd)?;
        let totals = encoder.end(counters(&tx).await?).map_err(odd)?;
        tx.rollback().await?;
        Ok(Some(Copy { secret, schema, frames: encoder.take(), totals }))
    }

    /// What is written into a ring that came from a copy: numbers go on where none was given out since, and its
    /// erasures come after all that any database knows of.
    pub(crate) async fn leave_a_gap(&self, totals: &Totals) -> Result<(), StoreError> {
        let _file = self.file.lock().await;
        let floor = journal::last(&self.db).await?.saturating_add(GAP);
        let transaction = self.begin().await?;
        for (table, _) in COUNTING {
            let last = totals.counters.get(table).copied().unwrap_or(0).saturating_add(GAP);
            for sql in [
                format!("DELETE FROM sqlite_sequence WHERE name = '{table}'"),
                format!("INSERT INTO sqlite_sequence (name, seq) VALUES ('{table}', {last})"),
            ] {
                transaction.execute_raw(Statement::from_string(DbBackend::Sqlite, sql)).await?;
            }
        }
        epoch::mark(&transaction, journal::FLOOR, floor.to_be_bytes().to_vec()).await?;
        epoch::mark(&transaction, RESTORED, Vec::new()).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Whether this ring came from a copy and nobody has seen to it yet.
    pub(crate) async fn is_restored(&self) -> Result<bool, StoreError> {
        epoch::has_mark(&self.db, RESTORED).await
    }

    /// Whoever had to know of the restore does.
    pub(crate) async fn forget_restored(&self) -> Result<(), StoreError> {
        epoch::drop_mark(self.writable().await, RESTORED).await
    }
}

/// The mark by which a restored ring is known.
const RESTORED: &str = "restored";

/// The last number that each counting table has given out.
async fn counters(tx: &DatabaseTransaction) -> Result<BTreeMap<String, i64>, StoreError> {
    let mut counters = BTreeMap::new();
    for (table, _) in COUNTING {
        let sql = format!("SELECT seq FROM sqlite_sequence WHERE name = '{table}'");
        if let Some(row) = tx.query_one_raw(Statement::from_string(DbBackend::Sqlite, sql)).await? {
            counters.insert(table.to_owned(), row.try_get_by_index(0)?);
        }
    }
    Ok(counters)
}

/// Writes the file of an epoch anew.
pub(crate) fn write_epoch(path: &Path, number: i64, wrapped: Vec<u8>) -> Result<(), OpenError> {
    let failed = |source| OpenError::File { path: path.display().to_string(), source };
    Slots::open(path, true)?.write(Slot::First, &Held { number, wrapped }).map_err(failed)
}

/// Makes the ring's schema as it was after these migrations; `false` if this version does not know them.
pub(crate) async fn make_schema(db: &DatabaseConnection, applied: &[String]) -> Result<bool, OpenError> {
    super::file::up(db, applied).await
}

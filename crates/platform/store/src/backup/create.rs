//! Making a backup beside the running server.

use std::{
    collections::BTreeMap,
    io::{self, Write as _},
    path::Path,
};

use futures_util::TryStreamExt as _;
use sea_orm::{
    AccessMode, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, IsolationLevel,
    QueryResult, Statement, StreamTrait, TransactionTrait,
};
use tokio::sync::mpsc;

use super::{
    AuditEnd, BackupError, Header, MAGIC, at, blocking,
    frame::{Encoder, Kind, TableFrame, Totals, Value},
    key::BackupKey,
};
use crate::{
    engine::{postgres, sqlite},
    entity::erase::{Table, tables},
    error::StoreError,
    instance_secret::InstanceSecret,
    open::{Engine, Store},
    sealed_file::{Head, NewFile, SealedWriter},
};

/// Tables that count their rows, with the column.
pub(super) const COUNTING: [(&str, &str); 3] =
    [("access_grants", "number"), ("events", "seq"), ("privacy_requests", "number")];
/// The migration library's own table: its content is the schema of the header.
pub(crate) const MIGRATIONS: &str = "seaql_migrations";
/// Bytes that are handed over to be sealed at once.
const PART: usize = 256 << 10;
/// Parts that may wait for the disk.
const WAITING: usize = 4;

/// What the backup says of itself, where the store does not know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// The version that makes it.
    pub version: String,
    /// The end of the audit trail.
    pub audit: Option<AuditEnd>,
}

/// A backup that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    /// What stands at its beginning.
    pub header: Header,
    /// What it holds.
    pub totals: Totals,
    /// Bytes of the file.
    pub bytes: u64,
}

/// What goes to the thread that writes.
enum Part {
    Bytes(Vec<u8>),
    /// Everything was written; without it the file is not kept.
    End,
}

impl Store {
    /// Writes everything in the database as it is at this moment into a new file, sealed under the key. When it
    /// answers, the file is on stable storage; until then there is none of that name.
    pub async fn back_up(&self, path: &Path, key: &BackupKey, about: About) -> Result<Created, BackupError> {
        let db = self.snapshot_connection().await?;
        let outcome = self.back_up_from(&db, path, key, about).await;
        if let Err(error) = db.close().await {
            tracing::warn!(%error, "the backup's connection did not close cleanly");
        }
        outcome
    }

    async fn back_up_from(
        &self,
        db: &DatabaseConnection,
        path: &Path,
        key: &BackupKey,
        about: About,
    ) -> Result<Created, BackupError> {
        let snapshot = match db.get_database_backend() {
            DbBackend::Postgres => {
                db.begin_with_config(Some(IsolationLevel::RepeatableRead), Some(AccessMode::ReadOnly)).await?
            }
            _ => db.begin().await?,
        };
        // The first statement decides the moment.
        let schema = schema(&snapshot).await?;
        let header = Header {
            created_at: self.inner.clock.now().as_micros(),
            version: about.version,
            engine: match self.inner.engine {
                Engine::Sqlite => "sqlite".to_owned(),
                Engine::Postgres(_) => "postgres".to_owned(),
            },
            schema,
            instance: self.instance().await?,
            audit: about.audit,
            key: key.name(),
            secret: None,
        };
        let mut salt = [0; 32];
        self.inner.random.fill(&mut salt);
        let (parts, waiting) = mpsc::channel(WAITING);
        let writing = {
            let (path, key, header) = (path.to_owned(), key.clone(), header.clone());
            tokio::spawn(blocking(move || write(&path, &key, &header, &salt, waiting)))
        };
        let read = dump(&snapshot, &parts).await;
        drop(parts);
        let written = writing.await.map_err(|error| StoreError::Unavailable(Box::new(error)))?;
        snapshot.rollback().await?;
        match (read, written) {
            (Ok(totals), Ok(bytes)) => Ok(Created { header, totals, bytes }),
            // A channel that closed early: the reason is that of the other side.
            (Ok(_) | Err(None), Err(error)) => Err(error),
            (Err(Some(error)), _) => Err(error),
            (Err(None), Ok(_)) => Err(at(path)(io::ErrorKind::Interrupted.into())),
        }
    }

    /// A connection of its own, which no time limit ends.
    async fn snapshot_connection(&self) -> Result<DatabaseConnection, BackupError> {
        Ok(match &self.inner.engine {
            Engine::Sqlite => {
                sqlite::connect(&self.inner.data_dir.join("waxseal.db"), sqlite::Use::Snapshot).await?
            }
            Engine::Postgres(url) => postgres::connect_for_long(url).await?,
        })
    }

    /// Which instance this is: a hash of a secret that lies with its keys.
    async fn instance(&self) -> Result<String, StoreError> {
        Ok(super::restore::instance(&*self.instance_secret(InstanceSecret::AuditSigning).await?))
    }
}

/// The migrations that were applied, oldest first.
pub(crate) async fn schema(db: &impl ConnectionTrait) -> Result<Vec<String>, StoreError> {
    let sql = format!("SELECT version FROM {MIGRATIONS} ORDER BY version");
    let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await?;
    Ok(rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<_, _>>()?)
}

/// Hands every row over; `None` as an error if nobody takes them any more.
async fn dump(
    snapshot: &DatabaseTransaction,
    parts: &mpsc::Sender<Part>,
) -> Result<Totals, Option<BackupError>> {
    let failed = |error: sea_orm::DbErr| Some(BackupError::from(error));
    let backend = ConnectionTrait::get_database_backend(snapshot);
    let mut encoder = Encoder::new();
    let odd = |error: io::Error| Some(StoreError::Unavailable(Box::new(error)).into());
    // Whoever is referred to before those that refer to it.
    for table in tables().iter().rev().filter(|table| table.name != MIGRATIONS) {
        let frame = frame(table).map_err(|error| Some(error.into()))?;
        encoder.table(&frame).map_err(odd)?;
        let list: Vec<String> = frame.columns.iter().map(|(name, _)| format!("\"{name}\"")).collect();
        let sql = format!("SELECT {} FROM \"{}\"", list.join(", "), table.name);
        let statement = Statement::from_string(backend, sql);
        let mut rows = snapshot.stream_raw(statement).await.map_err(failed)?;
        while let Some(row) = rows.try_next().await.map_err(failed)? {
            encoder.row(&values(&row, &frame).map_err(failed)?).map_err(odd)?;
            if encoder.waiting() >= PART {
                parts.send(Part::Bytes(encoder.take())).await.map_err(|_| None)?;
            }
        }
    }
    let counters = counters(snapshot).await.map_err(failed)?;
    let totals = encoder.end(counters).map_err(odd)?;
    parts.send(Part::Bytes(encoder.take())).await.map_err(|_| None)?;
    parts.send(Part::End).await.map_err(|_| None)?;
    Ok(totals)
}

/// A table with its columns.
pub(crate) fn frame(table: &Table) -> Result<TableFrame, StoreError> {
    let columns = (table.kinds)().into_iter().map(|(column, kind)| match kind {
        Some(kind) => Ok((column.to_owned(), kind)),
        None => Err(StoreError::Corrupt { table: table.name, column }),
    });
    Ok(TableFrame { name: table.name.to_owned(), columns: columns.collect::<Result<_, _>>()? })
}

/// A row's values.
pub(crate) fn values(row: &QueryResult, frame: &TableFrame) -> Result<Vec<Option<Value>>, sea_orm::DbErr> {
    let value = |(index, (_, kind)): (usize, &(String, Kind))| {
        Ok(match kind {
            Kind::Int => row.try_get_by_index::<Option<i32>>(index)?.map(Value::Int),
            Kind::Long => row.try_get_by_index::<Option<i64>>(index)?.map(Value::Long),
            Kind::Flag => row.try_get_by_index::<Option<bool>>(index)?.map(Value::Flag),
            Kind::Bytes => row.try_get_by_index::<Option<Vec<u8>>>(index)?.map(Value::Bytes),
            Kind::Text => row.try_get_by_index::<Option<String>>(index)?.map(Value::Text),
        })
    };
    frame.columns.iter().enumerate().map(value).collect()
}

/// The last number that each counting table has given out: rows may be gone whose numbers are in use elsewhere.
async fn counters(db: &DatabaseTransaction) -> Result<BTreeMap<String, i64>, sea_orm::DbErr> {
    let backend = ConnectionTrait::get_database_backend(db);
    let mut counters = BTreeMap::new();
    for (table, column) in COUNTING {
        let sql = match backend {
            DbBackend::Postgres => {
                let find = format!("SELECT pg_get_serial_sequence('{table}', '{column}')");
                let found = db.query_one_raw(Statement::from_string(backend, find)).await?;
                let Some(sequence) = found.and_then(|row| row.try_get_by_index::<String>(0).ok()) else {
                    continue;
                };
                format!("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {sequence}")
            }
            _ => format!("SELECT seq FROM sqlite_sequence WHERE name = '{table}'"),
        };
        if let Some(row) = db.query_one_raw(Statement::from_string(backend, sql)).await? {
            counters.insert(table.to_owned(), row.try_get_by_index(0)?);
        }
    }
    Ok(counters)
}

/// Seals what comes into a new file; its length.
fn write(
    path: &Path,
    key: &BackupKey,
    header: &Header,
    salt: &[u8; 32],
    mut parts: mpsc::Receiver<Part>,
) -> Result<u64, BackupError> {
    let mut sealed = || {
        let head = Head::new(MAGIC, salt, &serde_json::to_vec(header)?)?;
        let mut writer = SealedWriter::new(NewFile::begin(path)?, &key.key, &head)?;
        loop {
            match parts.blocking_recv() {
                Some(Part::Bytes(bytes)) => writer.write_all(&bytes)?,
                Some(Part::End) => return writer.finish()?.keep(),
                None => return Err(io::ErrorKind::Interrupted.into()),
            }
        }
    };
    sealed().map_err(at(path))
}

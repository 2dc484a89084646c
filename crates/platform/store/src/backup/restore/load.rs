//! Writing a backup's rows into a database with the schema that it had.

use std::path::Path;

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, Statement, TransactionTrait,
    Value as Bound,
};
use sea_orm_migration::MigratorTrait as _;
use tokio::sync::mpsc;

use super::RESTORED;
use crate::{
    backup::{
        BackupError, MAGIC,
        batches::{self, Batch},
        blocking,
        create::COUNTING,
        frame::{Kind, Totals, Value},
        key::BackupKey,
        read::{Opened, Verified},
    },
    entity::erase::{Table, tables},
    error::StoreError,
    migration::Migrator,
    rows::signed,
};

/// Batches that may wait for the database.
const WAITING: usize = 4;

/// Into a file that counts only when it is whole: step by step.
pub(super) async fn into_file(
    db: &DatabaseConnection,
    path: &Path,
    key: &BackupKey,
    verified: &Verified,
) -> Result<(), BackupError> {
    load(db, path, key, verified, 64).await
}

/// Into a database that others may look at: all or nothing.
pub(super) async fn in_one(
    db: &DatabaseConnection,
    path: &Path,
    key: &BackupKey,
    verified: &Verified,
) -> Result<(), BackupError> {
    load(db, path, key, verified, usize::MAX).await
}

/// Makes the schema anew as the backup's was, and writes its rows, with a commit after so many batches.
async fn load(
    db: &DatabaseConnection,
    path: &Path,
    key: &BackupKey,
    verified: &Verified,
    batches: usize,
) -> Result<(), BackupError> {
    drop_tables(db).await?;
    Migrator::up(db, Some(u32::try_from(verified.header.schema.len()).unwrap_or(u32::MAX))).await?;
    let (sender, mut waiting) = mpsc::channel(WAITING);
    let reading = {
        let (path, key) = (path.to_owned(), key.clone());
        tokio::spawn(blocking(move || batches::read(Opened::open(&path, MAGIC, &key)?, &sender)))
    };
    let mut tx = db.begin().await?;
    clear_notes(&tx).await?;
    let (mut count, known) = (0, tables());
    while let Some(batch) = waiting.recv().await {
        insert(&tx, batch, &known).await?;
        count += 1;
        if count % batches == 0 {
            tx.commit().await?;
            tx = db.begin().await?;
        }
    }
    let totals = reading.await.map_err(|error| StoreError::Unavailable(Box::new(error)))??;
    if totals != verified.totals {
        return Err(StoreError::Unavailable("the file was changed while it was read".into()).into());
    }
    set_counters(&tx, &totals).await?;
    settle_notes(&tx, totals.rows()).await?;
    tx.commit().await?;
    Ok(())
}

/// Writes a batch into one of the tables that are known.
pub(in crate::backup) async fn insert(
    tx: &DatabaseTransaction,
    batch: Batch,
    known: &[Table],
) -> Result<(), BackupError> {
    let Batch { table, rows } = batch;
    let known = known.iter().find(|known| known.name == table.name);
    let known = known.ok_or(StoreError::Corrupt { table: "a table of the backup", column: "" })?;
    let is_name = |name: &str| {
        name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    };
    if !table.columns.iter().all(|(name, _)| is_name(name)) {
        return Err(StoreError::Corrupt { table: known.name, column: "a column of the backup" }.into());
    }
    let names: Vec<String> = table.columns.iter().map(|(name, _)| format!("\"{name}\"")).collect();
    let backend = tx.get_database_backend();
    let mut places = Vec::with_capacity(rows.len());
    for row in 0..rows.len() {
        let first = row * names.len() + 1;
        let place = |number| match backend {
            DbBackend::Postgres => format!("${number}"),
            _ => "?".to_owned(),
        };
        let list: Vec<String> = (first..first + names.len()).map(place).collect();
        places.push(format!("({})", list.join(", ")));
    }
    let sql = format!("INSERT INTO \"{}\" ({}) VALUES {}", known.name, names.join(", "), places.join(", "));
    let kinds: Vec<Kind> = table.columns.iter().map(|(_, kind)| *kind).collect();
    let values = rows
        .into_iter()
        .flat_map(|row| row.into_iter().zip(kinds.iter().copied()).map(bound).collect::<Vec<_>>());
    tx.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    Ok(())
}

fn bound((value, kind): (Option<Value>, Kind)) -> Bound {
    match value {
        Some(Value::Int(number)) => number.into(),
        Some(Value::Long(number)) => number.into(),
        Some(Value::Flag(yes)) => yes.into(),
        Some(Value::Bytes(bytes)) => bytes.into(),
        Some(Value::Text(text)) => text.into(),
        None => match kind {
            Kind::Int => Bound::Int(None),
            Kind::Long => Bound::BigInt(None),
            Kind::Flag => Bound::Bool(None),
            Kind::Bytes => Bound::Bytes(None),
            Kind::Text => Bound::String(None),
        },
    }
}

/// Takes away the empty tables that stand there, whatever version made them.
async fn drop_tables(db: &DatabaseConnection) -> Result<(), BackupError> {
    let backend = db.get_database_backend();
    let cascade = if backend == DbBackend::Postgres { " CASCADE" } else { "" };
    for table in tables() {
        let sql = format!("DROP TABLE IF EXISTS \"{}\"{cascade}", table.name);
        db.execute_raw(Statement::from_string(backend, sql)).await?;
    }
    Ok(())
}

/// Notes that stand in the new database already, such as those of its migrations.
async fn clear_notes(tx: &DatabaseTransaction) -> Result<(), BackupError> {
    let sql = "DELETE FROM instance_notes";
    tx.execute_raw(Statement::from_string(tx.get_database_backend(), sql)).await?;
    Ok(())
}

async fn set_counters(tx: &DatabaseTransaction, totals: &Totals) -> Result<(), BackupError> {
    let backend = tx.get_database_backend();
    for (table, column) in COUNTING {
        let Some(last) = totals.counters.get(table).filter(|last| **last > 0) else { continue };
        let statements = match backend {
            DbBackend::Postgres => {
                vec![format!("SELECT setval(pg_get_serial_sequence('{table}', '{column}'), {last})")]
            }
            _ => vec![
                format!("DELETE FROM sqlite_sequence WHERE name = '{table}'"),
                format!("INSERT INTO sqlite_sequence (name, seq) VALUES ('{table}', {last})"),
            ],
        };
        for sql in statements {
            tx.execute_raw(Statement::from_string(backend, sql)).await?;
        }
    }
    Ok(())
}

/// The clock's note is of the backup's time: a restore is no jump. The restore is noted, until somebody has seen to it.
async fn settle_notes(tx: &DatabaseTransaction, rows: u64) -> Result<(), BackupError> {
    let backend = tx.get_database_backend();
    let forget = format!("DELETE FROM instance_notes WHERE name IN ('clock', 'ping', '{RESTORED}')");
    tx.execute_raw(Statement::from_string(backend, forget)).await?;
    let note = format!("INSERT INTO instance_notes (name, value) VALUES ('{RESTORED}', {})", signed(rows));
    tx.execute_raw(Statement::from_string(backend, note)).await?;
    Ok(())
}

//! Groups: what is waiting, run in one transaction and committed once.

use std::{panic::AssertUnwindSafe, sync::Arc};

use futures_util::FutureExt;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, SqliteTransactionMode,
    Statement, TransactionOptions, TransactionTrait,
};
use tokio::sync::{mpsc, watch};

use super::{
    Batch, Changes,
    fault::Fault,
    job::{Job, Kind, Ran},
};
use crate::{
    content::{Openings, UNRECORDED},
    retention::put_note,
    room::Room,
    rows::signed,
    seal::DataKey,
};

/// At most so many operations in a group.
const OPERATIONS: usize = 128;
/// A group is closed when it writes so many bytes.
const BYTES: usize = 8 << 20;
/// The lock that orders groups of several nodes on one PostgreSQL: `seq` must grow in the order of
/// commits, or a reader of the log would pass over an event committed late.
const ORDER: &str = "SELECT pg_advisory_xact_lock(7816391240151)";

/// Serves operations until it is told to stop or everybody is gone.
pub(crate) async fn run(
    db: DatabaseConnection,
    mut waiting: mpsc::Receiver<Box<dyn Job>>,
    changes: Changes,
    room: Arc<Room>,
    openings: Arc<Openings>,
) {
    while let Some(first) = waiting.recv().await {
        let mut bytes = first.effects().weight;
        let mut last = first.kind();
        let mut group = vec![first];
        while last == Kind::Operation && group.len() < OPERATIONS && bytes < BYTES {
            let Ok(next) = waiting.try_recv() else { break };
            bytes += next.effects().weight;
            last = next.kind();
            group.push(next);
        }
        let request = if last == Kind::Operation { None } else { group.pop() };
        serve(&db, group, &changes, &room, &openings).await;
        match (request, last) {
            (Some(request), Kind::Checkpoint) => request.answer(checkpoint(&db).await.map_err(Fault::from)),
            (Some(request), Kind::Compact) => request.answer(compact(&db).await.map_err(Fault::from)),
            (Some(request), Kind::Stop) => {
                waiting.close();
                request.answer(Ok(()));
            }
            (Some(_), Kind::Operation) | (None, _) => {}
        }
    }
    if let Err(error) = db.close().await {
        tracing::warn!(%error, "the database did not close cleanly");
    }
}

/// Empties SQLite's write-ahead log into the file.
async fn checkpoint(db: &DatabaseConnection) -> Result<(), DbErr> {
    if db.get_database_backend() == DbBackend::Sqlite {
        db.execute_unprepared("PRAGMA wal_checkpoint(TRUNCATE)").await?;
    }
    Ok(())
}

/// Writes SQLite's file anew, without what was deleted, and empties the log: whoever still reads an older state is
/// waited for, for some seconds.
async fn compact(db: &DatabaseConnection) -> Result<(), DbErr> {
    if db.get_database_backend() != DbBackend::Sqlite {
        return Ok(());
    }
    db.execute_unprepared("VACUUM").await?;
    let statement = Statement::from_string(DbBackend::Sqlite, "PRAGMA wal_checkpoint(TRUNCATE)");
    let row = db.query_one_raw(statement).await?;
    match row.map(|row| row.try_get_by_index::<i32>(0)).transpose()? {
        Some(0) => Ok(()),
        _ => Err(DbErr::Custom("the write-ahead log could not be emptied: somebody reads".into())),
    }
}

/// Lets what comes next be written over the log of what has been, so that it does not grow while room is short.
async fn reuse_log(db: &DatabaseConnection) {
    if db.get_database_backend() == DbBackend::Sqlite
        && let Err(error) = db.execute_unprepared("PRAGMA wal_checkpoint(PASSIVE)").await
    {
        tracing::warn!(%error, "the write-ahead log could not be brought into the file");
    }
}

async fn serve(
    db: &DatabaseConnection,
    mut group: Vec<Box<dyn Job>>,
    changes: &Changes,
    room: &Room,
    openings: &Openings,
) {
    if group.is_empty() {
        return;
    }
    room.keep();
    metrics::histogram!("waxseal_store_group_operations").record(group.len() as f64);
    let work = AssertUnwindSafe(commit(db, &mut group, openings)).catch_unwind().await;
    let outcome = work.unwrap_or_else(|_| Err(Fault::Other("an operation of the store panicked".into())));
    if let Err(why) = &outcome {
        tracing::error!(error = %why, "the store could not write");
        if matches!(why, Fault::Full) && db.get_database_backend() == DbBackend::Sqlite {
            room.give_up();
        }
        distrust(db).await;
    } else if room.is_short() {
        reuse_log(db).await;
    }
    if group.iter().any(|job| job.effects().suppressions) {
        // Before anybody hears that it is done, and also where it may be.
        bump(&changes.suppressions, true);
    }
    if group.iter().any(|job| job.effects().ways_in) {
        bump(&changes.ways_in, true);
    }
    if group.iter().any(|job| job.effects().relays) {
        bump(&changes.relays, true);
    }
    let (queue, log) = group.iter().fold((false, false), |(queue, log), job| {
        let effects = job.effects();
        (queue || effects.queue, log || effects.log)
    });
    for job in group {
        job.answer(outcome.clone());
    }
    if outcome.is_ok() {
        bump(&changes.queue, queue);
        bump(&changes.log, log);
    }
}

fn bump(change: &watch::Sender<u64>, happened: bool) {
    if happened {
        change.send_modify(|count| *count = count.wrapping_add(1));
    }
}

async fn commit(
    db: &DatabaseConnection,
    group: &mut [Box<dyn Job>],
    openings: &Openings,
) -> Result<(), Fault> {
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..Default::default()
    };
    let transaction = db.begin_with_options(options).await?;
    if db.get_database_backend() == DbBackend::Postgres {
        transaction.execute_unprepared(ORDER).await?;
    }
    // Held until the commit: no key under which rows were sealed may count as unused before.
    let keys = append(&transaction, group).await?;
    for job in group.iter_mut().filter(|job| !job.is_written()) {
        let point = transaction.begin().await?;
        match job.run(&point).await {
            Ran::Done => point.commit().await?,
            Ran::Refused => point.rollback().await?,
            Ran::Broken(why) => return Err(why),
        }
    }
    let unrecorded = openings.to_note();
    if let Some(unrecorded) = unrecorded {
        put_note(&transaction, UNRECORDED, signed(unrecorded)).await?;
    }
    transaction.commit().await?;
    if let Some(unrecorded) = unrecorded {
        openings.noted(unrecorded);
    }
    drop(keys);
    Ok(())
}

/// Writes the rows that callers only add, all of them together.
async fn append(
    transaction: &DatabaseTransaction,
    group: &mut [Box<dyn Job>],
) -> Result<Vec<Arc<DataKey>>, Fault> {
    let mut all = Batch::default();
    for job in group.iter_mut() {
        if let Some(batch) = job.take_batch() {
            all.extend(batch);
        }
    }
    if all.is_empty() {
        return Ok(all.keys);
    }
    let point = transaction.begin().await?;
    match all.insert(&point).await {
        Ok(keys) => {
            point.commit().await?;
            Ok(keys)
        }
        Err(error) if error.sql_err().is_some() => {
            // An id that is there already: random ids make that a fault of the program. All who took part
            // are told that nothing was written.
            point.rollback().await?;
            let why = Fault::from(error);
            group.iter_mut().for_each(|job| job.refuse(&why));
            Ok(Vec::new())
        }
        Err(error) => Err(error.into()),
    }
}

/// After a failed write nothing that the connection holds is relied on: the next group gets a new one.
async fn distrust(db: &DatabaseConnection) {
    if db.get_database_backend() != DbBackend::Sqlite {
        return;
    }
    match db.get_sqlite_connection_pool().acquire().await {
        Ok(connection) => {
            if let Err(error) = connection.close().await {
                tracing::warn!(%error, "a connection did not close cleanly");
            }
        }
        Err(error) => tracing::warn!(%error, "no connection to close"),
    }
}

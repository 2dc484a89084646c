//! Groups: what is waiting, run in one transaction and committed once.

use std::{panic::AssertUnwindSafe, sync::Arc};

use futures_util::FutureExt;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, Statement};
use tokio::sync::{mpsc, watch};

use super::{
    Changes,
    commit::commit,
    fault::Fault,
    job::{Job, Kind},
};
use crate::{content::Openings, room::Room};

/// At most so many operations in a group.
const OPERATIONS: usize = 128;
/// A group is closed when it writes so many bytes.
const BYTES: usize = 8 << 20;
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

//! The transaction of a group: what is only added first, then one operation after the other, and one commit for all.

use std::sync::Arc;

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, SqliteTransactionMode,
    TransactionOptions, TransactionTrait,
};

use super::{
    Batch,
    fault::Fault,
    job::{Job, Ran},
};
use crate::{
    content::{Openings, UNRECORDED},
    engine::patient::{answered, answered_unless},
    retention::put_note,
    rows::signed,
    seal::DataKey,
};

/// The lock that orders groups of several nodes on one PostgreSQL: `seq` must grow in the order of
/// commits, or a reader of the log would pass over an event committed late.
const ORDER: &str = "SELECT pg_advisory_xact_lock(7816391240151)";

/// What the server gives up by itself, in most cases before we do: a statement that we no longer wait for would hold that
/// lock for as long as it goes on, and nobody could write. It counts for each statement, we for all of an operation.
const LIMITS: &str = "SET LOCAL statement_timeout = '18s'; SET LOCAL lock_timeout = '15s'; \
                      SET LOCAL idle_in_transaction_session_timeout = '18s'";

/// For an operation that goes through whole tables: as long as any connection's statement may take.
const LONG: &str = "SET LOCAL statement_timeout TO DEFAULT; \
                    SET LOCAL idle_in_transaction_session_timeout TO DEFAULT";

/// For the commit. One that waits for a standby and is cut off counts as done, for the server, though the standby need not
/// have it: only we may give up on it, since then nobody hears yes.
const COMMIT: &str = "SET LOCAL statement_timeout = 0";

/// Runs a group's operations in one transaction.
pub(super) async fn commit(
    db: &DatabaseConnection,
    group: &mut [Box<dyn Job>],
    openings: &Openings,
) -> Result<(), Fault> {
    // Each part has to be answered, not the whole: many small ones take long on a slow database, and go on.
    let backend = db.get_database_backend();
    let open = Open { transaction: answered(backend, begin(db)).await?, is_empty: true };
    // Held until the commit: no key under which rows were sealed may count as unused before.
    let (mut open, keys) = answered(backend, append(db, open, group)).await?;
    for job in group.iter_mut().filter(|job| !job.is_written()) {
        let whole_tables = job.effects().whole_tables;
        if whole_tables {
            answered(backend, set(&open.transaction, LONG)).await?;
        }
        open = answered_unless(whole_tables, backend, operate(db, open, job)).await?;
        if whole_tables {
            answered(backend, set(&open.transaction, LIMITS)).await?;
        }
    }
    let transaction = open.transaction;
    let unrecorded = openings.to_note();
    if let Some(unrecorded) = unrecorded {
        answered(backend, put_note(&transaction, UNRECORDED, signed(unrecorded))).await?;
    }
    answered(backend, set(&transaction, COMMIT)).await?;
    answered(backend, transaction.commit()).await?;
    if let Some(unrecorded) = unrecorded {
        openings.noted(unrecorded);
    }
    drop(keys);
    Ok(())
}

/// The transaction of a group.
struct Open {
    transaction: DatabaseTransaction,
    /// Nothing was done in it yet: what is refused now is undone with all of it, and needs no savepoint.
    is_empty: bool,
}

impl Open {
    /// Part of it is done.
    fn with(transaction: DatabaseTransaction) -> Self {
        Self { transaction, is_empty: false }
    }

    /// In place of one whose first part was refused.
    async fn anew(self, db: &DatabaseConnection) -> Result<Self, DbErr> {
        self.transaction.rollback().await?;
        Ok(Self { transaction: begin(db).await?, is_empty: true })
    }
}

async fn begin(db: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..Default::default()
    };
    let transaction = db.begin_with_options(options).await?;
    if db.get_database_backend() == DbBackend::Postgres {
        transaction.execute_unprepared(&format!("{LIMITS}; {ORDER}")).await?;
    }
    Ok(transaction)
}

/// Sets limits of what is left of a transaction; nothing to do where there are none.
async fn set(transaction: &DatabaseTransaction, limits: &str) -> Result<(), DbErr> {
    if transaction.get_database_backend() == DbBackend::Postgres {
        transaction.execute_unprepared(limits).await?;
    }
    Ok(())
}

/// Runs an operation; one that is refused leaves nothing behind.
async fn operate(db: &DatabaseConnection, open: Open, job: &mut Box<dyn Job>) -> Result<Open, Fault> {
    if open.is_empty {
        return match job.run(&open.transaction).await {
            Ran::Done => Ok(Open::with(open.transaction)),
            Ran::Refused => Ok(open.anew(db).await?),
            Ran::Broken(why) => Err(why),
        };
    }
    let point = open.transaction.begin().await?;
    match job.run(&point).await {
        Ran::Done => point.commit().await?,
        Ran::Refused => point.rollback().await?,
        Ran::Broken(why) => return Err(why),
    }
    Ok(open)
}

/// Writes the rows that callers only add, all of them together, before anything else.
async fn append(
    db: &DatabaseConnection,
    open: Open,
    group: &mut [Box<dyn Job>],
) -> Result<(Open, Vec<Arc<DataKey>>), Fault> {
    let mut all = Batch::default();
    for job in group.iter_mut() {
        if let Some(batch) = job.take_batch() {
            all.extend(batch);
        }
    }
    if all.is_empty() {
        return Ok((open, all.keys));
    }
    match all.insert(&open.transaction).await {
        Ok(keys) => Ok((Open::with(open.transaction), keys)),
        Err(error) if error.sql_err().is_some() => {
            // An id that is there already: random ids make that a fault of the program. All who took part
            // are told that nothing was written.
            let why = Fault::from(error);
            group.iter_mut().for_each(|job| job.refuse(&why));
            Ok((open.anew(db).await?, Vec::new()))
        }
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::BoxFuture;

    use super::*;
    use crate::{
        engine::sqlite::{self, Use},
        writer::Effects,
    };

    /// An operation that adds a number, and then does not want to have done so.
    struct Adding {
        number: u8,
        is_refused: bool,
    }

    impl Job for Adding {
        fn effects(&self) -> Effects {
            Effects::default()
        }

        fn run<'a>(&'a mut self, tx: &'a DatabaseTransaction) -> BoxFuture<'a, Ran> {
            Box::pin(async {
                let statement = format!("INSERT INTO t VALUES ({})", self.number);
                tx.execute_unprepared(&statement).await.expect("added");
                if self.is_refused { Ran::Refused } else { Ran::Done }
            })
        }

        fn answer(self: Box<Self>, _group: Result<(), Fault>) {}
    }

    #[tokio::test]
    async fn a_refused_operation_leaves_nothing_behind_alone_or_in_company() {
        for (refused, expected) in
            [(vec![1], vec![2, 3]), (vec![2], vec![1, 3]), (vec![1, 2], vec![3]), (vec![1, 2, 3], vec![])]
        {
            let folder = tempfile::tempdir().expect("a folder");
            let db = sqlite::connect(&folder.path().join("one.db"), Use::Alone).await.expect("connected");
            db.execute_unprepared("CREATE TABLE t (n)").await.expect("a table");
            let mut open = Open { transaction: begin(&db).await.expect("begun"), is_empty: true };
            for number in 1..=3 {
                let mut job: Box<dyn Job> =
                    Box::new(Adding { number, is_refused: refused.contains(&number) });
                open = operate(&db, open, &mut job).await.expect("the database works");
            }
            open.transaction.commit().await.expect("committed");
            let all = sea_orm::Statement::from_string(DbBackend::Sqlite, "SELECT n FROM t ORDER BY n");
            let rows = db.query_all_raw(all).await.expect("read");
            let found: Vec<i64> = rows.iter().map(|row| row.try_get_by_index(0).expect("a number")).collect();
            assert_eq!(found, expected, "{refused:?} were refused");
        }
    }
}

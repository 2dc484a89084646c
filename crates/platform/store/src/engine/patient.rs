//! Questions that end: a PostgreSQL that takes a question and never answers it (a frozen machine, a network that swallows
//! everything) counts as one that is not there. SQLite is a file, and needs no such limit.

use std::{ops::Deref, pin::Pin, time::Duration};

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, DbErr, ExecResult, QueryResult, QueryStream, RuntimeErr,
    Statement, StreamTrait,
};

/// How long an answer may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// What `work` answers, or that the database did not.
///
/// Whether what it asked for happens all the same is not known, as after a connection that broke.
pub(crate) async fn answered<T, E: From<DbErr>>(
    backend: DbBackend,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    if backend != DbBackend::Postgres {
        return work.await;
    }
    tokio::time::timeout(PATIENCE, work).await.unwrap_or_else(|_| Err(silent().into()))
}

/// [`answered`], but for what goes through whole tables: that may take as long as the server lets it.
pub(crate) async fn answered_unless<T, E: From<DbErr>>(
    whole_tables: bool,
    backend: DbBackend,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    if whole_tables { work.await } else { answered(backend, work).await }
}

fn silent() -> DbErr {
    DbErr::Conn(RuntimeErr::Internal(format!("the database did not answer within {} s", PATIENCE.as_secs())))
}

/// Connections that read; transactions and what takes long go past it, by [`Deref`].
pub(crate) struct Patient(DatabaseConnection);

impl Patient {
    /// Over connections.
    pub(crate) const fn new(db: DatabaseConnection) -> Self {
        Self(db)
    }

    async fn answered<T>(&self, work: impl Future<Output = Result<T, DbErr>>) -> Result<T, DbErr> {
        answered(self.0.get_database_backend(), work).await
    }
}

impl Deref for Patient {
    type Target = DatabaseConnection;

    fn deref(&self) -> &DatabaseConnection {
        &self.0
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Patient {
    fn get_database_backend(&self) -> DbBackend {
        self.0.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.answered(self.0.execute_raw(statement)).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.answered(self.0.execute_unprepared(sql)).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.answered(self.0.query_one_raw(statement)).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.answered(self.0.query_all_raw(statement)).await
    }
}

impl StreamTrait for Patient {
    type Stream<'a> = QueryStream;

    fn get_database_backend(&self) -> DbBackend {
        self.0.get_database_backend()
    }

    fn stream_raw<'a>(
        &'a self,
        statement: Statement,
    ) -> Pin<Box<dyn Future<Output = Result<QueryStream, DbErr>> + 'a + Send>> {
        Box::pin(self.answered(self.0.stream_raw(statement)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_never_answers_is_not_there_and_a_file_is_waited_for() {
        let never = || std::future::pending::<Result<(), DbErr>>();
        let server = tokio::time::timeout(PATIENCE * 2, answered(DbBackend::Postgres, never()));
        let error = server.await.expect("in time").expect_err("given up");
        assert!(error.to_string().contains("did not answer within 20 s"), "{error}");
        let file = tokio::time::timeout(PATIENCE * 100, answered(DbBackend::Sqlite, never())).await;
        assert!(file.is_err(), "still waiting");
    }

    #[tokio::test(start_paused = true)]
    async fn what_goes_through_whole_tables_may_take_longer_and_nothing_else_may() {
        let slow = || async {
            tokio::time::sleep(PATIENCE * 2).await;
            Ok::<_, DbErr>(())
        };
        answered_unless(true, DbBackend::Postgres, slow()).await.expect("it was waited for");
        answered_unless(false, DbBackend::Postgres, slow()).await.expect_err("given up");
    }
}

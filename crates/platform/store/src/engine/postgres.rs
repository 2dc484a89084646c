//! PostgreSQL by URL.

use std::str::FromStr;

use sea_orm::{DatabaseConnection, SqlxPostgresConnector};
use sqlx::{
    ConnectOptions, Connection as _, PgConnection,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use super::patient::PATIENCE;
use crate::error::OpenError;

/// How many connections the node keeps.
const CONNECTIONS: u32 = 8;
/// How many connections each purpose keeps.
const PER_PURPOSE: u32 = 3;

/// Connects to the database. The URL holds a password: it is never part of an error.
pub(crate) async fn connect(url: &str) -> Result<DatabaseConnection, OpenError> {
    // A statement that hangs must not hold up everybody behind it for good.
    pool(url, CONNECTIONS, "60000").await
}

/// One connection for what takes long: a backup, a restore.
pub(crate) async fn connect_for_long(url: &str) -> Result<DatabaseConnection, OpenError> {
    pool(url, 1, "0").await
}

/// Connections under a role, from their start on; made when somebody wants one.
pub(crate) fn connect_as(url: &str, role: &str) -> Result<DatabaseConnection, OpenError> {
    let pool = PgPoolOptions::new()
        .max_connections(PER_PURPOSE)
        .acquire_timeout(PATIENCE)
        .after_release(|connection, _| Box::pin(still_answers(connection)))
        .connect_lazy_with(options(url, "60000")?.options([("role", role)]));
    Ok(SqlxPostgresConnector::from_sqlx_postgres_pool(pool))
}

async fn pool(url: &str, connections: u32, limit: &str) -> Result<DatabaseConnection, OpenError> {
    let pool = PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(PATIENCE)
        .after_release(|connection, _| Box::pin(still_answers(connection)))
        .connect_with(options(url, limit)?)
        .await
        .map_err(|error| OpenError::Database(error.to_string()))?;
    Ok(SqlxPostgresConnector::from_sqlx_postgres_pool(pool))
}

/// Whoever gave up on a connection leaves it in the middle of an answer: it is kept only if that comes, or it would hold its
/// place until the network says that it is gone.
async fn still_answers(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    // An error closes it without another word to the server.
    tokio::time::timeout(PATIENCE, connection.ping()).await.map_err(|_| sqlx::Error::PoolTimedOut)??;
    Ok(true)
}

fn options(url: &str, limit: &str) -> Result<PgConnectOptions, OpenError> {
    Ok(PgConnectOptions::from_str(url)
        .map_err(|_| OpenError::Database("the URL is not of the form postgres://user@host/database".into()))?
        .application_name("waxseal")
        .options([("statement_timeout", limit), ("idle_in_transaction_session_timeout", limit)])
        .disable_statement_logging())
}

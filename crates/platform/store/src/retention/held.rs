//! How much of each kind is held, how old it is, and how much of it should have gone: figures, no values.

use std::time::Duration;

use sea_orm::{
    ColumnTrait, Condition, EntityTrait, FromQueryResult, PaginatorTrait, QueryFilter, QuerySelect,
    Statement,
    sea_query::{Expr, ExprTrait, Query, SelectStatement},
};
use waxseal_model::Timestamp;

use crate::{
    entity::{body, event, export, idempotency_key, inbox_item, message, queue_entry},
    error::StoreError,
    open::Store,
    rows::time,
};

/// One kind of thing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Held {
    /// How many there are.
    pub count: u64,
    /// When the oldest came; for bodies the start of its day.
    pub oldest: Option<Timestamp>,
    /// How many are past their limit.
    pub past: u64,
}

/// What an instance holds for a time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Holdings {
    /// Content.
    pub bodies: Held,
    /// Messages captured by sandbox domains.
    pub inbox_items: Held,
    /// Recipients that a message still has to reach.
    pub queue: Held,
    /// Events.
    pub events: Held,
    /// Answers kept for repeated calls.
    pub idempotency_keys: Held,
    /// Copies that customers asked for.
    pub exports: Held,
}

#[derive(FromQueryResult)]
struct Column {
    table_name: String,
    column_name: String,
}

impl Store {
    /// What is held at `now`. Past its limit is what retention should have deleted longer than `slack` ago; events
    /// have theirs at `events_cut`.
    pub async fn holdings(
        &self,
        now: Timestamp,
        events_cut: Timestamp,
        slack: Duration,
    ) -> Result<Holdings, StoreError> {
        let late = (now - slack).as_micros();
        let db = &self.inner.readers;
        let oldest_day: Option<i32> = body::Entity::find()
            .select_only()
            .column_as(body::Column::Day.min(), "day")
            .into_tuple()
            .one(db)
            .await?
            .flatten();
        let bodies = Held {
            count: body::Entity::find().count(db).await?,
            oldest: oldest_day.map(|day| waxseal_model::time::Day(day).start()),
            past: body::Entity::find().filter(Expr::exists(reason_for_body(late)).not()).count(db).await?,
        };
        let inbox_items = self.held::<inbox_item::Entity>(
            inbox_item::Column::CapturedAt,
            inbox_item::Column::ExpiresAt.lte(late).into(),
        );
        let queue = self.held::<queue_entry::Entity>(
            queue_entry::Column::AcceptedAt,
            queue_entry::Column::GiveUpAt.lte(late).into(),
        );
        let events = self.held::<event::Entity>(
            event::Column::At,
            event::Column::At.lt((events_cut - slack).as_micros()).into(),
        );
        let keys = self.held::<idempotency_key::Entity>(
            idempotency_key::Column::ExpiresAt,
            idempotency_key::Column::ExpiresAt.lte(late).into(),
        );
        let exports =
            self.held::<export::Entity>(export::Column::AskedAt, export::Column::ExpiresAt.lte(late).into());
        let idempotency_keys = Held { oldest: None, ..keys.await? };
        Ok(Holdings {
            bodies,
            inbox_items: inbox_items.await?,
            queue: queue.await?,
            events: events.await?,
            idempotency_keys,
            exports: exports.await?,
        })
    }

    async fn held<E: EntityTrait<Model: Send + Sync>>(
        &self,
        since: E::Column,
        over: Condition,
    ) -> Result<Held, StoreError> {
        let db = &self.inner.readers;
        let oldest: Option<Option<i64>> =
            E::find().select_only().column_as(since.min(), "oldest").into_tuple().one(db).await?;
        Ok(Held {
            count: E::find().count(db).await?,
            oldest: oldest.flatten().map(time),
            past: E::find().filter(over).count(db).await?,
        })
    }

    /// Every column of the live database and of the keyring's file, as the engines tell it: `(table, column)`, tables
    /// named as in [`Store::data_map`].
    pub async fn live_columns(&self) -> Result<Vec<(String, String)>, StoreError> {
        let mut columns = columns_of(&self.inner.readers, "").await?;
        columns.extend(columns_of(self.inner.keyring.database(), "keys.").await?);
        Ok(columns)
    }
}

/// A message that still needs the body at hand: recipients wait, or its term is not over.
fn reason_for_body(late: i64) -> SelectStatement {
    let of_body = |message, body| Expr::col((message::Entity, message)).equals((body::Entity, body));
    Query::select()
        .expr(Expr::value(1))
        .from(message::Entity)
        .cond_where(
            Condition::all()
                .add(of_body(message::Column::Account, body::Column::Account))
                .add(of_body(message::Column::Id, body::Column::Message))
                .add(message::Column::Pending.gt(0).or(message::Column::BodyExpiresAt.gt(late))),
        )
        .to_owned()
}

async fn columns_of(
    db: &sea_orm::DatabaseConnection,
    prefix: &str,
) -> Result<Vec<(String, String)>, StoreError> {
    let backend = db.get_database_backend();
    let sql = match backend {
        sea_orm::DbBackend::Postgres => {
            "SELECT table_name::text AS table_name, column_name::text AS column_name \
             FROM information_schema.columns WHERE table_schema = current_schema()"
        }
        _ => {
            "SELECT t.name AS table_name, c.name AS column_name \
             FROM sqlite_master t, pragma_table_xinfo(t.name) c \
             WHERE t.type IN ('table', 'view') AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
        }
    };
    let rows = Column::find_by_statement(Statement::from_string(backend, sql)).all(db).await?;
    Ok(rows.into_iter().map(|row| (format!("{prefix}{}", row.table_name), row.column_name)).collect())
}

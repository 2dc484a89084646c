//! What was written while the clock was ahead bears dates that have not come, and would stay until they are over. Once
//! the clock can be trusted it is dated anew: as of now, with the terms it had.

use std::time::Duration;

use sea_orm::{
    ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect,
    sea_query::{Expr, ExprTrait},
};
use waxseal_model::Timestamp;

use crate::{
    entity::{
        access_grant, archive_job, event, export, idempotency_key, inbox_item, message, queue_entry,
        suppression_import,
    },
    error::StoreError,
    open::Store,
    queue::HELD,
    writer::{Effects, Tx},
};

/// What is ahead by less is right: clocks of two processes may differ.
const SLACK: Duration = Duration::from_secs(3_600);
/// The longest that an answer to a repeated call is kept, or a copy for an archive tried again.
const LONGEST: Duration = Duration::from_secs(86_400);

impl Store {
    /// Dates anew what bears dates after `now`, which has to be right; how many rows and days of keys that were.
    pub async fn redate_ahead(&self, now: Timestamp) -> Result<u64, StoreError> {
        let keys = self.inner.keyring.mark_ahead(now.day()).await?;
        let erasures = self.inner.keyring.redate_erasures(now, now + SLACK).await?;
        let requests = self.redate_requests(now, now + SLACK).await?;
        if keys == 0 && erasures == 0 && requests == 0 && !self.is_anything_ahead(now + SLACK).await? {
            return Ok(0);
        }
        let effects = Effects { queue: true, log: true, whole_tables: true, ..Effects::default() };
        let rows = self
            .inner
            .writer
            .write(effects, move |tx| Box::pin(async move { redate(tx, now).await }))
            .await?;
        Ok(keys + erasures + requests + rows)
    }

    /// Whatever is done leaves an event, or a row of one of these: a look at the ends of their indices.
    async fn is_anything_ahead(&self, limit: Timestamp) -> Result<bool, StoreError> {
        let (limit, late) = (limit.as_micros(), (limit + LONGEST).as_micros());
        let db = &self.inner.readers;
        let one = [
            event::Entity::find().filter(event::Column::At.gt(limit)).limit(1).count(db).await?,
            message::Entity::find().filter(message::Column::CreatedAt.gt(limit)).limit(1).count(db).await?,
            idempotency_key::Entity::find()
                .filter(idempotency_key::Column::ExpiresAt.gt(late))
                .limit(1)
                .count(db)
                .await?,
            export::Entity::find().filter(export::Column::AskedAt.gt(limit)).limit(1).count(db).await?,
            access_grant::Entity::find()
                .filter(access_grant::Column::OpenedAt.gt(limit))
                .limit(1)
                .count(db)
                .await?,
            suppression_import::Entity::find()
                .filter(suppression_import::Column::FinishedAt.gt(limit))
                .limit(1)
                .count(db)
                .await?,
        ];
        Ok(one.iter().any(|count| *count > 0))
    }
}

async fn redate(tx: &Tx, now: Timestamp) -> Result<u64, StoreError> {
    let (now, limit) = (now.as_micros(), (now + SLACK).as_micros());
    let late = limit + LONGEST.as_micros() as i64;
    let mut rows = 0;
    rows += event::Entity::update_many()
        .col_expr(event::Column::At, Expr::value(now))
        .filter(event::Column::At.gt(limit))
        .exec(tx)
        .await?
        .rows_affected;
    rows += messages(tx, now, limit).await?;
    rows += queue(tx, now, limit).await?;
    rows += inbox_item::Entity::update_many()
        .col_expr(
            inbox_item::Column::ExpiresAt,
            earlier(inbox_item::Column::ExpiresAt, inbox_item::Column::CapturedAt, now),
        )
        .col_expr(inbox_item::Column::CapturedAt, Expr::value(now))
        .filter(inbox_item::Column::CapturedAt.gt(limit))
        .exec(tx)
        .await?
        .rows_affected;
    rows += idempotency_key::Entity::update_many()
        .col_expr(idempotency_key::Column::ExpiresAt, Expr::value(now + LONGEST.as_micros() as i64))
        .filter(idempotency_key::Column::ExpiresAt.gt(late))
        .exec(tx)
        .await?
        .rows_affected;
    rows += archive_job::Entity::update_many()
        .col_expr(archive_job::Column::ReadyAt, Expr::value(now))
        .filter(archive_job::Column::ReadyAt.gt(late))
        .exec(tx)
        .await?
        .rows_affected;
    rows += archive_job::Entity::update_many()
        .col_expr(archive_job::Column::ReleasedAt, Expr::value(now))
        .filter(archive_job::Column::ReleasedAt.gt(limit))
        .exec(tx)
        .await?
        .rows_affected;
    rows += export::Entity::update_many()
        .col_expr(export::Column::ExpiresAt, earlier(export::Column::ExpiresAt, export::Column::AskedAt, now))
        .col_expr(export::Column::AskedAt, Expr::value(now))
        .filter(export::Column::AskedAt.gt(limit))
        .exec(tx)
        .await?
        .rows_affected;
    rows += access_grant::Entity::update_many()
        .col_expr(
            access_grant::Column::ExpiresAt,
            earlier(access_grant::Column::ExpiresAt, access_grant::Column::OpenedAt, now),
        )
        .col_expr(access_grant::Column::OpenedAt, Expr::value(now))
        .filter(access_grant::Column::OpenedAt.gt(limit))
        .exec(tx)
        .await?
        .rows_affected;
    for column in [suppression_import::Column::FinishedAt, suppression_import::Column::CreatedAt] {
        rows += suppression_import::Entity::update_many()
            .col_expr(column, Expr::value(now))
            .filter(column.gt(limit))
            .exec(tx)
            .await?
            .rows_affected;
    }
    Ok(rows)
}

async fn messages(tx: &Tx, now: i64, limit: i64) -> Result<u64, StoreError> {
    use message::Column::{BodyExpiresAt, CapturedUntil, CreatedAt, GiveUpAt, KeepUntil, NotBefore};
    let mut update = message::Entity::update_many();
    for column in [NotBefore, GiveUpAt, KeepUntil, CapturedUntil, BodyExpiresAt] {
        update = update.col_expr(column, earlier(column, CreatedAt, now));
    }
    let update = update.col_expr(CreatedAt, Expr::value(now)).filter(CreatedAt.gt(limit));
    Ok(update.exec(tx).await?.rows_affected)
}

/// What is held, cleared or parked bears times of its own, which are not dates.
async fn queue(tx: &Tx, now: i64, limit: i64) -> Result<u64, StoreError> {
    use queue_entry::Column::{AcceptedAt, DueAt, FirstAttemptAt, GiveUpAt, Lease, NotBefore, ReadyAt};
    // Tried while the clock was ahead.
    let tried = queue_entry::Entity::update_many()
        .col_expr(FirstAttemptAt, Expr::value(now))
        .filter(FirstAttemptAt.gt(limit))
        .exec(tx)
        .await?
        .rows_affected;
    for column in [DueAt, ReadyAt] {
        queue_entry::Entity::update_many()
            .col_expr(column, earlier(column, AcceptedAt, now))
            .filter(AcceptedAt.gt(limit))
            .filter(column.lt(HELD.as_micros()))
            .exec(tx)
            .await?;
    }
    let mut update = queue_entry::Entity::update_many();
    for column in [NotBefore, GiveUpAt] {
        update = update.col_expr(column, earlier(column, AcceptedAt, now));
    }
    let update = update.col_expr(AcceptedAt, Expr::value(now)).filter(AcceptedAt.gt(limit));
    let accepted = update.exec(tx).await?.rows_affected;
    // Put off while the clock was ahead: no attempt is later than the giving up.
    let put_off = queue_entry::Entity::update_many()
        .col_expr(DueAt, Expr::value(now))
        .col_expr(ReadyAt, Expr::value(now))
        .filter(
            Condition::all()
                .add(Lease.is_null())
                .add(DueAt.gt(limit))
                .add(DueAt.lt(HELD.as_micros()))
                .add(Expr::col(DueAt).gt(Expr::col(GiveUpAt))),
        )
        .exec(tx)
        .await?
        .rows_affected;
    Ok(tried + accepted + put_off)
}

/// A term that began at `from`, as if it began now. Without a term there is none.
fn earlier<C: ColumnTrait>(term: C, from: C, now: i64) -> Expr {
    Expr::col(term).sub(Expr::col(from)).add(now)
}

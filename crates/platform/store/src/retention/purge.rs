//! Deleting what is over, in batches that hold up nobody.

use sea_orm::{
    ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    sea_query::{Expr, ExprTrait, Query, SelectStatement},
};
use waxseal_model::Timestamp;

use crate::{
    entity::{body, event, idempotency_key, inbox_item, message, queue_entry},
    error::StoreError,
    open::Store,
    writer::Effects,
};

impl Store {
    /// Deletes at most `limit` bodies whose message is settled and whose time of keeping is over; how many.
    pub async fn purge_bodies(&self, now: Timestamp, limit: u64) -> Result<u64, StoreError> {
        self.inner
            .writer
            .write(Effects::default(), move |tx| {
                Box::pin(async move {
                    let over: Vec<(Vec<u8>, Vec<u8>)> = message::Entity::find()
                        .select_only()
                        .columns([message::Column::Account, message::Column::Id])
                        .filter(message::Column::BodyExpiresAt.lte(now.as_micros()))
                        .order_by_asc(message::Column::BodyExpiresAt)
                        .limit(limit)
                        .into_tuple()
                        .all(tx)
                        .await?;
                    for id in &over {
                        body::Entity::delete_by_id(id.clone()).exec(tx).await?;
                        message::Entity::update_many()
                            .col_expr(message::Column::BodyExpiresAt, Expr::value(Option::<i64>::None))
                            .filter(message::Column::Account.eq(id.0.clone()))
                            .filter(message::Column::Id.eq(id.1.clone()))
                            .exec(tx)
                            .await?;
                    }
                    Ok(over.len() as u64)
                })
            })
            .await
    }

    /// Deletes at most `limit` events that happened before; how many.
    pub async fn purge_events(&self, before: Timestamp, limit: u64) -> Result<u64, StoreError> {
        self.inner
            .writer
            .write(Effects::default(), move |tx| {
                Box::pin(async move {
                    let old = event::Entity::find()
                        .select_only()
                        .column(event::Column::Seq)
                        .filter(event::Column::At.lt(before.as_micros()))
                        .order_by_asc(event::Column::At)
                        .limit(limit);
                    let deleted = event::Entity::delete_many()
                        .filter(event::Column::Seq.in_subquery(old.into_query()))
                        .exec(tx)
                        .await?;
                    Ok(deleted.rows_affected)
                })
            })
            .await
    }

    /// Deletes at most `limit` messages (rows without body) that no event or queue entry needs, made before.
    pub async fn purge_messages(&self, before: Timestamp, limit: u64) -> Result<u64, StoreError> {
        self.inner
            .writer
            .write(Effects::default(), move |tx| {
                Box::pin(async move {
                    let over: Vec<(Vec<u8>, Vec<u8>)> = message::Entity::find()
                        .select_only()
                        .columns([message::Column::Account, message::Column::Id])
                        .filter(message::Column::CreatedAt.lt(before.as_micros()))
                        .filter(message::Column::Pending.lte(0))
                        .filter(message::Column::BodyExpiresAt.is_null())
                        .filter(Expr::exists(events_of_message()).not())
                        .filter(Expr::exists(entries_of_message()).not())
                        .order_by_asc(message::Column::CreatedAt)
                        .limit(limit)
                        .into_tuple()
                        .all(tx)
                        .await?;
                    for id in &over {
                        message::Entity::delete_by_id(id.clone()).exec(tx).await?;
                    }
                    Ok(over.len() as u64)
                })
            })
            .await
    }

    /// Deletes at most `limit` captured messages that expired; how many.
    pub async fn purge_inbox(&self, now: Timestamp, limit: u64) -> Result<u64, StoreError> {
        self.inner
            .writer
            .write(Effects::default(), move |tx| {
                Box::pin(async move {
                    let over: Vec<(Vec<u8>, Vec<u8>)> = inbox_item::Entity::find()
                        .select_only()
                        .columns([inbox_item::Column::Account, inbox_item::Column::Id])
                        .filter(inbox_item::Column::ExpiresAt.lte(now.as_micros()))
                        .order_by_asc(inbox_item::Column::ExpiresAt)
                        .limit(limit)
                        .into_tuple()
                        .all(tx)
                        .await?;
                    for id in &over {
                        inbox_item::Entity::delete_by_id(id.clone()).exec(tx).await?;
                    }
                    Ok(over.len() as u64)
                })
            })
            .await
    }

    /// Deletes at most `limit` idempotency keys that expired; how many.
    pub async fn purge_idempotency(&self, now: Timestamp, limit: u64) -> Result<u64, StoreError> {
        self.inner
            .writer
            .write(Effects::default(), move |tx| {
                Box::pin(async move {
                    let over: Vec<(Vec<u8>, Vec<u8>)> = idempotency_key::Entity::find()
                        .select_only()
                        .columns([idempotency_key::Column::Account, idempotency_key::Column::KeyHash])
                        .filter(idempotency_key::Column::ExpiresAt.lte(now.as_micros()))
                        .order_by_asc(idempotency_key::Column::ExpiresAt)
                        .limit(limit)
                        .into_tuple()
                        .all(tx)
                        .await?;
                    for id in &over {
                        idempotency_key::Entity::delete_by_id(id.clone()).exec(tx).await?;
                    }
                    Ok(over.len() as u64)
                })
            })
            .await
    }
}

/// The events that tell of the message at hand.
fn events_of_message() -> SelectStatement {
    Query::select()
        .expr(Expr::value(1))
        .from(event::Entity)
        .cond_where(
            Condition::all()
                .add(
                    Expr::col((event::Entity, event::Column::Account))
                        .equals((message::Entity, message::Column::Account)),
                )
                .add(
                    Expr::col((event::Entity, event::Column::HeaderHash))
                        .equals((message::Entity, message::Column::HeaderHash)),
                )
                // Others may bear the same Message-ID: one sent again, or one of a customer who gives all the same.
                .add(
                    Expr::col((event::Entity, event::Column::Message))
                        .equals((message::Entity, message::Column::Id)),
                ),
        )
        .to_owned()
}

/// The queue entries of the message at hand.
fn entries_of_message() -> SelectStatement {
    Query::select()
        .expr(Expr::value(1))
        .from(queue_entry::Entity)
        .and_where(
            Expr::col((queue_entry::Entity, queue_entry::Column::Message))
                .equals((message::Entity, message::Column::Id)),
        )
        .to_owned()
}

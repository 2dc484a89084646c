//! Setting aside what is due and paused, and bringing it back to its time.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, sea_query::Expr};

use super::FIRST_ROUND;
use crate::{
    entity::queue_entry::{self, Column},
    erasure::PARKED,
    error::StoreError,
    open::Store,
    queue::{CLEARED, LeaseId},
    rows::RowId,
    writer::{Effects, Tx},
};

/// Entries that come back by one transaction.
const BATCH: u64 = 2_000;
/// Ids in one statement.
const IDS: usize = 256;

/// Sets aside entries that were taken under a lease.
pub(in crate::queue) async fn set_aside(
    tx: &Tx,
    ids: &[Vec<u8>],
    lease: LeaseId,
    round: i64,
) -> Result<(), StoreError> {
    for ids in ids.chunks(IDS) {
        queue_entry::Entity::update_many()
            .col_expr(Column::Lease, Expr::value(Option::<Vec<u8>>::None))
            .col_expr(Column::ReadyAt, Expr::value(round))
            .filter(Column::Id.is_in(ids.to_vec()))
            .filter(Column::Lease.eq(lease.to_row()))
            .filter(Column::DueAt.ne(CLEARED.as_micros()))
            .exec(tx)
            .await?;
    }
    Ok(())
}

impl Store {
    /// Sets aside entries that were taken under a lease and found to be paused when they were opened.
    pub(in crate::queue) async fn set_taken_aside(
        &self,
        ids: Vec<Vec<u8>>,
        lease: LeaseId,
        round: i64,
    ) -> Result<(), StoreError> {
        self.inner
            .writer
            .write(Effects { queue: true, ..Effects::default() }, move |tx| {
                Box::pin(async move { set_aside(tx, &ids, lease, round).await })
            })
            .await?;
        self.after_setting_aside(round);
        Ok(())
    }

    /// A pause may have ended while something was set aside by it: then it comes back like all others.
    pub(in crate::queue) fn after_setting_aside(&self, round: i64) {
        if self.inner.pauses.current().round != round {
            self.inner.pauses.set_left();
            self.inner.writer.changes().queue.send_modify(|changes| *changes = changes.wrapping_add(1));
        }
    }

    /// Brings back some of what was set aside in earlier rounds; whoever waits for changes of the queue is told of more.
    pub(in crate::queue) async fn bring_back(&self) -> Result<(), StoreError> {
        if !self.inner.pauses.take_left() {
            return Ok(());
        }
        let round = self.inner.pauses.current().round;
        let some = queue_entry::Entity::find()
            .select_only()
            .column(Column::Id)
            .filter(Column::ReadyAt.gte(FIRST_ROUND))
            .filter(Column::ReadyAt.lt(round))
            .filter(Column::Lease.is_null())
            .limit(BATCH);
        let back = self
            .inner
            .writer
            .write(Effects { queue: true, ..Effects::default() }, move |tx| {
                Box::pin(async move {
                    let changed = queue_entry::Entity::update_many()
                        .col_expr(Column::ReadyAt, Expr::col(Column::DueAt))
                        .filter(Column::Id.in_subquery(some.into_query()))
                        .exec(tx)
                        .await?;
                    Ok(changed.rows_affected)
                })
            })
            .await;
        if !matches!(back, Ok(back) if back < BATCH) {
            self.inner.pauses.set_left();
        }
        back.map(drop)
    }

    /// The last round in which something was set aside that still is.
    pub(super) async fn last_round(&self) -> Result<Option<i64>, StoreError> {
        let last = queue_entry::Entity::find()
            .select_only()
            .column(Column::ReadyAt)
            .filter(Column::ReadyAt.gte(FIRST_ROUND))
            .filter(Column::ReadyAt.lt(PARKED))
            .order_by_desc(Column::ReadyAt)
            .limit(1)
            .into_tuple()
            .one(&self.inner.readers)
            .await?;
        Ok(last)
    }
}

//! Finding what is ready, whatever waits: the cost of a lease depends on its size alone.

use std::time::Duration;

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    Select,
    sea_query::{Expr, LockBehavior, LockType},
};
use waxseal_model::Timestamp;

use crate::{
    entity::queue_entry::{self, Column, Entity},
    error::StoreError,
    queue::{LeaseId, LeaseRequest},
    rows::RowId,
    writer::Tx,
};

/// Looked at beyond the limit before turning to other destinations one by one.
const LOOK_AHEAD: usize = 256;
/// Destinations visited by one lease. The next goes on where this one stopped.
const VISITS: usize = 64;
/// Ids in one statement.
const IDS: usize = 256;

/// Marks the entries that are ready longest and returns them; those to a destination of `skip` stay. `turn` is where the walk
/// over destinations goes on.
pub(super) async fn take(
    tx: &Tx,
    (request, skip): (LeaseRequest, Vec<Vec<u8>>),
    lease: LeaseId,
    turn: &mut Vec<u8>,
    closed: &[Vec<u8>],
) -> Result<Vec<queue_entry::Model>, StoreError> {
    let search = Search { tx, now: request.now, skip: &skip, closed };
    let ids = search.ready(request.limit as usize, turn).await?;
    mark(tx, ids, lease, request.now, request.hold_for).await
}

async fn mark(
    tx: &Tx,
    ids: Vec<Vec<u8>>,
    lease: LeaseId,
    now: Timestamp,
    hold_for: Duration,
) -> Result<Vec<queue_entry::Model>, StoreError> {
    let mut rows = Vec::with_capacity(ids.len());
    for ids in ids.chunks(IDS) {
        let marked = Entity::update_many()
            .col_expr(Column::Lease, Expr::value(Some(lease.to_row())))
            .col_expr(Column::ReadyAt, Expr::value((now + hold_for).as_micros()))
            .filter(Column::Id.is_in(ids.to_vec()))
            .exec_with_returning(tx)
            .await?;
        rows.extend(marked);
    }
    Ok(rows)
}

/// Rows of other accounts than these.
pub(crate) fn not_of(column: impl ColumnTrait, accounts: Vec<Vec<u8>>) -> Condition {
    let some = (!accounts.is_empty()).then(|| column.is_not_in(accounts));
    Condition::all().add_option(some)
}

struct Search<'a> {
    tx: &'a Tx,
    now: Timestamp,
    skip: &'a [Vec<u8>],
    /// Accounts whose entries stay: few, and most of their entries are parked elsewhere.
    closed: &'a [Vec<u8>],
}

impl Search<'_> {
    async fn ready(&self, limit: usize, turn: &mut Vec<u8>) -> Result<Vec<Vec<u8>>, StoreError> {
        // Where no destination is passed over, the oldest are the ones.
        let window = if self.skip.is_empty() { limit } else { limit.saturating_add(LOOK_AHEAD) };
        let oldest = self.oldest(Entity::find(), window).await?;
        let exhausted = oldest.len() < window;
        let wanted = oldest.into_iter().filter(|(_, destination)| !self.skip.contains(destination));
        let mut ids: Vec<_> = wanted.map(|(id, _)| id).take(limit).collect();
        if ids.len() < limit && !exhausted {
            // Full destinations are in front of all others, perhaps by the million: walk around them.
            self.of_other_destinations(limit, &mut ids, turn).await?;
        }
        Ok(ids)
    }

    /// The oldest ready entries with their destinations.
    async fn oldest(
        &self,
        among: Select<Entity>,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Vec<u8>)>, StoreError> {
        let mut ready = among
            .select_only()
            .columns([Column::Id, Column::Destination])
            .filter(Column::ReadyAt.lte(self.now.as_micros()))
            .filter(not_of(Column::Account, self.closed.to_vec()))
            .order_by_asc(Column::ReadyAt)
            .limit(limit as u64);
        if self.tx.get_database_backend() == DbBackend::Postgres {
            ready = ready.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
        }
        Ok(ready.into_tuple().all(self.tx).await?)
    }

    async fn of_other_destinations(
        &self,
        limit: usize,
        ids: &mut Vec<Vec<u8>>,
        turn: &mut Vec<u8>,
    ) -> Result<(), StoreError> {
        for _ in 0..VISITS {
            let next: Option<Vec<u8>> = Entity::find()
                .select_only()
                .column(Column::Destination)
                .filter(Column::Destination.gt(turn.clone()))
                .order_by_asc(Column::Destination)
                .limit(1)
                .into_tuple()
                .one(self.tx)
                .await?;
            // After the last comes the first again, for the next lease.
            let Some(destination) = next else {
                turn.clear();
                return Ok(());
            };
            if !self.skip.contains(&destination) {
                let same = Entity::find().filter(Column::Destination.eq(destination.clone()));
                for (id, _) in self.oldest(same, limit).await? {
                    if ids.len() < limit && !ids.contains(&id) {
                        ids.push(id);
                    }
                }
                if ids.len() >= limit {
                    return Ok(());
                }
            }
            *turn = destination;
        }
        Ok(())
    }
}

//! Entries that nobody tries any more and whose time is over: those of a closed account, and those that an operator
//! holds or has paused. Neither a time of grace nor a hold keeps mail longer than its term.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use waxseal_model::Timestamp;

use super::{
    CLEARED, HELD, Settled,
    unsent::{Templates, Why},
};
use crate::{
    entity::queue_entry::{self, Column},
    error::StoreError,
    open::Store,
};

/// As delivery says it of what was tried until then.
pub(super) const TOO_OLD: Why = Why { code: 602, reason: "old", description: "Too old" };

impl Store {
    /// Ends at most `limit` parked, held or paused entries that should have been given up by `now`, each with one `failed`
    /// event; how many. Their content goes with the last of a message, as ever.
    pub async fn give_up_overdue(&self, now: Timestamp, limit: u64) -> Result<u64, StoreError> {
        let rows = queue_entry::Entity::find()
            // What is cleared ends by itself; what is set aside by a pause lies between it and what is parked.
            .filter(Column::ReadyAt.gte(HELD.as_micros()))
            .filter(Column::ReadyAt.ne(CLEARED.as_micros()))
            .filter(Column::Lease.is_null())
            .filter(Column::GiveUpAt.lte(now.as_micros()))
            .limit(limit)
            .all(&self.inner.readers)
            .await?;
        let mut templates = Templates::default();
        let mut settlements = Vec::with_capacity(rows.len());
        for row in &rows {
            settlements.push(self.unsent(row, &mut templates, &TOO_OLD).await?);
        }
        if settlements.is_empty() {
            return Ok(0);
        }
        let entries: Vec<_> = settlements.iter().map(|settlement| settlement.entry).collect();
        let settled = self.settle_as_asked(settlements).await?;
        self.drop_notes(&entries);
        Ok(settled.iter().filter(|settled| **settled == Settled::Yes).count() as u64)
    }
}

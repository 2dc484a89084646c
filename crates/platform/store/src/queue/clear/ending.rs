//! The end of cleared entries that nobody holds: one `failed` event each.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};

use super::{CLEARED, PAGE};
use crate::{
    entity::queue_entry::{self, Column},
    error::StoreError,
    open::Store,
    queue::{
        Settled,
        unsent::{Templates, Why},
    },
};

/// What the event says: 600 is our own code for a recipient that was dropped by its sender.
const DROPPED: Why =
    Why { code: 600, reason: "generic", description: "Dropped: the sending queue of the domain was cleared" };

impl Store {
    /// Ends what is marked and held by nobody. What cannot be ended now is ended later.
    pub(crate) async fn end_cleared(&self) -> Result<(), StoreError> {
        let ended = self.try_end_cleared().await;
        if ended.is_err() {
            self.inner.cleared.set_unfinished();
        }
        ended
    }

    /// [`Store::end_cleared`] if it failed before.
    pub(crate) async fn finish_clearing(&self) -> Result<(), StoreError> {
        if self.inner.cleared.take_unfinished() { self.end_cleared().await } else { Ok(()) }
    }

    async fn try_end_cleared(&self) -> Result<(), StoreError> {
        let mut templates = Templates::default();
        loop {
            let rows = queue_entry::Entity::find()
                .filter(Column::ReadyAt.eq(CLEARED.as_micros()))
                .filter(Column::Lease.is_null())
                .limit(PAGE)
                .all(&self.inner.readers)
                .await?;
            let mut settlements = Vec::with_capacity(rows.len());
            for row in &rows {
                settlements.push(self.unsent(row, &mut templates, &DROPPED).await?);
            }
            let entries: Vec<_> = settlements.iter().map(|settlement| settlement.entry).collect();
            // What ends is gone, so each page begins at the front of the index, however many are marked. Where nothing
            // ends there is nothing left, or somebody else is ending it.
            let settled = self.settle_as_asked(settlements).await?;
            self.drop_notes(&entries);
            if !settled.contains(&Settled::Yes) {
                return Ok(());
            }
        }
    }
}

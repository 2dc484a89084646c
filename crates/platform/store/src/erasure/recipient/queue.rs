//! Entries that wait for the recipient: dropped, and no event tells of it.

use std::collections::BTreeMap;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::Wanted;
use crate::{
    entity::queue_entry::{self, Column},
    erasure::rows::add_count,
    error::StoreError,
    message::Envelope,
    open::Store,
    queue::{ENVELOPE, Ended, count_down},
    rows::RowId,
    writer::Effects,
};

/// Entries read at a time.
const PAGE: u64 = 500;

/// An entry to be dropped.
pub(super) struct Waiting {
    id: Vec<u8>,
    message: Vec<u8>,
}

impl Store {
    /// The account's entries for this recipient: every one has to be opened, because the queue has no hash of
    /// recipients.
    pub(super) async fn waiting_for(&self, wanted: &Wanted) -> Result<Vec<Waiting>, StoreError> {
        let account = wanted.account;
        let (mut found, mut after) = (Vec::new(), Vec::new());
        loop {
            let page = queue_entry::Entity::find()
                .filter(Column::Account.eq(account.to_row()))
                .filter(Column::Id.gt(after.clone()))
                .order_by_asc(Column::Id)
                .limit(PAGE)
                .all(&self.inner.readers)
                .await?;
            let Some(last) = page.last() else { return Ok(found) };
            after.clone_from(&last.id);
            for row in page {
                let envelope =
                    self.inner.open_json::<Envelope>(ENVELOPE, account, &row.id, &row.envelope).await;
                match envelope {
                    Ok(envelope) if wanted.whom.is(&envelope.recipient) => {
                        found.push(Waiting { id: row.id, message: row.message });
                    }
                    // Unreadable: the queue ends it by itself, without an address.
                    Ok(_) | Err(StoreError::Erased | StoreError::Corrupt { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
        }
    }

    /// Drops them, whoever holds them: an attempt under way can settle nothing any more.
    pub(super) async fn drop_waiting(&self, erasure: i64, wanted: &Wanted) -> Result<u64, StoreError> {
        let account = wanted.account;
        let waiting = self.waiting_for(wanted).await?;
        let now = self.inner.clock.now();
        let mut total = 0;
        for chunk in waiting.chunks(250) {
            let entries: Vec<(Vec<u8>, Vec<u8>)> =
                chunk.iter().map(|entry| (entry.id.clone(), entry.message.clone())).collect();
            total += self
                .inner
                .writer
                .write(Effects::default(), move |tx| {
                    Box::pin(async move {
                        let mut settled: BTreeMap<(Vec<u8>, Vec<u8>), Ended> = BTreeMap::new();
                        let mut dropped = 0;
                        for (id, message) in entries {
                            let gone = queue_entry::Entity::delete_by_id(id).exec(tx).await?.rows_affected;
                            dropped += gone;
                            if gone > 0 {
                                settled.entry((account.to_row(), message)).or_default().add(false);
                            }
                        }
                        count_down(tx, settled, now).await?;
                        add_count(tx, erasure, "queue_entries", dropped).await?;
                        Ok(dropped)
                    })
                })
                .await?;
        }
        Ok(total)
    }
}

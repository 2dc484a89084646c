//! Who of those that were taken is on no suppression list: asked once for all of them, so that attempts need not ask
//! each for itself.

use std::{
    collections::{BTreeMap, HashSet},
    time::Duration,
};

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use waxseal_model::{AccountId, DomainId, Purpose, suppression::SuppressionKind};

use crate::{
    entity::suppression, error::StoreError, open::Store, queue::LeasedEntry, rows::RowId,
    suppression::LOOK_UP,
};

/// That a recipient was on no list, and as of when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unlisted {
    /// How often this process had put somebody on a list by then.
    changes: u64,
    /// On the steady clock.
    asked_at: Duration,
}

/// How long it is believed, whatever is told of changes.
const BELIEVED: Duration = Duration::from_secs(60);

impl Store {
    /// Whether the entry's recipient was on no suppression list when it was taken, and nobody was put on one since. If
    /// not, the lists have to be asked.
    pub fn is_unlisted(&self, entry: &LeasedEntry) -> bool {
        entry.unlisted.is_some_and(|unlisted| {
            unlisted.changes == self.suppression_changes()
                && self.inner.clock.monotonic().saturating_sub(unlisted.asked_at) < BELIEVED
        })
    }

    /// Asks the lists about all that were taken; `hashes` are their recipients'. Without one, who attempts it asks.
    pub(super) async fn ask_lists(
        &self,
        entries: &mut [LeasedEntry],
        hashes: &[Option<Vec<u8>>],
    ) -> Result<(), StoreError> {
        // Before the lists are read: what comes later counts as a change.
        let as_of = self.as_of_now();
        let mut by_domain: BTreeMap<(AccountId, DomainId), Vec<usize>> = BTreeMap::new();
        for (index, entry) in entries.iter().enumerate() {
            by_domain.entry((entry.account, entry.domain)).or_default().push(index);
        }
        for ((account, domain), indices) in by_domain {
            for some in indices.chunks(LOOK_UP) {
                let listed: HashSet<Vec<u8>> = suppression::Entity::find()
                    .select_only()
                    .column(suppression::Column::AddressHash)
                    .filter(suppression::Column::Account.eq(account.to_row()))
                    .filter(suppression::Column::Domain.eq(domain.to_row()))
                    .filter(
                        suppression::Column::Kind.is_in(SuppressionKind::ALL.map(SuppressionKind::as_str)),
                    )
                    .filter(
                        suppression::Column::AddressHash
                            .is_in(some.iter().filter_map(|index| hashes[*index].clone())),
                    )
                    .into_tuple::<Vec<u8>>()
                    .all(self.read_for(Purpose::Suppression))
                    .await?
                    .into_iter()
                    .collect();
                for index in some {
                    let is_listed = hashes[*index].as_ref().is_none_or(|hash| listed.contains(hash));
                    entries[*index].unlisted = (!is_listed).then_some(as_of);
                }
            }
        }
        Ok(())
    }

    /// Taken before lists are asked.
    pub(in crate::queue) fn as_of_now(&self) -> Unlisted {
        Unlisted { changes: self.suppression_changes(), asked_at: self.inner.clock.monotonic() }
    }

    fn suppression_changes(&self) -> u64 {
        *self.inner.writer.changes().suppressions.borrow()
    }
}

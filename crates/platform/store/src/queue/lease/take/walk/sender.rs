//! Walking over the sending domains of an account of which some have enough: what one of them has for a destination may
//! stand in front of what the others have for it.
//!
//! A page of a domain's entries is one visit, whether or not they are ready: its cost is bounded, and all are come around to.

use std::collections::HashSet;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::{REMEMBERED, Search, Walk};
use crate::{
    entity::queue_entry::{Column, Entity},
    error::StoreError,
};

/// Entries of a domain that one visit looks at.
const PAGE: usize = 256;

/// After this entry of this domain.
#[derive(Debug, Clone, Default)]
pub(super) struct Place {
    domain: Vec<u8>,
    entry: Vec<u8>,
}

impl Search<'_> {
    /// Adds ready entries of the next page of the account's domains that are not passed over; whether there may be another
    /// page.
    pub(super) async fn of_other_domains(
        &self,
        (account, skipped): (&[u8], &HashSet<Vec<u8>>),
        limit: usize,
        ids: &mut Vec<Vec<u8>>,
        walk: &mut Walk,
    ) -> Result<bool, StoreError> {
        let place = walk.sender.remove(account).unwrap_or_default();
        let page = match skipped.contains(&place.domain) {
            true => Vec::new(),
            false => self.page(account, &place).await?,
        };
        let Some(last) = page.last().cloned() else {
            let Some(domain) = self.next_value(Column::Domain, account, place.domain).await? else {
                return Ok(false);
            };
            walk.remember_sender(account, Place { domain, entry: Vec::new() });
            return Ok(true);
        };
        for entry in self.oldest(Entity::find().filter(Column::Id.is_in(page)), PAGE).await? {
            if ids.len() < limit && !self.skip.has(&entry) && !ids.contains(&entry.id) {
                ids.push(entry.id);
            }
        }
        let is_full = ids.len() >= limit;
        walk.remember_sender(account, if is_full { place } else { Place { entry: last, ..place } });
        Ok(true)
    }

    /// The next ids of a domain.
    async fn page(&self, account: &[u8], place: &Place) -> Result<Vec<Vec<u8>>, StoreError> {
        let next = Entity::find()
            .select_only()
            .column(Column::Id)
            .filter(Column::Account.eq(account.to_vec()))
            .filter(Column::Domain.eq(place.domain.clone()))
            .filter(Column::Id.gt(place.entry.clone()))
            .order_by_asc(Column::Id)
            .limit(PAGE as u64);
        Ok(next.into_tuple().all(self.tx).await?)
    }
}

impl Walk {
    fn remember_sender(&mut self, account: &[u8], place: Place) {
        if self.sender.len() >= REMEMBERED {
            self.sender.clear();
        }
        self.sender.insert(account.to_vec(), place);
    }
}

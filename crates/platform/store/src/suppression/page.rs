//! Pages of a list, in the order of its addresses.
//!
//! Addresses rest sealed, so the database knows no order of them: each page goes through the whole list and keeps of it no more than it
//! has room for.

use std::collections::BTreeMap;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use waxseal_model::{AccountId, DomainId, Purpose, suppression::SuppressionKind};

use super::{ADDRESS, Suppression, place};
use crate::{
    entity::suppression::{self, Column},
    erasure::recipient::canonical,
    error::StoreError,
    open::Store,
    rows::RowId,
};

/// Rows read at once.
const BATCH: u64 = 1_000;

/// A page of a list.
pub struct ListPage {
    /// Where it is.
    pub place: ListPlace,
    /// What its addresses begin with, in any case.
    pub prefix: String,
    /// Entries at most.
    pub limit: usize,
}

/// Where a page is.
pub enum ListPlace {
    /// At the beginning.
    First,
    /// At the end.
    Last,
    /// Behind an address, which need not be on the list.
    After(String),
    /// Before an address.
    Before(String),
}

impl ListPlace {
    /// Whether an address stands where the page is.
    fn has(&self, address: &str) -> bool {
        match self {
            Self::First | Self::Last => true,
            Self::After(pivot) => address > pivot.as_str(),
            Self::Before(pivot) => address < pivot.as_str(),
        }
    }

    /// Whether of too many the last ones are on the page.
    const fn is_backwards(&self) -> bool {
        matches!(self, Self::Last | Self::Before(_))
    }
}

impl Store {
    /// A page of a list of a domain, in the order of addresses in lower case. Those of whom only the wish is left are on none.
    pub async fn suppression_page(
        &self,
        (account, domain): (AccountId, DomainId),
        kind: SuppressionKind,
        page: ListPage,
    ) -> Result<Vec<Suppression>, StoreError> {
        let prefix = canonical(&page.prefix);
        let at = match page.place {
            ListPlace::After(pivot) => ListPlace::After(canonical(&pivot)),
            ListPlace::Before(pivot) => ListPlace::Before(canonical(&pivot)),
            at => at,
        };
        let mut kept: BTreeMap<String, suppression::Model> = BTreeMap::new();
        let mut last = Vec::new();
        loop {
            let rows = suppression::Entity::find()
                .filter(Column::Account.eq(account.to_row()))
                .filter(Column::Domain.eq(domain.to_row()))
                .filter(Column::Kind.eq(kind.as_str()))
                .filter(Column::AddressHash.gt(last))
                .order_by_asc(Column::AddressHash)
                .limit(BATCH)
                .all(self.read_for(Purpose::CustomerAccess))
                .await?;
            let Some(end) = rows.last() else { break };
            last = end.address_hash.clone();
            for row in rows.into_iter().filter(|row| !row.address.is_empty()) {
                let address = self.inner.open_text(ADDRESS, account, &place(&row), &row.address).await?;
                let address = canonical(&address);
                if address.starts_with(&prefix) && at.has(&address) {
                    kept.insert(address, row);
                }
                if kept.len() > page.limit {
                    if at.is_backwards() {
                        kept.pop_first()
                    } else {
                        kept.pop_last()
                    };
                }
            }
        }
        let mut found = Vec::with_capacity(kept.len());
        for row in kept.values() {
            found.push(self.suppression_of(account, row).await?);
        }
        Ok(found)
    }

    /// The entry of an address on a list of a domain.
    pub async fn suppression(
        &self,
        (account, domain): (AccountId, DomainId),
        kind: SuppressionKind,
        address: &str,
    ) -> Result<Option<Suppression>, StoreError> {
        let rows = self.entries_of(account, address, &[kind]).await?;
        match rows.iter().find(|row| row.domain == domain.to_row()) {
            Some(row) => Ok(Some(self.suppression_of(account, row).await?)),
            None => Ok(None),
        }
    }
}

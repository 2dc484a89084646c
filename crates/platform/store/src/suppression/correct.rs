//! What the lists of an account say about a person, when it was wrong.

use std::collections::{BTreeMap, btree_map::Entry};

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, Select};
use waxseal_model::{AccountId, Purpose, suppression::SuppressionKind};

use super::{DETAILS, NewSuppression, SuppressionDetails, hashes_on_lists, place, upsert};
use crate::{
    deletion::{DeletionKind, Noted},
    entity::suppression,
    error::StoreError,
    open::Store,
    rows::{RowId, time},
    writer::{Effects, Tx},
};

impl Store {
    /// Takes an address off these lists of all the account's domains; with `to` its entries go over to that address, which
    /// is the right one of the same person. How many entries there were.
    ///
    /// Where `to` has an entry of its own, the older time stays, and who unsubscribed from several tags has unsubscribed
    /// from all of them.
    pub async fn correct_suppressions(
        &self,
        account: AccountId,
        address: &str,
        to: Option<&str>,
        kinds: &[SuppressionKind],
    ) -> Result<u64, StoreError> {
        let pepper = self.inner.keyring.pepper(account).await?;
        let of = |address| entries(account, hashes_on_lists(&pepper, address), kinds);
        match to {
            Some(to) => self.move_entries(account, to, of(address), of(to)).await,
            None => self.remove_entries(account, of(address)).await,
        }
    }

    async fn remove_entries(
        &self,
        account: AccountId,
        wrong: Select<suppression::Entity>,
    ) -> Result<u64, StoreError> {
        let wrong = wrong.all(self.read_for(Purpose::Suppression)).await?;
        let mut noted = Noted::default();
        for row in &wrong {
            noted.and(self.note_deletion(DeletionKind::Suppression, account, place(row)).await?);
        }
        self.carry_out(noted, changed(), move |tx| Box::pin(delete(tx, wrong))).await
    }

    /// Reads before it writes, and again while nobody else writes: if anything came in between, once more.
    async fn move_entries(
        &self,
        account: AccountId,
        to: &str,
        wrong: Select<suppression::Entity>,
        there: Select<suppression::Entity>,
    ) -> Result<u64, StoreError> {
        loop {
            let reader = self.read_for(Purpose::Suppression);
            let seen = [wrong.clone().all(reader).await?, there.clone().all(reader).await?];
            let mut right = Vec::new();
            for entry in self.moved(account, to, seen.iter().flatten()).await? {
                right.push(self.suppression_row(entry).await?);
            }
            let (wrong, there) = (wrong.clone(), there.clone());
            let moving = self.inner.writer.write(changed(), move |tx| {
                Box::pin(async move {
                    if [wrong.all(tx).await?, there.all(tx).await?] != seen {
                        return Ok(None);
                    }
                    let [wrong, _] = seen;
                    let moved = delete(tx, wrong).await?;
                    upsert(tx, right).await?;
                    Ok(Some(moved))
                })
            });
            if let Some(moved) = moving.await? {
                return Ok(moved);
            }
        }
    }

    /// Whether the address is on one of these lists of the account's domains.
    pub async fn is_on_lists(
        &self,
        account: AccountId,
        address: &str,
        kinds: &[SuppressionKind],
    ) -> Result<bool, StoreError> {
        Ok(!self.entries_of(account, address, kinds).await?.is_empty())
    }

    /// The entries of an address on these lists of all the account's domains.
    pub(super) async fn entries_of(
        &self,
        account: AccountId,
        address: &str,
        kinds: &[SuppressionKind],
    ) -> Result<Vec<suppression::Model>, StoreError> {
        let pepper = self.inner.keyring.pepper(account).await?;
        Ok(entries(account, hashes_on_lists(&pepper, address), kinds)
            .all(self.read_for(Purpose::Suppression))
            .await?)
    }

    /// The entries as those of another address: one for each domain and kind.
    async fn moved(
        &self,
        account: AccountId,
        to: &str,
        rows: impl Iterator<Item = &suppression::Model>,
    ) -> Result<Vec<NewSuppression>, StoreError> {
        let mut entries: BTreeMap<(&[u8], &str), NewSuppression> = BTreeMap::new();
        for row in rows {
            // Of somebody who was erased the wish is left, and from what it was is not known any more: from everything.
            let details = match row.address.is_empty() {
                true => SuppressionDetails::default(),
                false => self.inner.open_json(DETAILS, account, &place(row), &row.details).await?,
            };
            let entry = NewSuppression {
                account,
                domain: RowId::from_row(&row.domain, "suppressions", "domain")?,
                kind: SuppressionKind::parse(&row.kind)
                    .ok_or(StoreError::Corrupt { table: "suppressions", column: "kind" })?,
                address: to.to_owned(),
                details,
                created_at: time(row.created_at),
            };
            match entries.entry((row.domain.as_slice(), row.kind.as_str())) {
                Entry::Vacant(place) => drop(place.insert(entry)),
                Entry::Occupied(mut place) => together(place.get_mut(), entry),
            }
        }
        Ok(entries.into_values().collect())
    }
}

/// Whoever asks the lists is told.
pub(super) fn changed() -> Effects {
    Effects { suppressions: true, ..Effects::default() }
}

/// What the lists say about an address.
fn entries(
    account: AccountId,
    hashes: impl Iterator<Item = Vec<u8>>,
    kinds: &[SuppressionKind],
) -> Select<suppression::Entity> {
    suppression::Entity::find()
        .filter(suppression::Column::Account.eq(account.to_row()))
        .filter(suppression::Column::AddressHash.is_in(hashes))
        .filter(suppression::Column::Kind.is_in(kinds.iter().map(|kind| kind.as_str())))
        .order_by_asc(suppression::Column::Domain)
        .order_by_asc(suppression::Column::Kind)
}

pub(super) async fn delete(tx: &Tx, rows: Vec<suppression::Model>) -> Result<u64, StoreError> {
    let mut deleted = 0;
    for row in rows {
        let key = (row.account, row.domain, row.kind, row.address_hash);
        deleted += suppression::Entity::delete_by_id(key).exec(tx).await?.rows_affected;
    }
    Ok(deleted)
}

/// One entry of two.
fn together(entry: &mut NewSuppression, other: NewSuppression) {
    let (tags, more) = (&mut entry.details.tags, other.details.tags);
    if tags.is_empty() || more.is_empty() {
        // From everything.
        tags.clear();
    } else {
        tags.extend(more);
        tags.sort_unstable();
        tags.dedup();
    }
    entry.created_at = entry.created_at.min(other.created_at);
}

//! Changes of lists that depend on what is on them.

use std::collections::{HashMap, hash_map::Entry};

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use waxseal_model::{AccountId, DomainId, Purpose, suppression::SuppressionKind};

use super::{
    Admitted, DETAILS, NewSuppression, SuppressionDetails,
    correct::{changed, delete},
    place, upsert,
};
use crate::{
    deletion::{DeletionKind, Noted},
    entity::suppression::{self, Column},
    erasure::recipient::canonical,
    error::StoreError,
    open::Store,
    rows::{RowId, time},
    writer::Tx,
};

/// Entries removed by one transaction.
const BATCH: u64 = 500;
/// Who unsubscribed from this unsubscribed from everything.
const EVERYTHING: &str = "*";

/// A row to be written, and what it was made from.
pub(crate) struct Made {
    before: Option<suppression::Model>,
    row: Admitted,
}

impl Store {
    /// Adds unsubscriptions of one account: whoever unsubscribed from something before has unsubscribed from both, since the time
    /// that is given now.
    pub async fn unsubscribe(&self, entries: Vec<NewSuppression>) -> Result<(), StoreError> {
        loop {
            let merged = self.merged(&entries).await?;
            if self.write_if_unchanged(merged).await? {
                return Ok(());
            }
        }
    }

    /// Unsubscriptions of one account together with what each address unsubscribed from before, one of each address.
    pub(crate) async fn merged(&self, entries: &[NewSuppression]) -> Result<Vec<Made>, StoreError> {
        let mut made = Vec::with_capacity(entries.len());
        for mut entry in one_of_each(entries) {
            let before = self.unsubscription(entry.account, entry.domain, &entry.address).await?;
            if let Some(before) = &before {
                let known = self.unsubscribed_from(entry.account, before).await?;
                entry.details.tags = together(entry.details.tags, known);
            }
            made.push(Made { before, row: self.suppression_row(entry).await? });
        }
        Ok(made)
    }

    /// Takes a tag from what an address of a domain unsubscribed from, and the entry with its last one. Whether it had.
    pub async fn resubscribe(
        &self,
        (account, domain): (AccountId, DomainId),
        address: &str,
        tag: &str,
    ) -> Result<bool, StoreError> {
        loop {
            let Some(row) = self.unsubscription(account, domain, address).await? else { return Ok(false) };
            let before = self.unsubscribed_from(account, &row).await?;
            let mut tags = before.clone();
            tags.retain(|known| !known.eq_ignore_ascii_case(tag));
            if tags.len() == before.len() {
                return Ok(false);
            }
            if tags.is_empty() {
                if self.delete_if_unchanged(account, row).await? {
                    return Ok(true);
                }
                continue;
            }
            let changed = NewSuppression {
                account,
                domain,
                kind: SuppressionKind::Unsubscribe,
                address: address.to_owned(),
                details: SuppressionDetails { tags, ..SuppressionDetails::default() },
                created_at: time(row.created_at),
            };
            let made = Made { row: self.suppression_row(changed).await?, before: Some(row) };
            if self.write_if_unchanged(vec![made]).await? {
                return Ok(true);
            }
        }
    }

    /// Removes all entries of a list of a domain; how many there were.
    pub async fn clear_suppressions(
        &self,
        (account, domain): (AccountId, DomainId),
        kind: SuppressionKind,
    ) -> Result<u64, StoreError> {
        let mut cleared = 0;
        loop {
            let rows = suppression::Entity::find()
                .filter(Column::Account.eq(account.to_row()))
                .filter(Column::Domain.eq(domain.to_row()))
                .filter(Column::Kind.eq(kind.as_str()))
                .limit(BATCH)
                .all(self.read_for(Purpose::Suppression))
                .await?;
            if rows.is_empty() {
                return Ok(cleared);
            }
            let mut noted = Noted::default();
            for row in &rows {
                noted.and(self.note_deletion(DeletionKind::Suppression, account, place(row)).await?);
            }
            cleared += self.carry_out(noted, changed(), move |tx| Box::pin(delete(tx, rows))).await?;
        }
    }

    async fn unsubscription(
        &self,
        account: AccountId,
        domain: DomainId,
        address: &str,
    ) -> Result<Option<suppression::Model>, StoreError> {
        let rows = self.entries_of(account, address, &[SuppressionKind::Unsubscribe]).await?;
        Ok(rows.into_iter().find(|row| row.domain == domain.to_row()))
    }

    /// The tags of an unsubscription, `*` for everything.
    async fn unsubscribed_from(
        &self,
        account: AccountId,
        row: &suppression::Model,
    ) -> Result<Vec<String>, StoreError> {
        // Of somebody who was erased the wish is left, and from what it was is not known any more: from everything.
        let details: SuppressionDetails = match row.address.is_empty() {
            true => SuppressionDetails::default(),
            false => self.inner.open_json(DETAILS, account, &place(row), &row.details).await?,
        };
        Ok(if details.tags.is_empty() { vec![EVERYTHING.to_owned()] } else { details.tags })
    }

    /// Deletes an entry if it is still so; whether it was.
    async fn delete_if_unchanged(
        &self,
        account: AccountId,
        row: suppression::Model,
    ) -> Result<bool, StoreError> {
        let noted = self.note_deletion(DeletionKind::Suppression, account, place(&row)).await?;
        self.carry_out(noted, changed(), move |tx| {
            Box::pin(async move {
                let key =
                    (row.account.clone(), row.domain.clone(), row.kind.clone(), row.address_hash.clone());
                let is_unchanged = suppression::Entity::find_by_id(key).one(tx).await?.as_ref() == Some(&row);
                if is_unchanged {
                    delete(tx, vec![row]).await?;
                }
                Ok(is_unchanged)
            })
        })
        .await
    }

    /// Writes rows if what they were made from is still so; whether it was.
    async fn write_if_unchanged(&self, made: Vec<Made>) -> Result<bool, StoreError> {
        self.inner.writer.write(changed(), move |tx| Box::pin(put_if_unchanged(tx, made))).await
    }
}

/// Writes rows if what they were made from is still so; whether it was.
pub(crate) async fn put_if_unchanged(tx: &Tx, made: Vec<Made>) -> Result<bool, StoreError> {
    let mut rows = Vec::with_capacity(made.len());
    for Made { before, row } in made {
        let at = before.as_ref().unwrap_or(&row);
        let key = (at.account.clone(), at.domain.clone(), at.kind.clone(), at.address_hash.clone());
        if suppression::Entity::find_by_id(key).one(tx).await? != before {
            return Ok(false);
        }
        rows.push(row);
    }
    upsert(tx, rows).await?;
    Ok(true)
}

/// Of each address one entry: of several the last one, with the tags of all.
fn one_of_each(entries: &[NewSuppression]) -> Vec<NewSuppression> {
    let mut places: HashMap<(DomainId, String), usize> = HashMap::with_capacity(entries.len());
    let mut kept: Vec<NewSuppression> = Vec::with_capacity(entries.len());
    for entry in entries {
        let mut entry = entry.clone();
        match places.entry((entry.domain, canonical(&entry.address))) {
            Entry::Vacant(place) => {
                place.insert(kept.len());
                kept.push(entry);
            }
            Entry::Occupied(place) => {
                let Some(before) = kept.get_mut(*place.get()) else { continue };
                entry.details.tags = together(std::mem::take(&mut before.details.tags), entry.details.tags);
                *before = entry;
            }
        }
    }
    kept
}

/// What somebody unsubscribed from, of two.
fn together(mut tags: Vec<String>, more: Vec<String>) -> Vec<String> {
    tags.extend(more);
    let mut kept: Vec<String> = Vec::with_capacity(tags.len());
    for tag in tags {
        if !kept.iter().any(|known| known.eq_ignore_ascii_case(&tag)) {
            kept.push(tag);
        }
    }
    kept
}

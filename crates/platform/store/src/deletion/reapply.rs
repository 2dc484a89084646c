//! After a restore: what was deleted, ended or replaced since the backup is so again, before anybody comes in.
//!
//! The database notes the last entry of the journal that it was told of. Every start tells it of those after that, so a
//! process that died between the entry and the deletion leaves nothing undone, and an older database that somebody put
//! here learns of all that came since. Each step can be done twice.

use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, sea_query::Expr};
use waxseal_model::{AccountId, Timestamp, suppression::SuppressionKind};
use zeroize::Zeroizing;

use super::{DeletionKind, Noted, PASSWORD, PROFILE};
use crate::{
    account, credential, domain,
    entity::{
        self, access_grant, api_key, inbox_item, network_credential, queue_entry, relay, smtp_credential,
        suppression,
    },
    error::StoreError,
    inbox,
    keyring::ring_deletion,
    message::end_retrieval,
    open::Store,
    queue,
    rows::RowId,
    seal::key_number,
    vault::Slot,
    writer::{Effects, Tx},
};

pub(super) const TOLD: &str = "deletions applied";
/// Entries applied by one transaction.
const BATCH: u64 = 200;
/// Bytes of an id.
const ID: usize = 16;

impl Store {
    /// Tells the database of the deletions that it does not know of; how many rows went or changed.
    pub(crate) async fn reapply_deletions(&self) -> Result<u64, StoreError> {
        let mut told = self.note(TOLD).await?.unwrap_or(0);
        let mut changed = 0;
        loop {
            let entries = self.inner.keyring.deletions_after(told, BATCH).await?;
            let Some(last) = entries.last() else { break };
            let next = last.number;
            changed += self.apply_deletions(entries).await?;
            // After the rest: a process that dies before this does it again.
            self.write_note(TOLD, Some(next)).await?;
            told = next;
        }
        if changed > 0 {
            tracing::warn!(rows = changed, "what was deleted since was deleted again in this database");
            // It takes room, of which there may be none: no reason to stay away.
            if let Err(error) = self.compact().await {
                tracing::warn!(%error, "the database was not compacted");
            }
        }
        Ok(changed)
    }

    async fn apply_deletions(&self, entries: Vec<ring_deletion::Model>) -> Result<u64, StoreError> {
        let now = self.inner.clock.now();
        let mut changed = 0;
        let mut rows = Vec::with_capacity(entries.len());
        for entry in entries {
            let account = AccountId::from_row(&entry.account, "ring_deletions", "account")?;
            match DeletionKind::parse(&entry.kind)? {
                DeletionKind::Profile => changed += self.correct_again(account, &entry).await?,
                DeletionKind::Password => changed += self.change_again(account, &entry).await?,
                kind => rows.push((kind, account, entry)),
            }
        }
        changed += self
            .inner
            .writer
            .write(Effects::default(), move |tx| {
                Box::pin(async move {
                    let mut changed = 0;
                    for (kind, account, entry) in &rows {
                        changed += apply(tx, *kind, *account, entry, now).await?;
                    }
                    Ok(changed)
                })
            })
            .await?;
        Ok(changed)
    }

    /// Puts a corrected profile in the place of the one from before, unless its owner was erased.
    async fn correct_again(
        &self,
        account: AccountId,
        entry: &ring_deletion::Model,
    ) -> Result<u64, StoreError> {
        let Some(sealed) = &entry.profile else { return Ok(0) };
        let row = entity::account::Entity::find_by_id(account.to_row()).one(&self.inner.readers).await?;
        let (Some(row), Some(new)) = (row, self.still_open(PROFILE, account, &entry.id, sealed).await?)
        else {
            return Ok(0);
        };
        let known = self.still_open(account::PROFILE, account, &row.id, &row.profile).await?;
        if known.is_some_and(|known| *known == *new) {
            return Ok(0);
        }
        let key = self.inner.keyring.by_number(key_number(PROFILE.at(account, &entry.id), sealed)?).await?;
        let profile = self.inner.seal(&key, account::PROFILE, account, &row.id, &new)?;
        self.write_profile(Noted::default(), account, profile).await.map(u64::from)
    }

    /// Puts a login's later password in the place of the one from before, unless the login was deleted.
    async fn change_again(
        &self,
        account: AccountId,
        entry: &ring_deletion::Model,
    ) -> Result<u64, StoreError> {
        let Some(sealed) = &entry.password else { return Ok(0) };
        let row = smtp_credential::Entity::find_by_id(entry.id.clone())
            .filter(smtp_credential::Column::Account.eq(account.to_row()))
            .one(&self.inner.readers)
            .await?;
        let (Some(row), Some(new)) = (row, self.still_open(PASSWORD, account, &entry.id, sealed).await?)
        else {
            return Ok(0);
        };
        let slot = credential::PASSWORD;
        let known = self.still_open(slot, account, &row.id, &row.password_hash).await?;
        if known.is_some_and(|known| *known == *new) {
            return Ok(0);
        }
        let key = self.inner.keyring.by_number(key_number(PASSWORD.at(account, &entry.id), sealed)?).await?;
        let password = self.inner.seal(&key, slot, account, &row.id, &new)?;
        self.write_password(Noted::default(), account, row.id, password).await.map(u64::from)
    }
}

impl Store {
    /// What is sealed here; `None` if its key was destroyed.
    async fn still_open(
        &self,
        slot: Slot,
        account: AccountId,
        row: &[u8],
        sealed: &[u8],
    ) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        match self.inner.open(slot, account, row, sealed).await {
            Ok(opened) => Ok(Some(opened)),
            Err(StoreError::Erased) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Does what an entry says; how many rows went or changed.
async fn apply(
    tx: &Tx,
    kind: DeletionKind,
    account: AccountId,
    entry: &ring_deletion::Model,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let (owner, id) = (account.to_row(), entry.id.clone());
    Ok(match kind {
        DeletionKind::Message => u64::from(end_retrieval(tx, (owner, id), now).await?),
        DeletionKind::Captured => {
            let those = Condition::all().add(inbox_item::Column::Id.is_in(ids(&id)));
            inbox::delete_items(tx, account, those, now).await?
        }
        DeletionKind::Queue => {
            let those = Condition::all()
                .add(queue_entry::Column::Account.eq(owner))
                .add(queue_entry::Column::Id.is_in(ids(&id)));
            queue::mark_cleared(tx, those).await?.len() as u64
        }
        DeletionKind::ApiKey => {
            let key = api_key::Entity::delete_by_id(id).filter(api_key::Column::Account.eq(owner));
            key.exec(tx).await?.rows_affected
        }
        DeletionKind::Network => {
            let network = network_credential::Entity::delete_by_id(id)
                .filter(network_credential::Column::Account.eq(owner));
            network.exec(tx).await?.rows_affected
        }
        DeletionKind::Relay => {
            let relay = relay::Entity::delete_by_id(id)
                .filter(relay::Column::Account.eq(owner))
                // Not one that was set after the other had gone.
                .filter(relay::Column::CreatedAt.lte(entry.at));
            relay.exec(tx).await?.rows_affected
        }
        DeletionKind::Suppression => {
            let Some(key) = suppression_key(&id) else { return Ok(0) };
            let entry = suppression::Entity::delete_many()
                .filter(suppression::Column::Account.eq(owner))
                .filter(key)
                // Not one that was made after the other had gone.
                .filter(suppression::Column::CreatedAt.lte(entry.at));
            entry.exec(tx).await?.rows_affected
        }
        DeletionKind::Grant => {
            let grant = access_grant::Entity::update_many()
                .col_expr(access_grant::Column::ClosedAt, Expr::value(entry.at))
                .filter(access_grant::Column::Account.eq(owner))
                .filter(access_grant::Column::Id.eq(id))
                .filter(access_grant::Column::ClosedAt.is_null());
            grant.exec(tx).await?.rows_affected
        }
        DeletionKind::Domain => domain::end(tx, owner, id, now).await?,
        DeletionKind::DkimKey => domain::delete_key_beside_others(tx, owner, id).await?,
        // They are put in place one by one.
        DeletionKind::Password | DeletionKind::Profile => 0,
    })
}

/// The ids that stand one after another.
fn ids(all: &[u8]) -> Vec<Vec<u8>> {
    all.chunks_exact(ID).map(<[u8]>::to_vec).collect()
}

/// The suppression of this place: domain, hash of the address, kind.
fn suppression_key(place: &[u8]) -> Option<Condition> {
    let (domain, rest) = place.split_at_checked(ID)?;
    let kind = SuppressionKind::ALL.into_iter().find(|kind| rest.ends_with(kind.as_str().as_bytes()))?;
    let hash = rest.strip_suffix(kind.as_str().as_bytes())?;
    let key = Condition::all()
        .add(suppression::Column::Domain.eq(domain.to_vec()))
        .add(suppression::Column::Kind.eq(kind.as_str()))
        .add(suppression::Column::AddressHash.eq(hash.to_vec()));
    Some(key)
}

//! Changing a domain together with its DKIM keys. A change is made from what is there, and made anew if somebody else was
//! quicker; what is written, is written all at once.

use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, Set};
use waxseal_model::{AccountId, DomainId, KeyId, Timestamp};

use super::{
    DETAILS, DkimAlgorithm, Domain, DomainDetails, DomainSettings, DomainState, NewDkimKey, found, is_there,
};
use crate::{
    deletion::{DeletionKind, Noted},
    entity::{dkim_key, domain},
    error::StoreError,
    open::{Inner, Store},
    rows::RowId,
    seal::DataKey,
    writer::{Effects, Tx},
};

/// What a change of a domain works on.
pub struct DomainChange {
    /// State.
    pub state: DomainState,
    /// Settings.
    pub settings: DomainSettings,
    /// When it is to be looked after, if it is.
    pub tend_at: Option<Timestamp>,
    /// Its DKIM keys, oldest first, without one that is being added.
    pub keys: Vec<KeyChange>,
}

/// What a change of a DKIM key works on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyChange {
    /// Which.
    pub id: KeyId,
    /// Selector.
    pub selector: String,
    /// Algorithm.
    pub algorithm: DkimAlgorithm,
    /// Whether it signs.
    pub active: bool,
    /// Whether it goes.
    pub is_deleted: bool,
}

/// What became of a change.
pub enum Changed {
    /// It was made; the domain as it is then.
    Done(Box<Domain>),
    /// Nothing was changed, by its own word.
    Refused,
    /// There is no such domain.
    Gone,
}

/// Rows as a change found them.
struct Before {
    domain: domain::Model,
    keys: Vec<dkim_key::Model>,
}

/// Rows as a change leaves them.
struct After {
    domain: domain::ActiveModel,
    keys: Vec<dkim_key::ActiveModel>,
    deleted: Vec<Vec<u8>>,
    added: Option<dkim_key::ActiveModel>,
}

impl Store {
    /// Changes a domain; the domain as it is then, or nothing if there is none. `change` may be called several times.
    pub async fn change_domain(
        &self,
        account: AccountId,
        id: DomainId,
        mut change: impl FnMut(&mut DomainChange) + Send,
    ) -> Result<Option<Domain>, StoreError> {
        let always = |domain: &mut DomainChange| {
            change(domain);
            true
        };
        match self.change_domain_if(account, id, None, always).await? {
            Changed::Done(domain) => Ok(Some(*domain)),
            Changed::Refused | Changed::Gone => Ok(None),
        }
    }

    /// Changes a domain if `change` says so, and adds a DKIM key to it. `change` may be called several times.
    pub async fn change_domain_if(
        &self,
        account: AccountId,
        id: DomainId,
        add: Option<NewDkimKey>,
        mut change: impl FnMut(&mut DomainChange) -> bool + Send,
    ) -> Result<Changed, StoreError> {
        let sealing = match self.inner.keyring.account_key(account).await {
            Err(StoreError::Erased) => return Ok(Changed::Gone),
            sealing => sealing?,
        };
        let added = match add {
            Some(add) => Some(self.inner.dkim_row(&sealing, account, id, add)?),
            None => None,
        };
        loop {
            let Some((before, mut domain)) = self.as_it_is(account, id).await? else {
                return Ok(Changed::Gone);
            };
            let mut wanted = DomainChange {
                state: domain.state,
                settings: domain.settings.clone(),
                tend_at: before.domain.tend_at.map(Timestamp::from_micros),
                keys: self.key_changes(account, &before.keys).await?,
            };
            let keys = wanted.keys.clone();
            if !change(&mut wanted) {
                return Ok(Changed::Refused);
            }
            let after = self.inner.after(&sealing, &before, &keys, &wanted, added.clone())?;
            (domain.state, domain.settings) = (wanted.state, wanted.settings);
            if self.write_if_as_before(account, before, after).await? {
                return Ok(Changed::Done(Box::new(domain)));
            }
        }
    }

    async fn as_it_is(
        &self,
        account: AccountId,
        id: DomainId,
    ) -> Result<Option<(Before, Domain)>, StoreError> {
        let row = domain::Entity::find_by_id(id.to_row())
            .filter(domain::Column::Account.eq(account.to_row()))
            .filter(is_there())
            .one(&self.inner.readers)
            .await?;
        let Some(domain) = row else { return Ok(None) };
        let known = found().filter(domain::Column::Id.eq(id.to_row())).into_model().one(&self.inner.readers);
        let Some(known) = known.await? else { return Ok(None) };
        let keys = keys_of(account.to_row(), id.to_row()).all(&self.inner.readers).await?;
        Ok(self.domain_of(known).await?.map(|known| (Before { domain, keys }, known)))
    }

    async fn key_changes(
        &self,
        account: AccountId,
        rows: &[dkim_key::Model],
    ) -> Result<Vec<KeyChange>, StoreError> {
        let mut keys = Vec::with_capacity(rows.len());
        for row in rows {
            keys.push(KeyChange {
                id: KeyId::from_row(&row.id, "dkim_keys", "id")?,
                selector: self.inner.opened_selector(account, row).await?,
                algorithm: DkimAlgorithm::parse(&row.algorithm)
                    .ok_or(StoreError::Corrupt { table: "dkim_keys", column: "algorithm" })?,
                active: row.active,
                is_deleted: false,
            });
        }
        Ok(keys)
    }

    async fn write_if_as_before(
        &self,
        account: AccountId,
        before: Before,
        after: After,
    ) -> Result<bool, StoreError> {
        let mut noted = Noted::default();
        for id in &after.deleted {
            noted.and(self.note_deletion(DeletionKind::DkimKey, account, id.clone()).await?);
        }
        let effects = Effects { ways_in: true, ..Effects::default() };
        self.carry_out(noted, effects, move |tx| {
            Box::pin(async move {
                if !is_as_before(tx, &before).await? {
                    return Ok(false);
                }
                after.domain.update(tx).await?;
                for key in after.keys.into_iter().filter(ActiveModelTrait::is_changed) {
                    key.update(tx).await?;
                }
                for id in after.deleted {
                    dkim_key::Entity::delete_by_id(id).exec(tx).await?;
                }
                if let Some(added) = after.added {
                    added.insert(tx).await?;
                }
                Ok(true)
            })
        })
        .await
    }
}

fn keys_of(account: Vec<u8>, domain: Vec<u8>) -> sea_orm::Select<dkim_key::Entity> {
    dkim_key::Entity::find()
        .filter(dkim_key::Column::Account.eq(account))
        .filter(dkim_key::Column::Domain.eq(domain))
        .order_by_asc(dkim_key::Column::Id)
}

async fn is_as_before(tx: &Tx, before: &Before) -> Result<bool, StoreError> {
    let (id, account) = (before.domain.id.clone(), before.domain.account.clone());
    let row = domain::Entity::find_by_id(id.clone()).one(tx).await?;
    Ok(row.as_ref() == Some(&before.domain) && keys_of(account, id).all(tx).await? == before.keys)
}

impl Inner {
    fn after(
        &self,
        sealing: &DataKey,
        before: &Before,
        keys: &[KeyChange],
        wanted: &DomainChange,
        added: Option<dkim_key::Model>,
    ) -> Result<After, StoreError> {
        let account = AccountId::from_row(&before.domain.account, "domains", "account")?;
        let id = DomainId::from_row(&before.domain.id, "domains", "id")?;
        let settings = &wanted.settings;
        let mut domain = before.domain.clone().into_active_model();
        // Sealed anew each time, it tells of the change.
        domain.details = Set(self.sealed_details(sealing, account, id, &settings.details)?);
        domain.state.set_if_not_equals(wanted.state.as_str().to_owned());
        domain.require_tls.set_if_not_equals(settings.require_tls);
        domain.skip_verification.set_if_not_equals(settings.skip_verification);
        domain.message_ttl_secs.set_if_not_equals(i64::from(settings.message_ttl_secs));
        domain.tend_at.set_if_not_equals(wanted.tend_at.map(Timestamp::as_micros));
        let mut after = After {
            domain,
            keys: Vec::new(),
            deleted: Vec::new(),
            added: added.map(IntoActiveModel::into_active_model),
        };
        for (row, known) in before.keys.iter().zip(keys) {
            match wanted.keys.iter().find(|key| key.id == known.id) {
                Some(key) if !key.is_deleted => {
                    let mut row = row.clone().into_active_model();
                    row.active.set_if_not_equals(key.active);
                    if key.selector != known.selector {
                        row.selector = Set(self.sealed_selector(sealing, account, key.id, &key.selector)?);
                    }
                    after.keys.push(row);
                }
                _ => after.deleted.push(row.id.clone()),
            }
        }
        Ok(after)
    }

    /// Details as they rest; those that say nothing are not written.
    pub(super) fn sealed_details(
        &self,
        key: &DataKey,
        account: AccountId,
        id: DomainId,
        details: &DomainDetails,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        if *details == DomainDetails::default() {
            return Ok(None);
        }
        self.seal_json(key, DETAILS, account, &id.to_row(), details).map(Some)
    }
}

//! Changing a domain and its keys. A change is made from what is there, and made anew if somebody else was quicker.

use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, sea_query::Expr};
use waxseal_model::{AccountId, DomainId, KeyId, Timestamp};

use super::{DETAILS, Domain, DomainDetails, DomainSettings, DomainState, NewDkimKey, found};
use crate::{
    deletion::DeletionKind,
    entity::{dkim_key, domain},
    error::StoreError,
    open::{Inner, Store},
    rows::RowId,
    seal::DataKey,
    writer::Effects,
};

/// What a change of a domain works on.
pub struct DomainChange {
    /// State.
    pub state: DomainState,
    /// Settings.
    pub settings: DomainSettings,
    /// When it is to be looked after, if it is.
    pub tend_at: Option<Timestamp>,
}

impl Store {
    /// Changes a domain; the domain as it is then, or nothing if there is none. `change` may be called several times.
    pub async fn change_domain(
        &self,
        account: AccountId,
        id: DomainId,
        mut change: impl FnMut(&mut DomainChange) + Send,
    ) -> Result<Option<Domain>, StoreError> {
        loop {
            let row = domain::Entity::find_by_id(id.to_row())
                .filter(domain::Column::Account.eq(account.to_row()))
                .filter(domain::Column::State.ne(super::DELETED))
                .one(&self.inner.readers)
                .await?;
            let Some(row) = row else { return Ok(None) };
            let (before, tend_at) = (row.details.clone(), row.tend_at);
            let known =
                found().filter(domain::Column::Id.eq(id.to_row())).into_model().one(&self.inner.readers);
            let Some(known) = known.await? else { return Ok(None) };
            let Some(mut domain) = self.domain_of(known).await? else { return Ok(None) };
            let mut changed = DomainChange {
                state: domain.state,
                settings: domain.settings.clone(),
                tend_at: tend_at.map(Timestamp::from_micros),
            };
            change(&mut changed);
            (domain.state, domain.settings) = (changed.state, changed.settings.clone());
            if self.write_if_as_before(&domain, before, tend_at, changed.tend_at).await? {
                return Ok(Some(domain));
            }
        }
    }

    async fn write_if_as_before(
        &self,
        domain: &Domain,
        before: Option<Vec<u8>>,
        tended_before: Option<i64>,
        tend_at: Option<Timestamp>,
    ) -> Result<bool, StoreError> {
        let key = self.inner.keyring.account_key(domain.account).await?;
        let settings = domain.settings.clone();
        let details = self.inner.sealed_details(&key, domain.account, domain.id, &settings.details)?;
        let (account, id, state) = (domain.account.to_row(), domain.id.to_row(), domain.state);
        self.inner
            .writer
            .write(Effects { ways_in: true, ..Effects::default() }, move |tx| {
                Box::pin(async move {
                    let row = domain::Entity::find_by_id(id)
                        .filter(domain::Column::Account.eq(account))
                        .filter(domain::Column::State.ne(super::DELETED))
                        .one(tx)
                        .await?;
                    let unchanged =
                        |row: &domain::Model| row.details == before && row.tend_at == tended_before;
                    let Some(row) = row.filter(unchanged) else { return Ok(false) };
                    let mut row = row.into_active_model();
                    row.state.set_if_not_equals(state.as_str().to_owned());
                    row.require_tls.set_if_not_equals(settings.require_tls);
                    row.skip_verification.set_if_not_equals(settings.skip_verification);
                    row.message_ttl_secs.set_if_not_equals(i64::from(settings.message_ttl_secs));
                    row.details.set_if_not_equals(details);
                    row.tend_at.set_if_not_equals(tend_at.map(Timestamp::as_micros));
                    row.update(tx).await?;
                    Ok(true)
                })
            })
            .await
    }

    /// Adds a DKIM key to a domain.
    pub async fn add_dkim_key(
        &self,
        account: AccountId,
        domain: DomainId,
        new: NewDkimKey,
    ) -> Result<(), StoreError> {
        let key = self.inner.keyring.account_key(account).await?;
        let row = self.inner.dkim_row(&key, account, domain, new)?.into_active_model();
        self.inner
            .writer
            .write(Effects { ways_in: true, ..Effects::default() }, move |tx| {
                Box::pin(async move {
                    row.insert(tx).await?;
                    Ok(())
                })
            })
            .await
    }

    /// Says which of a domain's keys sign: those of `on` do from now on, those of `off` no more. All at once.
    pub async fn switch_dkim_keys(
        &self,
        account: AccountId,
        domain: DomainId,
        on: Vec<KeyId>,
        off: Vec<KeyId>,
    ) -> Result<(), StoreError> {
        self.inner
            .writer
            .write(Effects { ways_in: true, ..Effects::default() }, move |tx| {
                Box::pin(async move {
                    for (keys, active) in [(on, true), (off, false)] {
                        let ids = keys.into_iter().map(RowId::to_row);
                        dkim_key::Entity::update_many()
                            .col_expr(dkim_key::Column::Active, Expr::value(active))
                            .filter(dkim_key::Column::Account.eq(account.to_row()))
                            .filter(dkim_key::Column::Domain.eq(domain.to_row()))
                            .filter(dkim_key::Column::Id.is_in(ids))
                            .exec(tx)
                            .await?;
                    }
                    Ok(())
                })
            })
            .await
    }

    /// Gives a DKIM key another selector; whether there is such a key.
    pub async fn rename_dkim_key(
        &self,
        account: AccountId,
        id: KeyId,
        selector: &str,
    ) -> Result<bool, StoreError> {
        let key = self.inner.keyring.account_key(account).await?;
        let sealed = self.inner.sealed_selector(&key, account, id, selector)?;
        self.inner
            .writer
            .write(Effects { ways_in: true, ..Effects::default() }, move |tx| {
                Box::pin(async move {
                    let renamed = dkim_key::Entity::update_many()
                        .col_expr(dkim_key::Column::Selector, Expr::value(sealed))
                        .filter(dkim_key::Column::Account.eq(account.to_row()))
                        .filter(dkim_key::Column::Id.eq(id.to_row()))
                        .exec(tx)
                        .await?;
                    Ok(renamed.rows_affected > 0)
                })
            })
            .await
    }

    /// Deletes a DKIM key; whether there was one.
    pub async fn delete_dkim_key(&self, account: AccountId, id: KeyId) -> Result<bool, StoreError> {
        let noted = self.note_deletion(DeletionKind::DkimKey, account, id.to_row()).await?;
        self.carry_out(noted, Effects { ways_in: true, ..Effects::default() }, move |tx| {
            Box::pin(async move {
                let deleted = dkim_key::Entity::delete_by_id(id.to_row())
                    .filter(dkim_key::Column::Account.eq(account.to_row()))
                    .exec(tx)
                    .await?;
                Ok(deleted.rows_affected > 0)
            })
        })
        .await
    }
}

impl Inner {
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

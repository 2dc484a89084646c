//! Deleting a domain: at once it is gone for everybody and its name is free, and what belonged to it goes after it.

use std::time::Duration;

use sea_orm::{
    ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr,
};
use waxseal_model::{AccountId, DomainId, KeyId, Timestamp, suppression::SuppressionKind};

use super::{DELETED, EMPTIED, is_there};
use crate::{
    deletion::DeletionKind,
    entity::{api_key, dkim_key, domain, smtp_credential},
    error::StoreError,
    open::Store,
    rows::RowId,
    writer::{Effects, Tx},
};

/// After this what came to a deleted domain meanwhile goes as well.
const ONCE_MORE: Duration = Duration::from_secs(3_600);

/// A domain that is to be looked after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ToTend {
    /// Account.
    pub account: AccountId,
    /// Domain.
    pub id: DomainId,
    /// Whether it was deleted.
    pub is_deleted: bool,
}

impl Store {
    /// Deletes a domain with its DKIM keys; whether there was one. What else belonged to it goes with
    /// [`Store::remove_what_is_left`], for which the domain is to be tended.
    pub async fn delete_domain(&self, account: AccountId, id: DomainId) -> Result<bool, StoreError> {
        if self.domain(account, id).await?.is_none() {
            return Ok(false);
        }
        let now = self.inner.clock.now();
        let noted = self.note_deletion(DeletionKind::Domain, account, id.to_row()).await?;
        let (account, id) = (account.to_row(), id.to_row());
        let effects = Effects { ways_in: true, ..Effects::default() };
        let ended = self.carry_out(noted, effects, move |tx| Box::pin(end(tx, account, id, now))).await?;
        Ok(ended > 0)
    }

    /// Deletes all that lets somebody in for a domain.
    pub async fn remove_ways_in(&self, account: AccountId, id: DomainId) -> Result<(), StoreError> {
        for credential in self.credentials_of(account, id).await? {
            self.delete_smtp_credential(account, credential).await?;
        }
        for key in self.sending_keys_of(account, id).await? {
            self.delete_api_key(account, key).await?;
        }
        Ok(())
    }

    /// Removes what belonged to a deleted domain; what came after all an hour later, and then the domain. It can be
    /// interrupted and begun again.
    pub async fn remove_what_is_left(&self, account: AccountId, id: DomainId) -> Result<(), StoreError> {
        self.remove_ways_in(account, id).await?;
        self.clear_queue(account, id).await?;
        self.end_imports(account, id).await?;
        for kind in SuppressionKind::ALL {
            self.clear_suppressions((account, id), kind).await?;
        }
        let again = self.inner.clock.now() + ONCE_MORE;
        self.inner
            .writer
            .write(Effects::default(), move |tx| {
                Box::pin(async move {
                    domain::Entity::delete_by_id(id.to_row())
                        .filter(domain::Column::Account.eq(account.to_row()))
                        .filter(domain::Column::State.eq(EMPTIED))
                        .exec(tx)
                        .await?;
                    domain::Entity::update_many()
                        .col_expr(domain::Column::State, Expr::value(EMPTIED))
                        .col_expr(domain::Column::TendAt, Expr::value(again.as_micros()))
                        .filter(domain::Column::Id.eq(id.to_row()))
                        .filter(domain::Column::Account.eq(account.to_row()))
                        .filter(domain::Column::State.eq(DELETED))
                        .exec(tx)
                        .await?;
                    Ok(())
                })
            })
            .await
    }

    /// Looks after a domain at another time.
    pub async fn tend_domain_at(&self, which: ToTend, at: Timestamp) -> Result<(), StoreError> {
        self.inner
            .writer
            .write(Effects::default(), move |tx| {
                Box::pin(async move {
                    domain::Entity::update_many()
                        .col_expr(domain::Column::TendAt, Expr::value(at.as_micros()))
                        .filter(domain::Column::Id.eq(which.id.to_row()))
                        .filter(domain::Column::Account.eq(which.account.to_row()))
                        .exec(tx)
                        .await?;
                    Ok(())
                })
            })
            .await
    }

    /// Domains whose time to be looked after has come, the longest waiting first.
    pub async fn domains_to_tend(&self, now: Timestamp, limit: u64) -> Result<Vec<ToTend>, StoreError> {
        let rows: Vec<(Vec<u8>, Vec<u8>, String)> = domain::Entity::find()
            .select_only()
            .columns([domain::Column::Account, domain::Column::Id, domain::Column::State])
            .filter(domain::Column::TendAt.lte(now.as_micros()))
            .order_by_asc(domain::Column::TendAt)
            .limit(limit)
            .into_tuple()
            .all(&self.inner.readers)
            .await?;
        let tended = rows.into_iter().map(|(account, id, state)| {
            Ok(ToTend {
                account: AccountId::from_row(&account, "domains", "account")?,
                id: DomainId::from_row(&id, "domains", "id")?,
                is_deleted: [DELETED, EMPTIED].contains(&state.as_str()),
            })
        });
        tended.collect()
    }

    async fn credentials_of(
        &self,
        account: AccountId,
        domain: DomainId,
    ) -> Result<Vec<waxseal_model::CredentialId>, StoreError> {
        let rows: Vec<Vec<u8>> = smtp_credential::Entity::find()
            .select_only()
            .column(smtp_credential::Column::Id)
            .filter(smtp_credential::Column::Account.eq(account.to_row()))
            .filter(smtp_credential::Column::Domain.eq(domain.to_row()))
            .into_tuple()
            .all(&self.inner.readers)
            .await?;
        rows.iter().map(|id| RowId::from_row(id, "smtp_credentials", "id")).collect()
    }

    async fn sending_keys_of(&self, account: AccountId, domain: DomainId) -> Result<Vec<KeyId>, StoreError> {
        let rows: Vec<Vec<u8>> = api_key::Entity::find()
            .select_only()
            .column(api_key::Column::Id)
            .filter(api_key::Column::Account.eq(account.to_row()))
            .filter(api_key::Column::Domain.eq(domain.to_row()))
            .into_tuple()
            .all(&self.inner.readers)
            .await?;
        rows.iter().map(|id| RowId::from_row(id, "api_keys", "id")).collect()
    }
}

/// Takes a domain out of everybody's sight, with its DKIM keys; how many domains. It is to be tended at once.
pub(crate) async fn end(tx: &Tx, account: Vec<u8>, id: Vec<u8>, now: Timestamp) -> Result<u64, StoreError> {
    dkim_key::Entity::delete_many()
        .filter(dkim_key::Column::Account.eq(account.clone()))
        .filter(dkim_key::Column::Domain.eq(id.clone()))
        .exec(tx)
        .await?;
    let ended = domain::Entity::update_many()
        .col_expr(domain::Column::State, Expr::value(DELETED))
        // Somebody may take the name at once; what a name hashes to is longer than an id.
        .col_expr(domain::Column::NameHash, Expr::value(id.clone()))
        .col_expr(domain::Column::TendAt, Expr::value(now.as_micros()))
        .filter(domain::Column::Id.eq(id))
        .filter(domain::Column::Account.eq(account))
        .filter(is_there())
        .exec(tx)
        .await?;
    Ok(ended.rows_affected)
}

/// Deletes a DKIM key once more, if its domain has another one that signs: the one that took its place may be younger than
/// the database.
pub(crate) async fn delete_key_beside_others(
    tx: &Tx,
    account: Vec<u8>,
    id: Vec<u8>,
) -> Result<u64, StoreError> {
    let key = dkim_key::Entity::find_by_id(id.clone()).filter(dkim_key::Column::Account.eq(account));
    let Some(key) = key.one(tx).await? else { return Ok(0) };
    let others = dkim_key::Entity::find()
        .filter(dkim_key::Column::Domain.eq(key.domain))
        .filter(dkim_key::Column::Algorithm.eq(key.algorithm))
        .filter(dkim_key::Column::Active.eq(true))
        .filter(dkim_key::Column::Id.ne(id.clone()))
        .count(tx)
        .await?;
    if key.active && others == 0 {
        return Ok(0);
    }
    Ok(dkim_key::Entity::delete_by_id(id).exec(tx).await?.rows_affected)
}

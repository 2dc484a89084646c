//! Networks that submit for an account without AUTH. They rest sealed, and no hash stands beside them: there are so few
//! networks in the world that a hash would tell which one it is.

use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter, QueryOrder};
use waxseal_model::{
    Access, AccountId, CredentialId, Purpose, Sealed, Timestamp, actor, category, network::Network, purpose,
};

use crate::{
    deletion::DeletionKind,
    entity::network_credential,
    error::StoreError,
    open::Store,
    rows::{RowId, insert_all, or_conflict, time},
    vault::Slot,
    writer::Effects,
};

/// A network credential to be made.
pub struct NewNetworkCredential {
    /// Id.
    pub id: CredentialId,
    /// Account.
    pub account: AccountId,
    /// The network.
    pub network: Network,
    /// Time of making.
    pub created_at: Timestamp,
}

/// A network that submits for an account without AUTH.
pub struct NetworkCredential {
    /// Id.
    pub id: CredentialId,
    /// Account.
    pub account: AccountId,
    /// The network.
    pub network: Sealed<Network, category::IpAddress>,
    /// Time of making.
    pub created_at: Timestamp,
}

const NETWORK: Slot = Slot::new("network_credentials", "network");

/// To see whether a network is taken.
const ACCESS: Access<purpose::Authentication> = Access::new(actor::System, purpose::Authentication);

impl Store {
    /// Adds a network credential; a conflict if exactly this network is taken by any account.
    pub async fn create_network_credential(
        &self,
        credential: NewNetworkCredential,
    ) -> Result<(), StoreError> {
        let NewNetworkCredential { id, account, network, created_at } = credential;
        let key = self.inner.keyring.account_key(account).await?;
        let row = network_credential::Model {
            id: id.to_row(),
            account: account.to_row(),
            network: self.inner.seal(
                &key,
                NETWORK,
                account,
                &id.to_bytes(),
                network.to_string().as_bytes(),
            )?,
            created_at: created_at.as_micros(),
        };
        let row = row.into_active_model();
        // No index can tell whether it is taken: between the look and the writing nobody adds another.
        let _one = self.inner.networks.lock().await;
        if self.network_credentials().await?.iter().any(|taken| *taken.network.open(&ACCESS) == network) {
            return Err(StoreError::Conflict { what: "network" });
        }
        self.inner
            .writer
            .write(Effects::default(), move |tx| {
                Box::pin(async move { insert_all(tx, vec![row]).await.map_err(or_conflict("network")) })
            })
            .await
    }

    /// All network credentials of the instance.
    pub async fn network_credentials(&self) -> Result<Vec<NetworkCredential>, StoreError> {
        let rows = network_credential::Entity::find()
            .order_by_asc(network_credential::Column::Id)
            .all(self.read_for(Purpose::Authentication))
            .await?;
        let mut networks = Vec::with_capacity(rows.len());
        for row in rows {
            match self.network_of(row).await {
                Ok(network) => networks.push(network),
                // The keys of its account are destroyed: the rest of it is going.
                Err(StoreError::Erased) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(networks)
    }

    /// Deletes a network credential; whether there was one.
    pub async fn delete_network_credential(
        &self,
        account: AccountId,
        id: CredentialId,
    ) -> Result<bool, StoreError> {
        let known = network_credential::Entity::find_by_id(id.to_row())
            .filter(network_credential::Column::Account.eq(account.to_row()))
            .count(&self.inner.readers)
            .await?;
        if known == 0 {
            return Ok(false);
        }
        let noted = self.note_deletion(DeletionKind::Network, account, id.to_row()).await?;
        self.carry_out(noted, Effects::default(), move |tx| {
            Box::pin(async move {
                let deleted = network_credential::Entity::delete_many()
                    .filter(network_credential::Column::Id.eq(id.to_row()))
                    .filter(network_credential::Column::Account.eq(account.to_row()))
                    .exec(tx)
                    .await?;
                Ok(deleted.rows_affected > 0)
            })
        })
        .await
    }

    async fn network_of(&self, row: network_credential::Model) -> Result<NetworkCredential, StoreError> {
        let account = AccountId::from_row(&row.account, "network_credentials", "account")?;
        let text = self.inner.open_text(NETWORK, account, &row.id, &row.network).await?;
        let corrupt = |_| StoreError::Corrupt { table: "network_credentials", column: "network" };
        Ok(NetworkCredential {
            id: CredentialId::from_row(&row.id, "network_credentials", "id")?,
            account,
            network: Sealed::new(text.parse().map_err(corrupt)?),
            created_at: time(row.created_at),
        })
    }
}

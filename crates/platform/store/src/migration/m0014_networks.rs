//! Networks that submit rest sealed.

use sea_orm_migration::prelude::*;

use super::aside::{Aside, Becomes};

/// The networks of credentials.
pub(crate) const NETWORK: Aside = Aside {
    table: "network_credentials",
    was: "network",
    column: "network",
    aside: "network_clear",
    becomes: Becomes::Sealed,
};

/// Sealed networks.
pub(crate) struct Networks;

impl MigrationName for Networks {
    fn name(&self) -> &str {
        "m0014_networks"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Networks {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let index = Index::drop().name("network_credentials_network").table("network_credentials").to_owned();
        manager.drop_index(index).await?;
        NETWORK.put(manager).await
    }
}

//! Names of sending domains rest sealed and are found by a keyed hash; so do selectors and public keys of DKIM.

use sea_orm_migration::{
    prelude::*,
    sea_query::{Expr, Query},
};

use super::{
    aside::{Aside, Becomes, empty},
    column::unique,
};

/// The names of domains.
pub(crate) const NAME: Aside = Aside {
    table: "domains",
    was: "name",
    column: "name",
    aside: "name_clear",
    becomes: Becomes::SealedName,
};

/// The selectors of DKIM keys.
pub(crate) const SELECTOR: Aside = Aside {
    table: "dkim_keys",
    was: "selector",
    column: "selector",
    aside: "selector_clear",
    becomes: Becomes::Sealed,
};

/// The public halves of DKIM keys.
pub(crate) const PUBLIC_KEY: Aside = Aside {
    table: "dkim_keys",
    was: "public_key",
    column: "public_key",
    aside: "public_key_clear",
    becomes: Becomes::SealedBytes,
};

/// Sealed names of domains.
pub(crate) struct DomainNames;

impl MigrationName for DomainNames {
    fn name(&self) -> &str {
        "m0016_domain_names"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for DomainNames {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_index(Index::drop().name("domains_name").table("domains").to_owned()).await?;
        NAME.put(manager).await?;
        let hash = Table::alter().table("domains").add_column(empty("name_hash")).to_owned();
        manager.alter_table(hash).await?;
        // Until the hash is made: the row's own id, which no other row has and no name's hash is as short as.
        let none_yet = Query::update().table("domains").value("name_hash", Expr::col("id")).to_owned();
        manager.execute(none_yet).await?;
        manager.create_index(unique("domains_name_hash", "domains", &["name_hash"])).await?;
        SELECTOR.put(manager).await?;
        PUBLIC_KEY.put(manager).await
    }
}

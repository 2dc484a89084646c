//! Relays of accounts and domains.

use sea_orm_migration::prelude::*;

use super::column::{bytes, index, int, long, optional_bytes, table};

/// Relays.
pub(crate) struct Relays;

impl MigrationName for Relays {
    fn name(&self) -> &str {
        "m0020_relays"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Relays {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = [
            bytes("id"),
            bytes("account"),
            optional_bytes("domain"),
            optional_bytes("url"),
            optional_bytes("login"),
            optional_bytes("credentials"),
            int("share"),
            long("created_at"),
        ];
        manager.create_table(table("relays", columns, &["id"])).await?;
        manager.create_index(index("relays_account", "relays", &["account", "id"])).await
    }
}

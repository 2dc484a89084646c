//! Sight of an account's content for operators: with a reason, for a time.

use sea_orm_migration::prelude::*;

use super::column::{bytes, counter, flag, index, long, optional_long, table};

/// Grants.
pub(crate) struct Access;

impl MigrationName for Access {
    fn name(&self) -> &str {
        "m0007_access"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Access {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = [
            counter("number"),
            bytes("id"),
            bytes("account"),
            bytes("reason"),
            long("opened_at"),
            long("expires_at"),
            flag("second_operator"),
            optional_long("confirmed_at"),
            optional_long("closed_at"),
            long("openings"),
            optional_long("noticed_at"),
        ];
        manager.create_table(table("access_grants", columns, &[])).await?;
        let by_account = index("access_grants_by_account", "access_grants", &["account", "id"]);
        manager.create_index(by_account).await
    }
}

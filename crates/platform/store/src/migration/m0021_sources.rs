//! Addresses that mail leaves from, pools of them, and whose mail leaves by which pool.

use sea_orm_migration::prelude::*;

use super::column::{bytes, flag, index, long, optional_bytes, optional_text, table, text};

/// Sources and pools.
pub(crate) struct Sources;

impl MigrationName for Sources {
    fn name(&self) -> &str {
        "m0021_sources"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Sources {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = [
            text("address"),
            optional_text("hello"),
            flag("paused"),
            optional_text("warm_up"),
            long("created_at"),
        ];
        manager.create_table(table("sources", columns, &["address"])).await?;
        let columns = [text("name"), text("members"), text("overflow"), long("created_at")];
        manager.create_table(table("pools", columns, &["name"])).await?;
        let columns =
            [bytes("id"), bytes("account"), optional_bytes("domain"), text("pool"), long("created_at")];
        manager.create_table(table("pool_assignments", columns, &["id"])).await?;
        manager.create_index(index("pool_assignments_account", "pool_assignments", &["account"])).await
    }
}

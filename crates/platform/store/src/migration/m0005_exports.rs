//! Exports that were asked for, kept for a time.

use sea_orm_migration::prelude::*;

use super::column::{bytes, index, long, table, text};

/// Exports.
pub(crate) struct Exports;

impl MigrationName for Exports {
    fn name(&self) -> &str {
        "m0005_exports"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Exports {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = [
            bytes("account"),
            bytes("id"),
            text("kind"),
            text("state"),
            long("asked_at"),
            long("expires_at"),
            long("bytes"),
            long("rows"),
            long("messages"),
        ];
        manager.create_table(table("exports", columns, &["account", "id"])).await?;
        manager.create_index(index("exports_expires", "exports", &["expires_at"])).await
    }
}

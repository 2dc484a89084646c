//! Files of suppressions that are imported: how far each is.

use sea_orm_migration::prelude::*;

use super::column::{bytes, index, long, optional_long, table, text};

/// Imports of suppressions.
pub(crate) struct SuppressionImports;

impl MigrationName for SuppressionImports {
    fn name(&self) -> &str {
        "m0023_suppression_imports"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for SuppressionImports {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = [
            bytes("account"),
            bytes("id"),
            bytes("domain"),
            text("kind"),
            text("state"),
            long("created_at"),
            optional_long("finished_at"),
            long("bytes"),
            long("done"),
            long("line"),
            long("rows"),
            long("added"),
            long("refused"),
            text("problems"),
        ];
        manager.create_table(table("suppression_imports", columns, &["account", "id"])).await?;
        let finished = index("suppression_imports_finished", "suppression_imports", &["finished_at"]);
        manager.create_index(finished).await
    }
}

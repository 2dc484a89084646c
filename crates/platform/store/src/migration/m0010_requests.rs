//! What people ask about their data.

use sea_orm_migration::prelude::*;

use super::column::{bytes, counter, index, long, optional_long, optional_text, table, text};

/// The register.
pub(crate) struct Requests;

impl MigrationName for Requests {
    fn name(&self) -> &str {
        "m0010_requests"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Requests {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = [
            counter("number"),
            bytes("id"),
            bytes("account"),
            text("kind"),
            long("received_at"),
            long("due_at"),
            optional_long("closed_at"),
            optional_text("outcome"),
            bytes("details"),
        ];
        manager.create_table(table("privacy_requests", columns, &[])).await?;
        let by_account = index("privacy_requests_by_account", "privacy_requests", &["account", "number"]);
        manager.create_index(by_account).await?;
        let by_due = index("privacy_requests_by_due", "privacy_requests", &["closed_at", "due_at"]);
        manager.create_index(by_due).await
    }
}

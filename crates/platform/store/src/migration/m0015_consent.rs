//! The owner's consent to an operator's sight of content.

use sea_orm_migration::prelude::*;

use super::column::{flag, optional_long};

/// Whether a grant waits for the owner's consent, and when that was given.
pub(crate) struct Consent;

impl MigrationName for Consent {
    fn name(&self) -> &str {
        "m0015_consent"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Consent {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // One at a time: SQLite adds no more at once.
        let mut needs = flag("needs_consent").default(false).to_owned();
        manager.alter_table(Table::alter().table("access_grants").add_column(&mut needs).to_owned()).await?;
        let mut given = optional_long("consented_at");
        manager.alter_table(Table::alter().table("access_grants").add_column(&mut given).to_owned()).await
    }
}

//! What an erasure leaves for a while, because others wait for it.

use sea_orm_migration::prelude::*;

use super::column::optional_long;

/// Content that stays, beside the counts of what went.
pub(crate) struct ContentKept;

impl MigrationName for ContentKept {
    fn name(&self) -> &str {
        "m0013_content_kept"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for ContentKept {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut until = optional_long("kept_until");
        manager.alter_table(Table::alter().table("erasure_counts").add_column(&mut until).to_owned()).await
    }
}

//! Counts of what erasures under way have deleted.

use sea_orm_migration::prelude::*;

use super::column::{long, table, text};

/// Counts of erasures.
pub(crate) struct Erasure;

impl MigrationName for Erasure {
    fn name(&self) -> &str {
        "m0003_erasure"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Erasure {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(table(
                "erasure_counts",
                [long("erasure"), text("store"), long("rows")],
                &["erasure", "store"],
            ))
            .await
    }
}

//! The queue is walked by account, and for each account by destination.

use sea_orm_migration::prelude::*;

/// What one account has for one destination lies together.
pub(crate) struct Flows;

impl MigrationName for Flows {
    fn name(&self) -> &str {
        "m0018_flows"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Flows {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let index = Index::drop().name("queue_entries_destinations").table("queue_entries").to_owned();
        manager.drop_index(index).await?;
        let index = Index::create()
            .name("queue_entries_flows")
            .table("queue_entries")
            .col("account")
            .col("destination")
            .col("ready_at")
            .to_owned();
        manager.create_index(index).await
    }
}

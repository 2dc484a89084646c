//! Recipients' domains in the queue rest as keyed hashes.

use sea_orm_migration::prelude::*;

use super::aside::{Aside, Becomes};

/// The recipients' domains of entries.
pub(crate) const DESTINATION: Aside = Aside {
    table: "queue_entries",
    was: "recipient_domain",
    column: "destination",
    aside: "recipient_domain_clear",
    becomes: Becomes::Destination,
};

/// Destinations instead of domains.
pub(crate) struct Destinations;

impl MigrationName for Destinations {
    fn name(&self) -> &str {
        "m0017_destinations"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Destinations {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let index = Index::drop().name("queue_entries_recipients").table("queue_entries").to_owned();
        manager.drop_index(index).await?;
        DESTINATION.put(manager).await?;
        let index = Index::create()
            .name("queue_entries_destinations")
            .table("queue_entries")
            .col("destination")
            .col("ready_at")
            .to_owned();
        manager.create_index(index).await
    }
}

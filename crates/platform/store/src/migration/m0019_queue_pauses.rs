//! What an operator does not let leave for now.

use sea_orm_migration::prelude::*;

use super::column::{bytes, counter, long, optional_bytes, optional_long, optional_text, table, text};

/// Pauses of the queue.
pub(crate) struct QueuePauses;

impl MigrationName for QueuePauses {
    fn name(&self) -> &str {
        "m0019_queue_pauses"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for QueuePauses {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = [
            counter("number"),
            bytes("account"),
            optional_bytes("domain"),
            optional_bytes("destination"),
            optional_bytes("recipient_hash"),
            optional_text("provider"),
            text("reason"),
            long("since"),
            optional_long("until"),
        ];
        manager.create_table(table("queue_pauses", columns, &[])).await
    }
}

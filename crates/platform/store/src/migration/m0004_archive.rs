//! Copies of delivered messages that a customer's own archive gets.

use sea_orm_migration::prelude::*;

use super::column::{bytes, flag, index, int, optional_long, table};

/// Archive jobs.
pub(crate) struct Archive;

impl MigrationName for Archive {
    fn name(&self) -> &str {
        "m0004_archive"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Archive {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut waits = flag("archive").default(false).to_owned();
        manager.alter_table(Table::alter().table("messages").add_column(&mut waits).to_owned()).await?;
        manager
            .create_table(table(
                "archive_jobs",
                [
                    bytes("account"),
                    bytes("message"),
                    bytes("url"),
                    int("attempts"),
                    optional_long("released_at"),
                    optional_long("ready_at"),
                ],
                &["account", "message"],
            ))
            .await?;
        manager.create_index(index("archive_jobs_ready", "archive_jobs", &["ready_at"])).await
    }
}

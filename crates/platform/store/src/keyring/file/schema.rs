//! The keyring's migration to an erasure journal, legal holds, and graves that name no account.

use sea_orm::{ConnectionTrait as _, Statement};
use sea_orm_migration::prelude::*;

use super::super::journal;
use crate::migration::column::{
    bytes, counter, index, long, optional_bytes, optional_long, optional_text, table, text, unique,
};

/// The journal, the holds; graves by hash.
pub(super) struct Erasures;

impl MigrationName for Erasures {
    fn name(&self) -> &str {
        "k0003_erasures"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Erasures {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(table(
                "ring_erasures",
                [
                    counter("number"),
                    bytes("id"),
                    text("kind"),
                    bytes("account"),
                    bytes("account_hash"),
                    optional_bytes("subject_hash"),
                    bytes("pseudonym"),
                    text("state"),
                    long("asked_at"),
                    long("final_at"),
                    optional_long("done_at"),
                    optional_long("sequence"),
                    text("keys"),
                    optional_text("certificate"),
                ],
                &[],
            ))
            .await?;
        manager.create_index(unique("ring_erasures_id", "ring_erasures", &["id"])).await?;
        manager.create_index(index("ring_erasures_state", "ring_erasures", &["state"])).await?;
        manager.create_index(unique("ring_erasures_sequence", "ring_erasures", &["sequence"])).await?;
        manager
            .create_table(table(
                "ring_holds",
                [
                    counter("number"),
                    bytes("id"),
                    bytes("account"),
                    optional_bytes("recipient_hash"),
                    bytes("reason"),
                    long("added_at"),
                    optional_long("until"),
                    optional_long("lifted_at"),
                ],
                &[],
            ))
            .await?;
        manager.create_index(unique("ring_holds_id", "ring_holds", &["id"])).await?;
        hash_graves(manager).await
    }
}

/// Until now graves held the ids themselves.
async fn hash_graves(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let db = manager.get_connection();
    let sqlite = sea_orm::DbBackend::Sqlite;
    let graves = db.query_all_raw(Statement::from_string(sqlite, "SELECT account FROM ring_graves")).await?;
    manager.drop_table(Table::drop().table("ring_graves").to_owned()).await?;
    manager.create_table(table("ring_graves", [bytes("account_hash")], &["account_hash"])).await?;
    for grave in graves {
        let account: Vec<u8> = grave.try_get_by_index(0)?;
        let values = [journal::hash_of(&account).into()];
        let insert = "INSERT INTO ring_graves (account_hash) VALUES (?)";
        db.execute_raw(Statement::from_sql_and_values(sqlite, insert, values)).await?;
    }
    Ok(())
}

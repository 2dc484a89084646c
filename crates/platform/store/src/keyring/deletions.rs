//! The journal of single deletions. It lies beside the keys, as that of erasures does, so that a restored database is told.

use sea_orm::{
    ActiveModelTrait, ActiveValue::NotSet, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter,
    QueryOrder, QuerySelect, QueryTrait,
};
use sea_orm_migration::prelude::*;
use waxseal_model::Timestamp;

use super::{
    Keyring,
    entity::{ring_deletion, ring_grave},
    journal,
    untold::Noted,
};
use crate::{
    error::StoreError,
    migration::column::{bytes, counter, index, long, optional_bytes, table, text},
};

/// What a new entry does to others.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Noting {
    /// Copies of the ring must not undo it.
    pub(crate) ends_copies: bool,
    /// It takes the place of an earlier one about the same row.
    pub(crate) replaces: bool,
}

impl Keyring {
    /// Writes an entry; on stable storage when it answers. Until it is settled, the database is taken not to know.
    pub(crate) async fn note_deletion(
        &self,
        entry: ring_deletion::Model,
        noting: Noting,
    ) -> Result<Noted, StoreError> {
        let _file = self.file.lock().await;
        if noting.ends_copies {
            self.retire_copies().await?;
        }
        let transaction = self.begin().await?;
        let grave = ring_grave::Entity::find_by_id(journal::hash_of(&entry.account));
        if grave.one(&transaction).await?.is_some() {
            return Err(StoreError::Erased);
        }
        if noting.replaces {
            ring_deletion::Entity::delete_many()
                .filter(ring_deletion::Column::Kind.eq(entry.kind.as_str()))
                .filter(ring_deletion::Column::Account.eq(entry.account.clone()))
                .filter(ring_deletion::Column::Id.eq(entry.id.clone()))
                .exec(&transaction)
                .await?;
        }
        let row = ring_deletion::ActiveModel { number: NotSet, ..entry.into_active_model() };
        let number = row.insert(&transaction).await?.number;
        // Before it may be on disk, and while nobody gets a later number.
        let noted = self.untold.add(number);
        transaction.commit().await?;
        Ok(noted)
    }

    /// At most `limit` entries after this number, in order.
    pub(crate) async fn deletions_after(
        &self,
        number: i64,
        limit: u64,
    ) -> Result<Vec<ring_deletion::Model>, StoreError> {
        Ok(ring_deletion::Entity::find()
            .filter(ring_deletion::Column::Number.gt(number))
            .order_by_asc(ring_deletion::Column::Number)
            .limit(limit)
            .all(&self.db)
            .await?)
    }

    /// Deletes at most `limit` entries from before; how many.
    pub(crate) async fn purge_deletions(&self, before: Timestamp, limit: u64) -> Result<u64, StoreError> {
        let _file = self.file.lock().await;
        let old = ring_deletion::Entity::find()
            .select_only()
            .column(ring_deletion::Column::Number)
            .filter(ring_deletion::Column::At.lt(before.as_micros()))
            .order_by_asc(ring_deletion::Column::At)
            .limit(limit);
        let deleted = ring_deletion::Entity::delete_many()
            .filter(ring_deletion::Column::Number.in_subquery(old.into_query()))
            .exec(self.writable().await)
            .await?;
        Ok(deleted.rows_affected)
    }
}

/// The keyring's migration to it.
pub(super) struct Deletions;

impl MigrationName for Deletions {
    fn name(&self) -> &str {
        "k0005_deletions"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Deletions {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(table(
                "ring_deletions",
                [
                    counter("number"),
                    text("kind"),
                    bytes("account"),
                    bytes("id"),
                    optional_bytes("profile"),
                    optional_bytes("password"),
                    long("at"),
                ],
                &[],
            ))
            .await?;
        manager.create_index(index("ring_deletions_account", "ring_deletions", &["account", "kind"])).await?;
        manager.create_index(index("ring_deletions_at", "ring_deletions", &["at"])).await
    }
}

//! The end of the audit trail, kept beside the keys: who sets the trail back has to set the keys back as well.

use sea_orm::{EntityTrait, IntoActiveModel, sea_query::OnConflict};
use sea_orm_migration::prelude::*;

use super::{Keyring, entity::ring_trail};
use crate::{
    error::StoreError,
    migration::column::{bytes, table, text},
    open::Store,
};

/// The only row.
const END: &str = "audit trail end 1";
/// Bytes of a number of an entry.
const NUMBER: usize = 8;

/// Where the audit trail ended when a group of entries was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrailEnd {
    /// Number of the last entry.
    pub entry: u64,
    /// Its hash.
    pub hash: [u8; 32],
    /// The last entry that an anchor was written of: one that is missing since was taken away.
    pub anchored: u64,
}

impl TrailEnd {
    fn to_bytes(self) -> Vec<u8> {
        [self.entry.to_be_bytes().as_slice(), &self.anchored.to_be_bytes(), &self.hash].concat()
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (entry, rest) = bytes.split_first_chunk::<NUMBER>()?;
        let (anchored, hash) = rest.split_first_chunk::<NUMBER>()?;
        let [entry, anchored] = [entry, anchored].map(|number| u64::from_be_bytes(*number));
        Some(Self { entry, hash: hash.try_into().ok()?, anchored })
    }
}

impl Keyring {
    async fn trail_end(&self) -> Result<Option<TrailEnd>, StoreError> {
        let Some(row) = ring_trail::Entity::find_by_id(END).one(&self.db).await? else { return Ok(None) };
        let opened = self.master.wrapping().open(END.as_bytes(), &row.sealed);
        let end = opened.and_then(|bytes| TrailEnd::read(&bytes));
        end.map(Some).ok_or(StoreError::Corrupt { table: "ring_trail", column: "sealed" })
    }

    async fn keep_trail_end(&self, end: TrailEnd) -> Result<(), StoreError> {
        let sealed = self.master.wrapping().seal(self.random.as_ref(), END.as_bytes(), &end.to_bytes());
        let sealed = sealed.ok_or(StoreError::Corrupt { table: "ring_trail", column: "sealed" })?;
        let row = ring_trail::Model { name: END.to_owned(), sealed }.into_active_model();
        let replace =
            OnConflict::column(ring_trail::Column::Name).update_column(ring_trail::Column::Sealed).to_owned();
        ring_trail::Entity::insert(row)
            .on_conflict(replace)
            .exec_without_returning(self.writable().await)
            .await?;
        Ok(())
    }
}

impl Store {
    /// Where the audit trail ended last; `None` before the first entry. It is in `keys.db`, so a copy of that from an
    /// earlier day knows of an earlier end.
    pub async fn trail_end(&self) -> Result<Option<TrailEnd>, StoreError> {
        self.inner.keyring.trail_end().await
    }

    /// Keeps where the audit trail ends; on stable storage when it answers.
    pub async fn keep_trail_end(&self, end: TrailEnd) -> Result<(), StoreError> {
        self.inner.keyring.keep_trail_end(end).await
    }
}

/// The keyring's migration to it.
pub(super) struct Trail;

impl MigrationName for Trail {
    fn name(&self) -> &str {
        "k0004_trail"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Trail {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(table("ring_trail", [text("name"), bytes("sealed")], &["name"])).await
    }
}

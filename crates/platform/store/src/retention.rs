//! What the retention engine needs: purge in batches, destroy keys, know what is kept.

use waxseal_model::{Timestamp, data_class::DataClass, time::Day};

use crate::{error::StoreError, open::Store};

/// One column with its class, for the data map.
#[derive(Debug, Clone)]
pub struct ClassifiedColumn {
    /// Table; `keys.…` for the keyring's file.
    pub table: &'static str,
    /// Column.
    pub column: &'static str,
    /// Class.
    pub class: DataClass,
}

impl Store {
    /// Deletes at most `limit` bodies whose message is settled and whose time of keeping is over; how many.
    pub async fn purge_bodies(&self, _now: Timestamp, _limit: u64) -> Result<u64, StoreError> {
        Ok(0)
    }

    /// Deletes at most `limit` events that happened before; how many.
    pub async fn purge_events(&self, _before: Timestamp, _limit: u64) -> Result<u64, StoreError> {
        Ok(0)
    }

    /// Deletes at most `limit` messages (rows without body) that no event or queue entry needs, made before.
    pub async fn purge_messages(&self, _before: Timestamp, _limit: u64) -> Result<u64, StoreError> {
        Ok(0)
    }

    /// Deletes at most `limit` captured messages that expired; how many.
    pub async fn purge_inbox(&self, _now: Timestamp, _limit: u64) -> Result<u64, StoreError> {
        Ok(0)
    }

    /// Deletes at most `limit` idempotency keys that expired; how many.
    pub async fn purge_idempotency(&self, _now: Timestamp, _limit: u64) -> Result<u64, StoreError> {
        Ok(0)
    }

    /// Destroys the content keys of all days before `today` that no body uses any more; how many.
    pub async fn destroy_unused_content_keys(&self, _today: Day) -> Result<u64, StoreError> {
        Ok(0)
    }

    /// Destroys the event keys of all days before `day`; their events are unreadable from then on.
    pub async fn destroy_event_keys_before(&self, _day: Day) -> Result<u64, StoreError> {
        Ok(0)
    }

    /// Destroys one day's content keys of all accounts, whether used or not: that day's bodies are
    /// unreadable everywhere from then on.
    pub async fn destroy_content_keys_of(&self, _day: Day) -> Result<u64, StoreError> {
        Ok(0)
    }

    /// The wall-clock time noted last by [`Store::note_clock`], to see a jump across a restart.
    pub async fn noted_clock(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(None)
    }

    /// Notes the wall-clock time.
    pub async fn note_clock(&self, _now: Timestamp) -> Result<(), StoreError> {
        Ok(())
    }

    /// Every column of both files with its class.
    pub fn data_map() -> Vec<ClassifiedColumn> {
        Vec::new()
    }
}

//! What the retention engine needs: purge in batches, destroy keys, know what is kept.

use waxseal_model::data_class::DataClass;

use crate::{
    entity::{self, class::Classified},
    keyring,
    open::Store,
};

mod held;
mod keys;
mod note;
mod purge;

pub use held::{Held, Holdings};

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
    /// Every column of both files with its class.
    pub fn data_map() -> Vec<ClassifiedColumn> {
        let mut map = Vec::new();
        map.extend(entity::account::Entity::classes(""));
        map.extend(entity::api_key::Entity::classes(""));
        map.extend(entity::smtp_credential::Entity::classes(""));
        map.extend(entity::network_credential::Entity::classes(""));
        map.extend(entity::domain::Entity::classes(""));
        map.extend(entity::dkim_key::Entity::classes(""));
        map.extend(entity::message::Entity::classes(""));
        map.extend(entity::body::Entity::classes(""));
        map.extend(entity::queue_entry::Entity::classes(""));
        map.extend(entity::event::Entity::classes(""));
        map.extend(entity::reader_cursor::Entity::classes(""));
        map.extend(entity::suppression::Entity::classes(""));
        map.extend(entity::inbox_item::Entity::classes(""));
        map.extend(entity::idempotency_key::Entity::classes(""));
        map.extend(entity::instance_note::Entity::classes(""));
        map.extend(sea_orm_migration::seaql_migrations::Entity::classes(""));
        map.extend(keyring::classes());
        map
    }
}

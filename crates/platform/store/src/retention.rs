//! What the retention engine needs: purge in batches, destroy keys, know what is kept.

use waxseal_model::data_class::DataClass;

use crate::{entity::erase::tables, keyring, open::Store};

mod ahead;
mod held;
mod keys;
mod note;
mod purge;

pub use held::{Held, Holdings};
pub(crate) use note::{advance_note, insert_note, put_note};

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
        let mut map: Vec<ClassifiedColumn> = tables().iter().flat_map(|table| (table.classes)("")).collect();
        map.extend(keyring::classes());
        // Erasing has an order of its own; whoever reads the map looks for a name.
        map.sort_by_key(|column| column.table);
        map
    }
}

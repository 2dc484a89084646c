//! Looking through a backup: row by row as through the database, with the keys of today.

use std::{collections::BTreeMap, path::Path};

use tokio::sync::mpsc;
use waxseal_model::{Access, purpose};

use super::{Look, Place, Searched, rows::Row};
use crate::{
    backup::{BackupError, BackupKey, MAGIC, batches, blocking, frame::Value, read::Opened},
    error::StoreError,
    open::Store,
    retention::ClassifiedColumn,
};

/// Batches that may wait to be looked through.
const WAITING: usize = 4;

impl Store {
    /// Looks for `term` in every value of a backup, as [`Store::search`] does in the database: what is sealed in it is
    /// opened where the ring still has the key. A batch of rows is in memory at a time. What is found counts only if the
    /// file is whole to its end: else it is an error.
    pub async fn search_backup(
        &self,
        path: &Path,
        key: &BackupKey,
        term: &str,
        look: &Look,
        access: &Access<purpose::Operation>,
    ) -> Result<Searched, BackupError> {
        tracing::info!(actor = ?access.actor(), purpose = ?access.purpose(), "looking for a term in a backup");
        let (sender, mut waiting) = mpsc::channel(WAITING);
        let reading = {
            let (path, key) = (path.to_owned(), key.clone());
            tokio::spawn(blocking(move || batches::read(Opened::open(&path, MAGIC, &key)?, &sender)))
        };
        let (map, mut searched) = (Self::data_map(), Searched::default());
        let mut found: BTreeMap<(&str, &str), (&ClassifiedColumn, u64)> = BTreeMap::new();
        while let Some(batch) = waiting.recv().await {
            let columns: Vec<ClassifiedColumn> =
                map.iter().filter(|column| column.table == batch.table.name).cloned().collect();
            for row in batch.rows {
                let names = batch.table.columns.iter().map(|(name, _)| name.as_str());
                let mut values: BTreeMap<&str, Option<Value>> = names.zip(row).collect();
                let mut value = |column: &ClassifiedColumn| values.remove(column.column).flatten().map(bytes);
                let row = Row { columns: &columns, values: columns.iter().map(&mut value).collect() };
                // A column that this version has no more: nobody can tell what is in it.
                searched.unreadable += values.len() as u64;
                for column in &columns {
                    if self.column_holds(&row, column, term, look, &mut searched).await? {
                        let known = map
                            .iter()
                            .find(|known| (known.table, known.column) == (column.table, column.column));
                        if let Some(known) = known {
                            found.entry((known.table, known.column)).or_insert((known, 0)).1 += 1;
                        }
                    }
                }
            }
        }
        reading.await.map_err(|error| StoreError::Unavailable(Box::new(error)))??;
        searched.places = found
            .into_values()
            .map(|(ClassifiedColumn { table, column, class }, rows)| Place {
                table,
                column,
                at_rest: class.at_rest,
                rows,
            })
            .collect();
        Ok(searched)
    }
}

fn bytes(value: Value) -> Vec<u8> {
    match value {
        Value::Int(number) => number.to_string().into_bytes(),
        Value::Long(number) => number.to_string().into_bytes(),
        Value::Flag(yes) => vec![u8::from(yes)],
        Value::Bytes(bytes) => bytes,
        Value::Text(text) => text.into_bytes(),
    }
}

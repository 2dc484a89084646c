//! Where something is kept: looks through every column of both files, opening what is sealed, and tells places and
//! counts. What was opened goes no further than the search.

mod backup;
pub(crate) mod rows;

use std::sync::Arc;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use sea_orm::{ConnectionTrait as _, StreamTrait as _};
use waxseal_model::{
    Access,
    data_class::{AtRest, Category},
    purpose,
};

use self::rows::{Row, select};
use crate::{
    error::StoreError, event_log::header_hash, open::Store, retention::ClassifiedColumn,
    suppression::address_hash,
};

/// Counts what is looked for in a value.
pub type Look = Arc<dyn Fn(&[u8]) -> u64 + Send + Sync>;

/// What was found where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Table; `keys.…` for the keyring's file.
    pub table: &'static str,
    /// Column.
    pub column: &'static str,
    /// How it rests there.
    pub at_rest: AtRest,
    /// How many rows hold it.
    pub rows: u64,
}

/// How a search went.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Searched {
    /// Where it was found, by table and column.
    pub places: Vec<Place>,
    /// Values looked at.
    pub values: u64,
    /// Sealed values opened.
    pub opened: u64,
    /// Sealed values that no key of the ring opens.
    pub unreadable: u64,
    /// Columns that were left out, by table and column: what customers write. Only they open it.
    pub not_searched: Vec<(&'static str, &'static str)>,
}

/// A larger value is looked through beside the other work.
const LARGE: usize = 64 << 10;

impl Store {
    /// Looks for `term` in every column: as `look` finds it in what rests in the clear or opens, by hash where only
    /// a hash is kept. `access` says who has what is sealed opened, and what for.
    pub async fn search(
        &self,
        term: &str,
        look: Look,
        access: &Access<purpose::Operation>,
    ) -> Result<Searched, StoreError> {
        tracing::info!(actor = ?access.actor(), purpose = ?access.purpose(), "looking for places of a term");
        let map = Self::data_map();
        let mut searched = Searched::default();
        for columns in map.chunk_by(|one, next| one.table == next.table) {
            self.search_table(columns, term, &look, &mut searched).await?;
        }
        Ok(searched)
    }

    async fn search_table(
        &self,
        columns: &[ClassifiedColumn],
        term: &str,
        look: &Look,
        searched: &mut Searched,
    ) -> Result<(), StoreError> {
        let Some(table) = columns.first().map(|column| column.table) else { return Ok(()) };
        let (db, name) = self.file_of(table);
        let statement = select(db, name, columns).await?;
        searched
            .not_searched
            .extend(columns.iter().filter(|it| is_written(it)).map(|it| (it.table, it.column)));
        let mut rows = vec![0; columns.len()];
        let mut stream = match table == name {
            true => db.stream_raw(statement).await?.left_stream(),
            // The keyring has one connection, by which keys are read as well.
            false => stream::iter(db.query_all_raw(statement).await?).map(Ok).right_stream(),
        };
        while let Some(row) = stream.try_next().await? {
            let row = Row::read(columns, &row)?;
            for (column, rows) in columns.iter().zip(&mut rows).filter(|(column, _)| !is_written(column)) {
                if self.column_holds(&row, column, term, look, searched).await? {
                    *rows += 1;
                }
            }
        }
        for (column, rows) in columns.iter().zip(rows).filter(|(_, rows)| *rows > 0) {
            let ClassifiedColumn { table, column, class } = column;
            searched.places.push(Place { table, column, at_rest: class.at_rest, rows });
        }
        Ok(())
    }

    /// Whether the column of the row holds the term.
    async fn column_holds(
        &self,
        row: &Row<'_>,
        column: &ClassifiedColumn,
        term: &str,
        look: &Look,
        searched: &mut Searched,
    ) -> Result<bool, StoreError> {
        let Some(value) = row.value(column.column) else { return Ok(false) };
        searched.values += 1;
        match column.class.at_rest {
            AtRest::Clear => Ok(look(value) > 0),
            AtRest::SealedByMaster | AtRest::AsColumns | AtRest::Nowhere => Ok(false),
            AtRest::KeyedHash => Ok(look(value) > 0 || self.is_hash_of(row, column, term, value).await?),
            AtRest::SealedByAccount | AtRest::SealedByDay => {
                let (Some(account), Some(place)) = (row.owner(), row.place()) else {
                    searched.unreadable += 1;
                    return Ok(false);
                };
                let slot = column.slot();
                match self.inner.open(slot, account, &place, value).await {
                    Ok(opened) => {
                        searched.opened += 1;
                        if opened.len() < LARGE {
                            return Ok(look(&opened) > 0);
                        }
                        let look = Arc::clone(look);
                        let found = tokio::task::spawn_blocking(move || look(&opened) > 0).await;
                        found.map_err(|error| StoreError::Unavailable(Box::new(error)))
                    }
                    // A backup that an older version made may have it in the clear.
                    Err(StoreError::Corrupt { .. }) if look(value) > 0 => Ok(true),
                    Err(StoreError::Erased | StoreError::Corrupt { .. }) => {
                        searched.unreadable += 1;
                        Ok(false)
                    }
                    Err(error) => Err(error),
                }
            }
        }
    }

    async fn is_hash_of(
        &self,
        row: &Row<'_>,
        column: &ClassifiedColumn,
        term: &str,
        hash: &[u8],
    ) -> Result<bool, StoreError> {
        let keyring = &self.inner.keyring;
        match column.column {
            "login_hash" => return Ok(keyring.login_hash(&term.to_lowercase()) == hash),
            "destination" => return Ok(keyring.destination_hash(&term.to_lowercase()) == hash),
            "name_hash" => return Ok(keyring.name_hash(term) == hash),
            _ => {}
        }
        let make = match column.column {
            "recipient_hash" | "address_hash" => address_hash,
            "header_hash" => header_hash,
            // Hashes of what a customer's program made up, and of random keys: `look` knows the latter.
            _ => return Ok(false),
        };
        let Some(account) = row.account() else { return Ok(false) };
        match self.inner.keyring.pepper(account).await {
            Ok(pepper) => Ok(make(&pepper, term.trim_matches(['<', '>'])) == hash),
            Err(StoreError::Erased) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Whether customers' own words are in the column: bodies, and the subjects and variables of templates.
fn is_written(column: &ClassifiedColumn) -> bool {
    let content = matches!(column.class.category, Category::PrivateContent);
    let sealed = matches!(column.class.at_rest, AtRest::SealedByAccount | AtRest::SealedByDay);
    sealed && (content || (column.table, column.column) == ("messages", "template"))
}

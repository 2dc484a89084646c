//! Columns whose values are to be sealed or hashed. A migration has no keys: it puts the old column aside under another name,
//! and `upgrade` seals or hashes what is in it once the keys are there.

use sea_orm_migration::{
    prelude::{DbErr, SchemaManager},
    sea_orm::ConnectionTrait,
    sea_query::{ColumnDef, Expr, Query, Table},
};

/// A column that was put aside.
#[derive(Clone, Copy)]
pub(crate) struct Aside {
    /// Its table.
    pub(crate) table: &'static str,
    /// The name that it had.
    pub(crate) was: &'static str,
    /// The name of the new column.
    pub(crate) column: &'static str,
    /// The name that the old one has until its values are sealed.
    pub(crate) aside: &'static str,
    /// What the values become.
    pub(crate) becomes: Becomes,
}

/// What stands in the new column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Becomes {
    /// The value, sealed under its account's key.
    Sealed,
    /// The same, of a value that is bytes.
    SealedBytes,
    /// The same, of the name of a domain, with its hash in `name_hash`.
    SealedName,
    /// The keyed hash of a recipient's domain.
    Destination,
}

impl Aside {
    /// Puts the column aside and makes one of bytes in its place; where there is no row yet it goes at once. No index may
    /// be on it.
    pub(crate) async fn put(self, manager: &SchemaManager<'_>) -> Result<(), DbErr> {
        let Self { table, was, column, aside, .. } = self;
        let some = Query::select().expr(Expr::val(1)).from(table).limit(1).to_owned();
        let alter = || Table::alter().table(table).to_owned();
        if manager.get_connection().query_one(&some).await?.is_some() {
            manager.alter_table(alter().rename_column(was, aside).to_owned()).await?;
        } else {
            manager.alter_table(alter().drop_column(was).to_owned()).await?;
        }
        manager.alter_table(alter().add_column(empty(column)).to_owned()).await
    }
}

/// Bytes that rows have which are there already: none.
pub(crate) fn empty(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).blob().not_null().default(Vec::<u8>::new()).to_owned()
}

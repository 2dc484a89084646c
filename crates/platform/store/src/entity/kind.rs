//! How the values of a table's columns are written into a backup.

use sea_orm::{ColumnTrait, EntityTrait, IdenStatic, Iterable, sea_query::ColumnType};

use crate::backup::frame::Kind;

/// The columns of a table with their kinds. `None` for a column of a kind that no backup knows: a test tells.
pub(crate) fn kinds<E: EntityTrait>() -> Vec<(&'static str, Option<Kind>)> {
    E::Column::iter().map(|column| (column.as_str(), kind(column.def().get_column_type()))).collect()
}

const fn kind(column: &ColumnType) -> Option<Kind> {
    match column {
        ColumnType::Integer => Some(Kind::Int),
        ColumnType::BigInteger => Some(Kind::Long),
        ColumnType::Boolean => Some(Kind::Flag),
        ColumnType::Blob | ColumnType::Binary(_) | ColumnType::VarBinary(_) => Some(Kind::Bytes),
        ColumnType::Text | ColumnType::String(_) | ColumnType::Char(_) => Some(Kind::Text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::entity::erase::tables;

    #[test]
    fn every_column_can_be_written_into_a_backup() {
        for table in tables() {
            for (column, kind) in (table.kinds)() {
                assert!(kind.is_some(), "{}.{column}", table.name);
            }
        }
    }
}

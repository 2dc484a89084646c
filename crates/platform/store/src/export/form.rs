//! How the values of columns are written in an export.

use sea_orm::{ColumnTrait, IdenStatic, sea_query::ColumnType};
use waxseal_model::data_class::AtRest;

use crate::entity::class::Classified;

/// How a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// An id: 26 characters.
    Id,
    /// A time: RFC 3339 in UTC, to the microsecond.
    Time,
    /// A number.
    Number,
    /// `true` or `false`.
    Flag,
    /// A text.
    Text,
    /// Bytes in base64.
    Base64,
    /// JSON, as it rests.
    Json,
    /// A file of its own.
    File,
}

/// Columns that hold JSON.
const JSON: [&str; 5] = ["profile", "details", "template", "envelope", "options"];

/// The form of a column.
pub(crate) fn form<E: Classified>(column: E::Column) -> Form {
    let name = column.as_str();
    let sealed = matches!(E::class(column).at_rest, AtRest::SealedByAccount | AtRest::SealedByDay);
    match column.def().get_column_type() {
        ColumnType::Boolean => Form::Flag,
        ColumnType::BigInteger if is_time(name) => Form::Time,
        ColumnType::BigInteger | ColumnType::Integer => Form::Number,
        _ if JSON.contains(&name) => Form::Json,
        _ if name == "mime" => Form::File,
        _ if name == "public_key" => Form::Base64,
        ColumnType::Blob | ColumnType::Binary(_) | ColumnType::VarBinary(_) if !sealed => Form::Id,
        _ => Form::Text,
    }
}

fn is_time(name: &str) -> bool {
    name == "at" || name == "not_before" || name.ends_with("_at") || name.ends_with("_until")
}

/// What the sealed values of a row are bound to beside account, table and column: the names of these columns, joined.
pub(crate) fn place(table: &str) -> &'static [&'static str] {
    match table {
        "suppressions" => &["domain", "address_hash", "kind"],
        "bodies" | "archive_jobs" => &["message"],
        "idempotency_keys" => &["key_hash"],
        _ => &["id"],
    }
}

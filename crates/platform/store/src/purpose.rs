//! The second guard: what the database itself lets a purpose read.

use sea_orm::{
    ConnectionTrait, DbErr, IdenStatic as _, Iterable as _, QuerySelect as _, RuntimeErr, Select, Statement,
    sea_query::Expr,
};
use waxseal_model::Purpose;

use crate::{
    engine::{patient::Patient, restrict},
    entity::class::Classified,
    error::StoreError,
    open::Store,
    retention::ClassifiedColumn,
};

/// SQLSTATE of PostgreSQL: insufficient privilege.
const NOT_ALLOWED: &str = "42501";

impl Store {
    /// Whether connections of each purpose are held to its columns by the database. Not so on PostgreSQL if the store's
    /// user may not make roles.
    pub fn purposes_are_held(&self) -> bool {
        self.inner.purposes.are_held()
    }

    /// Whether the inventory lets a purpose read a column.
    pub fn is_declared_for(column: &ClassifiedColumn, purpose: Purpose) -> bool {
        restrict::may_read(&column.class, purpose)
    }

    /// Asks the database whether a connection of this purpose can read a column.
    pub async fn can_read(&self, purpose: Purpose, table: &str, column: &str) -> Result<bool, StoreError> {
        let db = self.read_for(purpose);
        let sql = format!("SELECT \"{table}\".\"{column}\" FROM \"{table}\" LIMIT 1");
        match db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await {
            Ok(_) => Ok(true),
            Err(error) if is_refusal(&error) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Connections that read for a purpose.
    pub(crate) fn read_for(&self, purpose: Purpose) -> &Patient {
        self.inner.purposes.of(purpose)
    }
}

/// Whole rows as a purpose may read them: what is not for it is empty.
pub(crate) fn rows_for<E: Classified>(purpose: Purpose) -> Select<E> {
    E::Column::iter().fold(E::find().select_only(), |rows, column| {
        if restrict::may_read(&E::class(column), purpose) {
            rows.column(column)
        } else {
            rows.expr_as(Expr::value(Vec::<u8>::new()), column.as_str())
        }
    })
}

fn is_refusal(error: &DbErr) -> bool {
    let (DbErr::Query(RuntimeErr::SqlxError(error)) | DbErr::Exec(RuntimeErr::SqlxError(error))) = error
    else {
        return false;
    };
    let Some(error) = error.as_database_error() else { return false };
    error.code().is_some_and(|code| code == NOT_ALLOWED) || error.message().starts_with("no such column")
}

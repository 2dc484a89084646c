//! An export is read page by page: no transaction is held open, and memory does not grow with the account.

use sea_orm::{
    ColumnTrait, Condition, IdenStatic as _, Iterable, ModelTrait, Order, PrimaryKeyToColumn, QueryFilter,
    QueryOrder, QuerySelect, Value,
    sea_query::{Expr, ExprTrait as _},
};
use waxseal_model::{MessageId, Purpose, Sealed, category};

use super::{
    scope::{Rows, Scope},
    with_entity,
};
use crate::{content::Content, entity::class::Classified, error::StoreError, open::Store, purpose::rows_for};

/// Where the next page begins.
pub struct Cursor(At);

enum At {
    /// Behind the row with this primary key.
    Key(Vec<Value>),
    /// At this place of a list.
    Place(usize),
}

/// Some rows of a table.
pub struct Page {
    /// The rows.
    pub rows: Vec<ExportedRow>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<Cursor>,
}

/// A row.
pub struct ExportedRow {
    /// A line of JSON with its end. All that the row tells is in it: it opens to who may see content.
    pub line: Sealed<Vec<u8>, category::PrivateContent>,
    /// The MIME of a message.
    pub content: Option<(MessageId, Content)>,
}

/// Rows of a page.
const ROWS: u64 = 500;
/// Messages of a list whose rows make a page.
const MESSAGES: usize = 20;

impl Store {
    /// The rows of a table that are about somebody, page by page. Rows whose key was destroyed are passed over.
    pub async fn export_page(
        &self,
        scope: &Scope,
        table: &str,
        cursor: Option<Cursor>,
    ) -> Result<Page, StoreError> {
        with_entity!(table, E => self.page_of::<E>(scope, cursor).await)
    }

    async fn page_of<E: Classified>(&self, scope: &Scope, cursor: Option<Cursor>) -> Result<Page, StoreError>
    where
        E::Model: Sync,
    {
        let at = cursor.map(|cursor| cursor.0);
        let (found, next) = match (scope.rows::<E>(), at) {
            (None, _) => (Vec::new(), None),
            (Some(Rows::Where(fitting)), at) => self.behind::<E>(fitting, at).await?,
            (Some(Rows::Among(column, list, fitting)), at) => {
                let from = if let Some(At::Place(place)) = at { place } else { 0 };
                // Content is held in memory whole: one at a time.
                let some = if E::default().table_name() == "bodies" { 1 } else { MESSAGES };
                let chunk: Vec<Vec<u8>> = list.iter().skip(from).take(some).cloned().collect();
                let rows = rows_for::<E>(Purpose::Export).filter(fitting).filter(column.is_in(chunk));
                let next = (from + some < list.len()).then_some(At::Place(from + some));
                (rows.all(self.read_for(Purpose::Export)).await?, next)
            }
        };
        let mut rows = Vec::with_capacity(found.len());
        for row in found {
            rows.extend(self.exported::<E>(scope, &row).await?);
        }
        Ok(Page { rows, next: next.map(Cursor) })
    }

    /// Rows behind a place in the order of their primary key.
    async fn behind<E: Classified>(
        &self,
        fitting: Condition,
        at: Option<At>,
    ) -> Result<(Vec<E::Model>, Option<At>), StoreError>
    where
        E::Model: Sync,
    {
        let key = key_of::<E>();
        let limit = if E::default().table_name() == "bodies" { 1 } else { ROWS };
        let mut select = rows_for::<E>(Purpose::Export).filter(fitting).limit(limit);
        if let Some(At::Key(values)) = at {
            // Compared as a whole, which an index can answer.
            let columns = Expr::tuple(key.iter().map(|column| Expr::col(*column)));
            select = select.filter(columns.gt(Expr::tuple(values.into_iter().map(Expr::value))));
        }
        for column in &key {
            select = select.order_by(*column, Order::Asc);
        }
        let rows = select.all(self.read_for(Purpose::Export)).await?;
        let full = rows.len() as u64 == limit;
        let last = rows.last().filter(|_| full);
        let next = last.map(|row| At::Key(key.iter().map(|column| row.get(*column)).collect()));
        Ok((rows, next))
    }
}

/// The columns that tell one row of an account from the next, in the order of an index that begins with the account.
fn key_of<E: Classified>() -> Vec<E::Column> {
    let named = |name: &str| E::Column::iter().find(|column| column.as_str() == name);
    if E::default().table_name() == "events" {
        return ["domain", "at", "seq"].iter().filter_map(|name| named(name)).collect();
    }
    let key = E::PrimaryKey::iter().map(PrimaryKeyToColumn::into_column);
    key.filter(|column: &E::Column| column.as_str() != "account").collect()
}

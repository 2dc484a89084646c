//! Writing many rows with few statements of few shapes, whose texts are made once.
//!
//! SQLite gets the statements of several tables as one: it works on a thread of its own, and the way there and back costs
//! more than a small statement does.

use std::{
    any::TypeId,
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use sea_orm::{
    ActiveModelTrait, ActiveValue, ConnectionTrait, DbBackend, DbErr, EntityTrait, Iterable, Statement,
    StatementBuilder, Value,
    sea_query::{Expr, Query},
};

/// Rows in one statement: few sizes, so that few statements need preparing.
const CHUNKS: [usize; 8] = [128, 64, 32, 16, 8, 4, 2, 1];

/// Statements that were written before, by table, engine, columns and rows.
static TEXTS: LazyLock<Mutex<HashMap<Shape, Arc<str>>>> = LazyLock::new(Mutex::default);

/// What the text of a statement depends on.
#[derive(PartialEq, Eq, Hash)]
struct Shape {
    table: TypeId,
    is_sqlite: bool,
    /// Columns that the engine fills itself, by their places.
    left_out: Vec<usize>,
    rows: usize,
}

/// Rows of one table that are still to be written.
pub(crate) trait Rows: Send {
    /// How many.
    fn left(&self) -> usize;

    /// The statement that inserts the next `count` rows; their values go behind `values`.
    fn next(&mut self, count: usize, backend: DbBackend, values: &mut Vec<Value>) -> Result<Arc<str>, DbErr>;
}

impl<A: ActiveModelTrait + Send> Rows for std::vec::IntoIter<A> {
    fn left(&self) -> usize {
        self.len()
    }

    fn next(&mut self, count: usize, backend: DbBackend, values: &mut Vec<Value>) -> Result<Arc<str>, DbErr> {
        let mut shape: Option<Vec<usize>> = None;
        for mut row in self.by_ref().take(count) {
            let mut left_out = Vec::new();
            for (place, column) in <A::Entity as EntityTrait>::Column::iter().enumerate() {
                match row.take(column) {
                    ActiveValue::Set(value) | ActiveValue::Unchanged(value) => values.push(value),
                    ActiveValue::NotSet => left_out.push(place),
                }
            }
            if *shape.get_or_insert_with(|| left_out.clone()) != left_out {
                return Err(DbErr::Custom("rows of one table leave out different columns".into()));
            }
        }
        let left_out = shape.unwrap_or_default();
        text::<A::Entity>(left_out, count, backend)
    }
}

/// The statement that inserts so many rows.
fn text<E: EntityTrait>(left_out: Vec<usize>, rows: usize, backend: DbBackend) -> Result<Arc<str>, DbErr> {
    let shape = Shape { table: TypeId::of::<E>(), is_sqlite: backend == DbBackend::Sqlite, left_out, rows };
    let mut texts = TEXTS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(text) = texts.get(&shape) {
        return Ok(Arc::clone(text));
    }
    let columns: Vec<E::Column> = E::Column::iter()
        .enumerate()
        .filter_map(|(place, column)| (!shape.left_out.contains(&place)).then_some(column))
        .collect();
    let mut insert = Query::insert();
    insert.into_table(E::default().table_ref()).columns(columns.iter().copied());
    for _ in 0..rows {
        let row = columns.iter().map(|_| Expr::value(0));
        insert.values(row).map_err(|error| DbErr::Custom(error.to_string()))?;
    }
    let text: Arc<str> = backend.build(&insert).sql.into();
    texts.insert(shape, Arc::clone(&text));
    Ok(text)
}

/// Inserts rows of one table.
pub(crate) async fn insert_all<A, C>(db: &C, rows: Vec<A>) -> Result<(), DbErr>
where
    A: ActiveModelTrait + Send,
    C: ConnectionTrait,
{
    insert_together(db, &mut [&mut rows.into_iter()]).await
}

/// Inserts rows of several tables, none of which refers to another.
pub(crate) async fn insert_together<C>(db: &C, tables: &mut [&mut dyn Rows]) -> Result<(), DbErr>
where
    C: ConnectionTrait,
{
    let backend = db.get_database_backend();
    while let Some(most) = tables.iter().map(|rows| rows.left()).max().filter(|most| *most > 0) {
        let count = CHUNKS.into_iter().find(|count| *count <= most).unwrap_or(1);
        let (mut together, mut values) = (String::new(), Vec::new());
        for rows in tables.iter_mut().filter(|rows| rows.left() >= count) {
            let text = rows.next(count, backend, &mut values)?;
            if backend == DbBackend::Sqlite {
                together.push_str(&text);
                together.push(';');
            } else {
                run(db, &text, std::mem::take(&mut values)).await?;
            }
        }
        if !together.is_empty() {
            run(db, &together, values).await?;
        }
    }
    Ok(())
}

/// Runs a statement once for each of these values, in their order; those that stand in it say only where they go.
pub(crate) async fn run_each<C: ConnectionTrait>(
    db: &C,
    statement: &impl StatementBuilder,
    each: Vec<Vec<Value>>,
) -> Result<(), DbErr> {
    let backend = db.get_database_backend();
    let text = backend.build(statement).sql;
    let mut each = each.into_iter();
    while each.len() > 0 {
        let most = if backend == DbBackend::Sqlite { each.len() } else { 1 };
        let count = CHUNKS.into_iter().find(|count| *count <= most).unwrap_or(1);
        let values = each.by_ref().take(count).flatten().collect();
        run(db, &vec![text.as_str(); count].join(";"), values).await?;
    }
    Ok(())
}

async fn run<C: ConnectionTrait>(db: &C, text: &str, values: Vec<Value>) -> Result<(), DbErr> {
    db.execute_raw(Statement::from_sql_and_values(db.get_database_backend(), text, values)).await?;
    Ok(())
}

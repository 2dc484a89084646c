//! What an older version kept in the clear is sealed, or hashed, when the store is opened, before anybody comes in.
//!
//! Migrations put such columns aside ([`Aside`]). Each row's value is sealed into the new column and overwritten in the old
//! one, some rows at a time; when none is left the files are written anew, and then the old columns go. Whatever ends the
//! process, the next start goes on: as long as the old column is there, not all of that was done.

use sea_orm::{
    ConnectionTrait as _, Value,
    sea_query::{Expr, ExprTrait as _, Query, Table},
};
use sea_orm_migration::SchemaManager;
use waxseal_model::AccountId;
use zeroize::Zeroizing;

use crate::{
    error::StoreError,
    migration::{
        DESTINATION, NAME, NETWORK, PUBLIC_KEY, SELECTOR,
        aside::{Aside, Becomes},
    },
    open::Store,
    rows::RowId,
    seal::unreadable,
    vault::Slot,
    writer::Effects,
};

/// Columns that may stand aside.
const COLUMNS: [Aside; 5] = [NETWORK, NAME, SELECTOR, PUBLIC_KEY, DESTINATION];
/// Rows sealed by one transaction.
const BATCH: u64 = 500;

/// A row whose value is to be sealed.
struct Old {
    id: Vec<u8>,
    account: AccountId,
    value: Zeroizing<Vec<u8>>,
}

impl Store {
    /// Seals what stands aside; with nothing there it costs a look at the schema.
    pub(crate) async fn seal_what_stood_in_the_clear(&self) -> Result<(), StoreError> {
        let mut found = Vec::new();
        for column in COLUMNS {
            if SchemaManager::new(&*self.inner.readers).has_column(column.table, column.aside).await? {
                found.push(column);
            }
        }
        if found.is_empty() {
            return Ok(());
        }
        let mut rows = 0;
        for column in &found {
            loop {
                let old = self.still_clear(*column).await?;
                if old.is_empty() {
                    break;
                }
                rows += old.len();
                self.seal_rows(*column, old).await?;
            }
        }
        // Before the old columns go: whoever finds them knows that the files still hold what stood in them.
        self.compact().await?;
        self.drop_columns(found).await?;
        tracing::info!(rows, "what an older version kept in the clear is sealed");
        Ok(())
    }

    /// Some rows whose value stands aside.
    async fn still_clear(&self, column: Aside) -> Result<Vec<Old>, StoreError> {
        let Aside { table, aside, .. } = column;
        let of_bytes = column.becomes == Becomes::SealedBytes;
        let select = Query::select()
            .columns(["id", "account", aside])
            .from(table)
            .and_where(Expr::col(aside).ne(nothing(column)))
            .limit(BATCH)
            .to_owned();
        let rows = self.inner.readers.query_all(&select).await?;
        rows.iter()
            .map(|row| {
                let account: Vec<u8> = row.try_get_by_index(1)?;
                let value = match of_bytes {
                    true => row.try_get_by_index(2)?,
                    false => row.try_get_by_index::<String>(2)?.into_bytes(),
                };
                Ok(Old {
                    id: row.try_get_by_index(0)?,
                    account: AccountId::from_row(&account, table, "account")?,
                    value: Zeroizing::new(value),
                })
            })
            .collect()
    }

    /// Seals the values of rows into their column and overwrites them where they stood.
    async fn seal_rows(&self, old: Aside, rows: Vec<Old>) -> Result<(), StoreError> {
        let Aside { table, column, aside, becomes, .. } = old;
        let slot = Slot::new(table, column);
        let mut updates = Vec::with_capacity(rows.len());
        for Old { id, account, value } in rows {
            let text = || String::from_utf8_lossy(&value);
            let sealed = match becomes {
                Becomes::Destination => Some(self.inner.keyring.destination_hash(&text())),
                Becomes::Sealed | Becomes::SealedBytes | Becomes::SealedName => {
                    self.sealed_or_unreadable(slot, account, &id, &value).await?
                }
            };
            let mut update = Query::update();
            update.table(table).value(aside, nothing(old));
            // What nobody can read keeps nobody from having its name.
            if let (Becomes::SealedName, Some(_)) = (becomes, &sealed) {
                update.value("name_hash", self.inner.keyring.name_hash(&text()));
            }
            update.value(column, sealed.unwrap_or_else(unreadable)).and_where(Expr::col("id").eq(id));
            updates.push(update);
        }
        self.inner
            .writer
            .write(Effects::default(), move |tx| {
                Box::pin(async move {
                    for update in updates {
                        tx.execute(&update).await?;
                    }
                    Ok(())
                })
            })
            .await
    }

    /// `None` where its keys are destroyed: the rest of it is going.
    async fn sealed_or_unreadable(
        &self,
        slot: Slot,
        account: AccountId,
        row: &[u8],
        value: &[u8],
    ) -> Result<Option<Vec<u8>>, StoreError> {
        match self.inner.keyring.account_key(account).await {
            Ok(key) => self.inner.seal(&key, slot, account, row, value).map(Some),
            Err(StoreError::Erased) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn drop_columns(&self, columns: Vec<Aside>) -> Result<(), StoreError> {
        self.inner
            .writer
            .write(Effects::default(), move |tx| {
                Box::pin(async move {
                    for Aside { table, aside, .. } in columns {
                        let alter = Table::alter().table(table).drop_column(aside).to_owned();
                        tx.execute(&alter).await?;
                    }
                    Ok(())
                })
            })
            .await
    }
}

/// What stands in the old column of a row that is done.
fn nothing(column: Aside) -> Value {
    match column.becomes {
        Becomes::SealedBytes => Value::from(Vec::<u8>::new()),
        Becomes::Sealed | Becomes::SealedName | Becomes::Destination => Value::from(""),
    }
}

//! Requests whose time is over: the key first, then the row. Keys that no request needs, and rows without a key, go too.

use std::collections::{BTreeSet, HashSet};

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use waxseal_model::{AccountId, Timestamp};

use crate::{
    entity::privacy_request,
    error::StoreError,
    keyring::{KeyClass, KeyName},
    open::Store,
    rows::{RowId, signed, time},
    writer::Effects,
};

/// A row without what is sealed in it.
struct Stub {
    number: i64,
    key: KeyName,
    closed_at: Option<i64>,
}

impl Store {
    /// Destroys the keys of requests that ended before, and deletes them; at most `limit`. How many rows went.
    ///
    /// A row whose key is gone comes from a database that was put back: it goes as well. One that somebody reads at
    /// this moment stays until the next time.
    pub async fn purge_requests(&self, before: Timestamp, limit: u64) -> Result<u64, StoreError> {
        let first = self.request_stubs().await?;
        let names = self.inner.keyring.of_class(KeyClass::Request).await?;
        let known: HashSet<KeyName> = names.iter().copied().collect();
        let free = self.inner.keyring.unheld(&names).await;
        // Read again, now that nobody takes a key up.
        let rows = self.request_stubs().await?;
        let over = |row: &&Stub| row.closed_at.is_some_and(|at| at < before.as_micros());
        let most = usize::try_from(limit).unwrap_or(usize::MAX);
        let past: Vec<&Stub> = rows.iter().filter(over).take(most).collect();
        let going: BTreeSet<i64> = past.iter().map(|row| row.number).collect();
        let needed: HashSet<KeyName> =
            rows.iter().filter(|row| !going.contains(&row.number)).map(|row| row.key).collect();
        let unused: Vec<KeyName> =
            free.names().iter().copied().filter(|name| !needed.contains(name)).collect();
        let free_names: HashSet<KeyName> = free.names().iter().copied().collect();
        free.destroy(&unused).await?;
        let mut numbers: Vec<i64> = past
            .iter()
            .filter(|row| free_names.contains(&row.key) || needed.contains(&row.key))
            .map(|row| row.number)
            .collect();
        // A key is there before its row: what had none when the keys were listed has lost it.
        numbers.extend(first.iter().filter(|row| !known.contains(&row.key)).take(most).map(|row| row.number));
        self.delete_requests(numbers).await
    }

    /// Takes a request back that was just written down.
    pub async fn forget_request(&self, number: u64) -> Result<(), StoreError> {
        self.delete_requests(vec![signed(number)]).await.map(drop)
    }

    async fn delete_requests(&self, numbers: Vec<i64>) -> Result<u64, StoreError> {
        if numbers.is_empty() {
            return Ok(0);
        }
        self.inner
            .writer
            .write(Effects::default(), move |tx| {
                Box::pin(async move {
                    let deleted = privacy_request::Entity::delete_many()
                        .filter(privacy_request::Column::Number.is_in(numbers))
                        .exec(tx)
                        .await?;
                    Ok(deleted.rows_affected)
                })
            })
            .await
    }

    async fn request_stubs(&self) -> Result<Vec<Stub>, StoreError> {
        use privacy_request::Column;
        /// Number, id, account, received at, closed at.
        type Row = (i64, Vec<u8>, Vec<u8>, i64, Option<i64>);
        let rows: Vec<Row> = privacy_request::Entity::find()
            .select_only()
            .columns([Column::Number, Column::Id, Column::Account, Column::ReceivedAt, Column::ClosedAt])
            .order_by_asc(Column::Number)
            .into_tuple()
            .all(&self.inner.readers)
            .await?;
        rows.into_iter()
            .map(|(number, id, account, received_at, closed_at)| {
                let account = AccountId::from_row(&account, "privacy_requests", "account")?;
                let id = AccountId::from_row(&id, "privacy_requests", "id")?;
                let owner = if account == super::NOBODY { id } else { account };
                let key = KeyName { class: KeyClass::Request, account: owner, day: time(received_at).day() };
                Ok(Stub { number, key, closed_at })
            })
            .collect()
    }
}

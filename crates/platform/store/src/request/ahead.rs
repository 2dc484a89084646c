//! Requests that were written down or answered while the clock was ahead. A request's key bears the day on which it
//! came, so that one that is dated anew is sealed anew.

use sea_orm::{
    ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait},
};
use waxseal_model::{AccountId, RequestId, Timestamp};

use super::{DETAILS, NOBODY, RequestDetails, owner};
use crate::{
    entity::privacy_request,
    error::StoreError,
    open::Store,
    rows::{RowId, time},
    writer::Effects,
};

/// How many are dated anew between two looks.
const BATCH: u64 = 100;

impl Store {
    /// Dates anew what came, or was answered, after `limit`: as of now. How many.
    pub(crate) async fn redate_requests(&self, now: Timestamp, limit: Timestamp) -> Result<u64, StoreError> {
        use privacy_request::Column::{ClosedAt, Number, ReceivedAt};
        let limit = limit.as_micros();
        let ahead = Condition::any().add(ReceivedAt.gt(limit)).add(ClosedAt.gt(limit));
        let (mut redated, mut after) = (0, 0);
        loop {
            let rows = privacy_request::Entity::find()
                .filter(ahead.clone())
                .filter(Number.gt(after))
                .order_by_asc(Number)
                .limit(BATCH)
                .all(&self.inner.readers)
                .await?;
            let Some(last) = rows.last() else { return Ok(redated) };
            after = last.number;
            for row in rows {
                redated += u64::from(self.redate_request(row, now, limit).await?);
            }
        }
    }

    /// Whether it was; one whose key is gone goes with the next purge, and one that somebody changes meanwhile is
    /// dated anew the next time.
    async fn redate_request(
        &self,
        row: privacy_request::Model,
        now: Timestamp,
        limit: i64,
    ) -> Result<bool, StoreError> {
        use privacy_request::Column::{ClosedAt, Details, DueAt, Number, ReceivedAt};
        let now_at = now.as_micros();
        let account = AccountId::from_row(&row.account, "privacy_requests", "account")?;
        let id = RequestId::from_row(&row.id, "privacy_requests", "id")?;
        let details: RequestDetails =
            match self.inner.open_json(DETAILS, account, &row.id, &row.details).await {
                Ok(details) => details,
                Err(StoreError::Erased) => return Ok(false),
                Err(error) => return Err(error),
            };
        let by = if row.received_at > limit { row.received_at - now_at } else { 0 };
        let received = time(row.received_at - by);
        let owner = owner((account != NOBODY).then_some(account), id);
        let key = self.inner.keyring.request_key(owner, received.day()).await?;
        let details = details.dated_back(by, now_at);
        let details = self.inner.seal_json(&key, DETAILS, account, &row.id, &details)?;
        let closed = row.closed_at.map(|at| Ord::min(at, now_at));
        let redated = self
            .inner
            .writer
            .write(Effects::default(), move |tx| {
                Box::pin(async move {
                    let redated = privacy_request::Entity::update_many()
                        .col_expr(ReceivedAt, Expr::value(received.as_micros()))
                        .col_expr(DueAt, Expr::col(DueAt).sub(by))
                        .col_expr(ClosedAt, Expr::value(closed))
                        .col_expr(Details, Expr::value(details))
                        .filter(Number.eq(row.number))
                        .filter(Details.eq(row.details))
                        .exec(tx)
                        .await?;
                    Ok(redated.rows_affected > 0)
                })
            })
            .await;
        drop(key);
        redated
    }
}

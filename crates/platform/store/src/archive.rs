//! Archive jobs (`o:archive-to`): a copy of what was delivered, for the customer's own archive.
//!
//! A job is made with its message and is idle until the message's first delivery, which is committed together with
//! the job's release. From then on it counts as one more that the message waits for, so that the content stays as
//! long as it is needed and no longer. Where nobody gets the message the job goes with the last recipient.

use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait},
};
use tokio::sync::watch;
use waxseal_model::{AccountId, MessageId, Purpose, Sealed, Timestamp, category};

use crate::{
    entity::{
        archive_job::{self, Column},
        message,
    },
    error::StoreError,
    open::Store,
    queue::{Ended, count_down, not_of},
    rows::{RowId, time},
    vault::Slot,
    writer::{Effects, Tx},
};

pub(crate) const URL: Slot = Slot::new("archive_jobs", "url");

/// A copy to be handed over.
pub struct ArchiveJob {
    /// Account.
    pub account: AccountId,
    /// The message whose copy it is.
    pub message: MessageId,
    /// Where to.
    pub url: Sealed<String, category::Url>,
    /// Attempts made before this one.
    pub attempts: u32,
    /// When the first recipient got the message.
    pub released_at: Timestamp,
}

impl Store {
    /// Changes whenever copies became due: wakes who hands them over.
    pub fn archive_changes(&self) -> watch::Receiver<u64> {
        self.inner.archive_changes.subscribe()
    }

    /// The copies that are due longest, at most `limit`, of other accounts than these. Those whose URL nobody can
    /// read any more end here.
    pub async fn due_archives(
        &self,
        now: Timestamp,
        limit: u64,
        passing_over: &[AccountId],
    ) -> Result<Vec<ArchiveJob>, StoreError> {
        let mut accounts = self.inner.closed.rows();
        accounts.extend(passing_over.iter().map(|account| account.to_row()));
        let rows = archive_job::Entity::find()
            .filter(Column::ReadyAt.lte(now.as_micros()))
            .filter(not_of(Column::Account, accounts))
            .order_by_asc(Column::ReadyAt)
            .limit(limit)
            .all(self.read_for(Purpose::Delivery))
            .await?;
        let mut jobs = Vec::with_capacity(rows.len());
        for row in rows {
            let account = AccountId::from_row(&row.account, "archive_jobs", "account")?;
            let message = MessageId::from_row(&row.message, "archive_jobs", "message")?;
            match self.inner.open_text(URL, account, &row.message, &row.url).await {
                Ok(url) => jobs.push(ArchiveJob {
                    account,
                    message,
                    url: Sealed::new(url),
                    attempts: u32::try_from(row.attempts).unwrap_or(0),
                    released_at: row.released_at.map_or(now, time),
                }),
                Err(StoreError::Erased | StoreError::Corrupt { .. }) => {
                    tracing::error!(mail = %message, "the URL of an archive cannot be read: given up");
                    self.end_archive(account, message).await?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(jobs)
    }

    /// When the next copy becomes due after `now`.
    pub async fn next_archive(&self, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let next: Option<Option<i64>> = archive_job::Entity::find()
            .select_only()
            .column_as(Column::ReadyAt.min(), "next")
            .filter(Column::ReadyAt.gt(now.as_micros()))
            .filter(not_of(Column::Account, self.inner.closed.rows()))
            .into_tuple()
            .one(self.read_for(Purpose::Delivery))
            .await?;
        Ok(next.flatten().map(time))
    }

    /// Puts a copy off after an attempt, or without one; nothing if it is gone meanwhile.
    pub async fn defer_archive(
        &self,
        account: AccountId,
        message: MessageId,
        until: Timestamp,
        attempted: bool,
    ) -> Result<(), StoreError> {
        self.inner
            .writer
            .write(Effects::default(), move |tx| {
                Box::pin(async move {
                    archive_job::Entity::update_many()
                        .col_expr(Column::ReadyAt, Expr::value(until.as_micros()))
                        .col_expr(Column::Attempts, Expr::col(Column::Attempts).add(i32::from(attempted)))
                        .filter(of(account.to_row(), message.to_row()))
                        .exec(tx)
                        .await?;
                    Ok(())
                })
            })
            .await
    }

    /// Ends a copy, handed over or given up: the message waits for it no longer.
    pub async fn end_archive(&self, account: AccountId, message: MessageId) -> Result<(), StoreError> {
        let now = self.inner.clock.now();
        self.inner
            .writer
            .write(Effects::default(), move |tx| {
                Box::pin(async move {
                    drop_job(tx, account.to_row(), message.to_row(), now).await?;
                    Ok(())
                })
            })
            .await
    }
}

/// What the end of a recipient, the last of its message if it is `over`, means for the message's job; whether the message
/// waits for the job now.
pub(crate) async fn after_recipient(
    tx: &Tx,
    (account, message): (Vec<u8>, Vec<u8>),
    over: bool,
    delivered: bool,
    now: Timestamp,
) -> Result<bool, StoreError> {
    if !delivered && !over {
        return Ok(false);
    }
    let job = of(account.clone(), message.clone());
    if delivered {
        archive_job::Entity::update_many()
            .col_expr(Column::ReleasedAt, Expr::value(now.as_micros()))
            .col_expr(Column::ReadyAt, Expr::value(now.as_micros()))
            .filter(job)
            .exec(tx)
            .await?;
    } else {
        archive_job::Entity::delete_many().filter(job).exec(tx).await?;
    }
    let mut changed = message::Entity::update_many()
        .col_expr(message::Column::Archive, Expr::value(false))
        .filter(message::Column::Account.eq(account))
        .filter(message::Column::Id.eq(message));
    if delivered {
        changed = changed
            .col_expr(message::Column::Pending, Expr::col(message::Column::Pending).add(1))
            // The content gets its term once more, when the copy is handed over.
            .col_expr(message::Column::BodyExpiresAt, Expr::value(Option::<i64>::None));
    }
    changed.exec(tx).await?;
    Ok(delivered)
}

/// Drops the job of a message, whether it was due or not; whether there was one.
pub(crate) async fn drop_job(
    tx: &Tx,
    account: Vec<u8>,
    message: Vec<u8>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let Some(job) = archive_job::Entity::find_by_id((account.clone(), message.clone())).one(tx).await? else {
        return Ok(false);
    };
    archive_job::Entity::delete_many().filter(of(account.clone(), message.clone())).exec(tx).await?;
    if job.ready_at.is_some() {
        count_down(tx, [((account, message), Ended::silent())].into(), now).await?;
    } else {
        message::Entity::update_many()
            .col_expr(message::Column::Archive, Expr::value(false))
            .filter(message::Column::Account.eq(account))
            .filter(message::Column::Id.eq(message))
            .exec(tx)
            .await?;
    }
    Ok(true)
}

/// The job of a message.
fn of(account: Vec<u8>, message: Vec<u8>) -> Expr {
    Column::Account.eq(account).and(Column::Message.eq(message))
}

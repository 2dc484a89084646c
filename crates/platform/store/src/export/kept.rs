//! Exports that are kept until they are fetched, deleted or over: what is noted of them.

use sea_orm::{
    ColumnTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::Expr,
};
use waxseal_model::{AccountId, ExportId, Timestamp};

use crate::{
    entity::export::{self, Column, Entity},
    erasure::add_count,
    error::StoreError,
    open::Store,
    rows::{RowId, count, insert_all, signed, time},
    writer::{Effects, Tx},
};

/// How far an export is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportState {
    /// It is being made.
    Making,
    /// It can be had.
    Ready,
    /// It could not be made, or the process ended meanwhile.
    Failed,
}

impl ExportState {
    const ALL: [Self; 3] = [Self::Making, Self::Ready, Self::Failed];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Making => "making",
            Self::Ready => "ready",
            Self::Failed => "failed",
        }
    }
}

/// An export that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptExport {
    /// Id; also the file's name.
    pub id: ExportId,
    /// Account.
    pub account: AccountId,
    /// `account`, `recipient` or `login`.
    pub kind: String,
    /// How far it is.
    pub state: ExportState,
    /// When it was asked for.
    pub asked_at: Timestamp,
    /// When it is deleted.
    pub expires_at: Timestamp,
    /// Bytes of the file.
    pub bytes: u64,
    /// Rows in it.
    pub rows: u64,
    /// Messages with their content in it.
    pub messages: u64,
}

impl Store {
    /// Notes an export, unless the account has `most` already; whether it did.
    pub async fn add_export(&self, new: KeptExport, most: u64) -> Result<bool, StoreError> {
        self.refuse_closed(new.account)?;
        let row = export::Model {
            account: new.account.to_row(),
            id: new.id.to_row(),
            kind: new.kind,
            state: new.state.as_str().to_owned(),
            asked_at: new.asked_at.as_micros(),
            expires_at: new.expires_at.as_micros(),
            bytes: signed(new.bytes),
            rows: signed(new.rows),
            messages: signed(new.messages),
        };
        let account = row.account.clone();
        let rows = vec![row.into_active_model()];
        self.inner
            .writer
            .write(Effects::default(), move |tx| {
                Box::pin(async move {
                    if Entity::find().filter(Column::Account.eq(account)).count(tx).await? >= most {
                        return Ok(false);
                    }
                    insert_all(tx, rows).await?;
                    Ok(true)
                })
            })
            .await
    }

    /// Notes how an export ended; if it is not wanted any more, its file goes.
    pub async fn end_export(&self, ended: KeptExport) -> Result<(), StoreError> {
        let id = ended.id;
        let wanted = self
            .inner
            .writer
            .write(Effects::default(), move |tx| {
                Box::pin(async move {
                    let changed = Entity::update_many()
                        .col_expr(Column::State, Expr::value(ended.state.as_str()))
                        .col_expr(Column::Bytes, Expr::value(signed(ended.bytes)))
                        .col_expr(Column::Rows, Expr::value(signed(ended.rows)))
                        .col_expr(Column::Messages, Expr::value(signed(ended.messages)))
                        .filter(Column::Account.eq(ended.account.to_row()))
                        .filter(Column::Id.eq(ended.id.to_row()))
                        .exec(tx)
                        .await?;
                    Ok(changed.rows_affected > 0)
                })
            })
            .await?;
        if wanted { Ok(()) } else { self.remove_export_files(vec![id]).await }
    }

    /// The account's exports, newest first.
    pub async fn exports(&self, account: AccountId) -> Result<Vec<KeptExport>, StoreError> {
        let rows = Entity::find()
            .filter(Column::Account.eq(account.to_row()))
            .order_by_desc(Column::Id)
            .all(&self.inner.readers)
            .await?;
        rows.into_iter().map(kept).collect()
    }

    /// The account's export with this id.
    pub async fn export(&self, account: AccountId, id: ExportId) -> Result<Option<KeptExport>, StoreError> {
        let row = Entity::find_by_id((account.to_row(), id.to_row())).one(&self.inner.readers).await?;
        row.map(kept).transpose()
    }

    /// Deletes an export with its file; whether there was one.
    pub async fn delete_export(&self, account: AccountId, id: ExportId) -> Result<bool, StoreError> {
        if self.export(account, id).await?.is_none() {
            return Ok(false);
        }
        Ok(self.forget_exports(vec![(account.to_row(), id)], None).await? > 0)
    }

    /// Deletes at most `limit` exports whose time is over, with their files; how many.
    pub async fn purge_exports(&self, now: Timestamp, limit: u64) -> Result<u64, StoreError> {
        let over = Entity::find()
            .filter(Column::ExpiresAt.lte(now.as_micros()))
            .order_by_asc(Column::ExpiresAt)
            .limit(limit)
            .all(&self.inner.readers)
            .await?;
        self.forget_exports(keys(over)?, None).await
    }

    /// Deletes the account's exports with their files, for an erasure: whoever goes may be in them. How many.
    pub(crate) async fn erase_exports(&self, erasure: i64, account: AccountId) -> Result<u64, StoreError> {
        let all =
            Entity::find().filter(Column::Account.eq(account.to_row())).all(&self.inner.readers).await?;
        self.forget_exports(keys(all)?, Some(erasure)).await
    }

    /// Files first: of one that lies there it is known whose it is. What is being made then finds that it is not
    /// wanted any more.
    async fn forget_exports(
        &self,
        exports: Vec<(Vec<u8>, ExportId)>,
        erasure: Option<i64>,
    ) -> Result<u64, StoreError> {
        if exports.is_empty() {
            return Ok(0);
        }
        self.remove_export_files(exports.iter().map(|(_, id)| *id).collect()).await?;
        self.inner
            .writer
            .write(Effects::default(), move |tx| {
                Box::pin(async move {
                    let mut deleted = 0;
                    for (account, id) in exports {
                        deleted += Entity::delete_by_id((account, id.to_row())).exec(tx).await?.rows_affected;
                    }
                    note(tx, erasure, deleted).await?;
                    Ok(deleted)
                })
            })
            .await
    }

    /// At the start of a process: what the last one was making has failed, and so has what a restored database tells
    /// of and is not here; files that nobody knows go.
    pub async fn settle_exports(&self) -> Result<(), StoreError> {
        let files = self.export_files().await?;
        let rows = Entity::find().all(&self.inner.readers).await?;
        let ready = ExportState::Ready.as_str();
        let mut lost = Vec::new();
        let mut known = Vec::new();
        for row in rows {
            let id = ExportId::from_row(&row.id, "exports", "id")?;
            if row.state == ready && files.contains(&(id, true)) {
                known.push(id);
            } else {
                lost.push((row.account, row.id));
            }
        }
        let unknown = files.into_iter().map(|(id, _)| id).filter(|id| !known.contains(id)).collect();
        self.remove_export_files(unknown).await?;
        self.inner
            .writer
            .write(Effects::default(), move |tx| {
                Box::pin(async move {
                    for (account, id) in lost {
                        Entity::update_many()
                            .col_expr(Column::State, Expr::value(ExportState::Failed.as_str()))
                            .filter(Column::Account.eq(account))
                            .filter(Column::Id.eq(id))
                            .exec(tx)
                            .await?;
                    }
                    Ok(())
                })
            })
            .await
    }
}

async fn note(tx: &Tx, erasure: Option<i64>, deleted: u64) -> Result<(), StoreError> {
    match erasure {
        Some(erasure) => add_count(tx, erasure, "exports", deleted).await,
        None => Ok(()),
    }
}

fn keys(rows: Vec<export::Model>) -> Result<Vec<(Vec<u8>, ExportId)>, StoreError> {
    let key = |row: export::Model| Ok((row.account, ExportId::from_row(&row.id, "exports", "id")?));
    rows.into_iter().map(key).collect()
}

fn kept(row: export::Model) -> Result<KeptExport, StoreError> {
    let state = ExportState::ALL.into_iter().find(|state| state.as_str() == row.state);
    Ok(KeptExport {
        id: ExportId::from_row(&row.id, "exports", "id")?,
        account: AccountId::from_row(&row.account, "exports", "account")?,
        kind: row.kind,
        state: state.ok_or(StoreError::Corrupt { table: "exports", column: "state" })?,
        asked_at: time(row.asked_at),
        expires_at: time(row.expires_at),
        bytes: count(row.bytes),
        rows: count(row.rows),
        messages: count(row.messages),
    })
}

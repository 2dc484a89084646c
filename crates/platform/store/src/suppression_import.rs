//! Imports of suppressions: a file that was taken, and how much of it is on the list.
//!
//! Rows go onto the list in the transaction that notes how far the file was read, so whatever ends the process, the next one
//! goes on behind them. No backup holds a file: an import that a restored database tells of has failed.

mod apply;
mod folder;

use sea_orm::{
    ColumnTrait, Condition, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, sea_query::Expr,
};
use waxseal_model::{AccountId, DomainId, ImportId, Timestamp, suppression::SuppressionKind};

pub use self::apply::ImportStep;
use crate::{
    domain,
    entity::suppression_import::{self, Column, Entity},
    erasure::add_count,
    error::StoreError,
    open::Store,
    queue::not_of,
    rows::{RowId, count, insert_all, signed, time},
    writer::{Effects, Tx},
};

/// How far an import is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportState {
    /// The file was taken.
    Queued,
    /// Some of it was read.
    Running,
    /// All of it was.
    Done,
    /// The file could not be read to its end.
    Failed,
}

impl ImportState {
    const ALL: [Self; 4] = [Self::Queued, Self::Running, Self::Done, Self::Failed];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

/// A row that was refused.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ImportProblem {
    /// The line in which it begins, from 1.
    pub line: u64,
    /// Why; nothing of what stands in it.
    pub reason: String,
}

/// An import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuppressionImport {
    /// Id.
    pub id: ImportId,
    /// Account.
    pub account: AccountId,
    /// The domain whose list it is.
    pub domain: DomainId,
    /// Which list.
    pub kind: SuppressionKind,
    /// How far it is.
    pub state: ImportState,
    /// When the file was taken.
    pub created_at: Timestamp,
    /// When it was done, or failed.
    pub finished_at: Option<Timestamp>,
    /// Bytes of the file.
    pub bytes: u64,
    /// Bytes that were read.
    pub done: u64,
    /// The line that begins behind them, from 1.
    pub line: u64,
    /// Rows that were read, without the header.
    pub rows: u64,
    /// Rows that went onto the list.
    pub added: u64,
    /// Rows that did not.
    pub refused: u64,
    /// The first of those.
    pub problems: Vec<ImportProblem>,
}

/// An import that begins.
#[derive(Debug, Clone, Copy)]
pub struct NewImport {
    /// Id.
    pub id: ImportId,
    /// Account.
    pub account: AccountId,
    /// The domain whose list it is.
    pub domain: DomainId,
    /// Which list.
    pub kind: SuppressionKind,
    /// Now.
    pub created_at: Timestamp,
}

impl Store {
    /// Takes a file to be imported, unless `most` of the account are under way; whether it did. When it answers, the file and
    /// its note are on stable storage.
    pub async fn begin_import(
        &self,
        new: NewImport,
        content: Vec<u8>,
        most: u64,
    ) -> Result<bool, StoreError> {
        self.refuse_closed(new.account)?;
        if of_account(new.account).filter(is_open()).count(&self.inner.readers).await? >= most {
            return Ok(false);
        }
        self.inner.room.admit(content.len())?;
        let row = suppression_import::Model {
            account: new.account.to_row(),
            id: new.id.to_row(),
            domain: new.domain.to_row(),
            kind: new.kind.as_str().to_owned(),
            state: ImportState::Queued.as_str().to_owned(),
            created_at: new.created_at.as_micros(),
            finished_at: None,
            bytes: signed(content.len() as u64),
            done: 0,
            line: 1,
            rows: 0,
            added: 0,
            refused: 0,
            problems: "[]".to_owned(),
        };
        self.keep_import_file(new.account, new.id, content).await?;
        let noted = self
            .inner
            .writer
            .write(Effects::default(), move |tx| {
                Box::pin(async move {
                    if of_account(new.account).filter(is_open()).count(tx).await? >= most {
                        return Ok(false);
                    }
                    if !domain::exists(tx, new.account, new.domain).await? {
                        return Err(StoreError::Conflict { what: "domain" });
                    }
                    insert_all(tx, vec![row.into_active_model()]).await?;
                    Ok(true)
                })
            })
            .await;
        if !matches!(noted, Ok(true)) {
            self.remove_import_files(vec![new.id]).await?;
        }
        noted
    }

    /// The newest imports into a list of a domain.
    pub async fn suppression_imports(
        &self,
        (account, domain): (AccountId, DomainId),
        kind: SuppressionKind,
        limit: u64,
    ) -> Result<Vec<SuppressionImport>, StoreError> {
        let rows = of_account(account)
            .filter(Column::Domain.eq(domain.to_row()))
            .filter(Column::Kind.eq(kind.as_str()))
            .order_by_desc(Column::Id)
            .limit(limit)
            .all(&self.inner.readers)
            .await?;
        rows.into_iter().map(read).collect()
    }

    /// The account's import with this id.
    pub async fn suppression_import(
        &self,
        account: AccountId,
        id: ImportId,
    ) -> Result<Option<SuppressionImport>, StoreError> {
        let row = Entity::find_by_id((account.to_row(), id.to_row())).one(&self.inner.readers).await?;
        row.map(read).transpose()
    }

    /// Imports that are not done, oldest first: of one account, or of all that are not closed.
    pub async fn open_imports(
        &self,
        account: Option<AccountId>,
        limit: u64,
    ) -> Result<Vec<SuppressionImport>, StoreError> {
        let which = match account {
            Some(account) => of_account(account),
            None => Entity::find().filter(not_of(Column::Account, self.inner.closed.rows())),
        };
        let rows =
            which.filter(is_open()).order_by_asc(Column::Id).limit(limit).all(&self.inner.readers).await?;
        rows.into_iter().map(read).collect()
    }

    /// Ends an import whose file cannot be read.
    pub async fn fail_import(&self, import: &SuppressionImport) -> Result<(), StoreError> {
        self.fail_imports(vec![(import.account.to_row(), import.id)]).await
    }

    /// Forgets at most `limit` imports that ended before `cut`; how many.
    pub async fn purge_imports(&self, cut: Timestamp, limit: u64) -> Result<u64, StoreError> {
        let over = Entity::find()
            .filter(Column::FinishedAt.lt(cut.as_micros()))
            .order_by_asc(Column::FinishedAt)
            .limit(limit)
            .all(&self.inner.readers)
            .await?;
        self.forget_imports(keys(over)?, None).await
    }

    /// Ends all imports of a domain that was deleted.
    pub(crate) async fn end_imports(&self, account: AccountId, domain: DomainId) -> Result<(), StoreError> {
        let all = of_account(account).filter(Column::Domain.eq(domain.to_row()));
        self.forget_imports(keys(all.all(&self.inner.readers).await?)?, None).await.map(drop)
    }

    /// Ends all imports of an account, for its erasure; how many there were.
    pub(crate) async fn erase_imports(&self, erasure: i64, account: AccountId) -> Result<u64, StoreError> {
        let all = of_account(account).all(&self.inner.readers).await?;
        self.forget_imports(keys(all)?, Some(erasure)).await
    }

    /// Files first: of one that lies there it is known whose it is.
    async fn forget_imports(
        &self,
        imports: Vec<(Vec<u8>, ImportId)>,
        erasure: Option<i64>,
    ) -> Result<u64, StoreError> {
        if imports.is_empty() {
            return Ok(0);
        }
        self.remove_import_files(imports.iter().map(|(_, id)| *id).collect()).await?;
        self.inner
            .writer
            .write(Effects::default(), move |tx| {
                Box::pin(async move {
                    let mut deleted = 0;
                    for (account, id) in imports {
                        deleted += Entity::delete_by_id((account, id.to_row())).exec(tx).await?.rows_affected;
                    }
                    if let Some(erasure) = erasure {
                        add_count(tx, erasure, "suppression_imports", deleted).await?;
                    }
                    Ok(deleted)
                })
            })
            .await
    }

    /// At the start of a process: an import whose file is not here has failed, and so have all that a restored database
    /// tells of: what was taken off a list since would come back with them. Files that nobody waits for go.
    pub async fn settle_imports(&self) -> Result<(), StoreError> {
        let files = self.import_files().await?;
        let rows = Entity::find().filter(is_open()).all(&self.inner.readers).await?;
        let restored = self.restored().await?.is_some();
        let (here, lost): (Vec<_>, Vec<_>) =
            keys(rows)?.into_iter().partition(|(_, id)| !restored && files.contains(&(*id, true)));
        let wanted = |id: &ImportId| here.iter().any(|(_, known)| known == id);
        let unwanted = files.into_iter().map(|(id, _)| id).filter(|id| !wanted(id)).collect();
        self.remove_import_files(unwanted).await?;
        if lost.is_empty() { Ok(()) } else { self.fail_imports(lost).await }
    }

    async fn fail_imports(&self, imports: Vec<(Vec<u8>, ImportId)>) -> Result<(), StoreError> {
        let now = self.inner.clock.now();
        let ids = imports.iter().map(|(_, id)| *id).collect();
        self.inner
            .writer
            .write(Effects::default(), move |tx| {
                Box::pin(async move {
                    for (account, id) in imports {
                        Entity::update_many()
                            .col_expr(Column::State, Expr::value(ImportState::Failed.as_str()))
                            .col_expr(Column::FinishedAt, Expr::value(now.as_micros()))
                            .filter(Column::Account.eq(account))
                            .filter(Column::Id.eq(id.to_row()))
                            .filter(is_open())
                            .exec(tx)
                            .await?;
                    }
                    Ok(())
                })
            })
            .await?;
        self.remove_import_files(ids).await
    }
}

fn of_account(account: AccountId) -> sea_orm::Select<Entity> {
    Entity::find().filter(Column::Account.eq(account.to_row()))
}

/// Imports that are not done.
fn is_open() -> Condition {
    Condition::all().add(Column::FinishedAt.is_null())
}

/// The import as it is now, in the writer's turn.
async fn current(
    tx: &Tx,
    import: &SuppressionImport,
) -> Result<Option<suppression_import::Model>, StoreError> {
    Ok(Entity::find_by_id((import.account.to_row(), import.id.to_row())).one(tx).await?)
}

fn keys(rows: Vec<suppression_import::Model>) -> Result<Vec<(Vec<u8>, ImportId)>, StoreError> {
    let key = |row: suppression_import::Model| {
        Ok((row.account, ImportId::from_row(&row.id, "suppression_imports", "id")?))
    };
    rows.into_iter().map(key).collect()
}

fn read(row: suppression_import::Model) -> Result<SuppressionImport, StoreError> {
    let corrupt = |column| StoreError::Corrupt { table: "suppression_imports", column };
    let state = ImportState::ALL.into_iter().find(|state| state.as_str() == row.state);
    Ok(SuppressionImport {
        id: ImportId::from_row(&row.id, "suppression_imports", "id")?,
        account: AccountId::from_row(&row.account, "suppression_imports", "account")?,
        domain: DomainId::from_row(&row.domain, "suppression_imports", "domain")?,
        kind: SuppressionKind::parse(&row.kind).ok_or(corrupt("kind"))?,
        state: state.ok_or(corrupt("state"))?,
        created_at: time(row.created_at),
        finished_at: row.finished_at.map(time),
        bytes: count(row.bytes),
        done: count(row.done),
        line: count(row.line),
        rows: count(row.rows),
        added: count(row.added),
        refused: count(row.refused),
        problems: serde_json::from_str(&row.problems).map_err(|_| corrupt("problems"))?,
    })
}

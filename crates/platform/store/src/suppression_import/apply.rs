//! Putting rows of a file onto the list, together with the note of how far it was read.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};
use waxseal_model::{Timestamp, suppression::SuppressionKind};

use super::{ImportProblem, ImportState, SuppressionImport, current, is_open};
use crate::{
    entity::suppression_import::{Column, Entity},
    error::StoreError,
    open::Store,
    rows::{RowId, signed},
    suppression::{NewSuppression, put_if_unchanged, upsert},
    writer::{Effects, Tx},
};

/// Problems that are kept of an import.
const MOST_PROBLEMS: usize = 20;

/// Rows of a file that were read.
pub struct ImportStep {
    /// Bytes of the file that are read with them.
    pub done: u64,
    /// The line that begins behind them.
    pub line: u64,
    /// What goes onto the list.
    pub entries: Vec<NewSuppression>,
    /// How many rows were refused.
    pub refused: u64,
    /// The first of them.
    pub problems: Vec<ImportProblem>,
    /// Whether the file ends here.
    pub is_last: bool,
}

/// What became of a step.
#[derive(PartialEq, Eq)]
enum Outcome {
    Applied,
    /// The import is not where it was: somebody else took the step, or it ended.
    Overtaken,
    /// A list was changed meanwhile.
    Changed,
}

impl Store {
    /// Puts rows onto the list and notes that they are. Whether it did: not if the import is not at `import.done` any more.
    pub async fn apply_import(
        &self,
        import: &SuppressionImport,
        step: ImportStep,
    ) -> Result<bool, StoreError> {
        let ImportStep { done, line, entries, refused, problems, is_last } = step;
        let added = entries.len() as u64;
        let mut next = import.clone();
        (next.done, next.line) = (done, line);
        (next.added, next.refused) = (import.added + added, import.refused + refused);
        next.rows = import.rows + added + refused;
        next.problems.extend(problems);
        next.problems.truncate(MOST_PROBLEMS);
        next.state = if is_last { ImportState::Done } else { ImportState::Running };
        next.finished_at = is_last.then(|| self.inner.clock.now());
        loop {
            let outcome = match import.kind {
                SuppressionKind::Unsubscribe => {
                    let merged = self.merged(&entries).await?;
                    self.take_step(import, &next, move |tx| Box::pin(put_if_unchanged(tx, merged))).await?
                }
                _ => {
                    let mut rows = Vec::with_capacity(entries.len());
                    for entry in &entries {
                        rows.push(self.suppression_row(entry.clone()).await?);
                    }
                    self.take_step(import, &next, move |tx| {
                        Box::pin(async move {
                            upsert(tx, rows).await?;
                            Ok(true)
                        })
                    })
                    .await?
                }
            };
            match outcome {
                Outcome::Changed => {}
                Outcome::Overtaken => return Ok(false),
                Outcome::Applied => {
                    if is_last {
                        self.remove_import_files(vec![import.id]).await?;
                    }
                    return Ok(true);
                }
            }
        }
    }

    async fn take_step<F>(
        &self,
        import: &SuppressionImport,
        next: &SuppressionImport,
        put: F,
    ) -> Result<Outcome, StoreError>
    where
        F: for<'a> FnOnce(&'a Tx) -> futures_util::future::BoxFuture<'a, Result<bool, StoreError>>
            + Send
            + 'static,
    {
        let (import, next) = (import.clone(), next.clone());
        // Sealed and with their hashes, entries take about as much as their rows once more.
        let weight =
            usize::try_from(next.done.saturating_sub(import.done)).unwrap_or(usize::MAX).saturating_mul(2);
        let effects = Effects { suppressions: true, weight, ..Effects::default() };
        self.inner
            .writer
            .write(effects, move |tx| {
                Box::pin(async move {
                    let row = current(tx, &import).await?;
                    let there = row.filter(|row| row.finished_at.is_none());
                    if there.map(|row| row.done) != Some(signed(import.done)) {
                        return Ok(Outcome::Overtaken);
                    }
                    if !put(tx).await? {
                        return Ok(Outcome::Changed);
                    }
                    note(tx, next).await?;
                    Ok(Outcome::Applied)
                })
            })
            .await
    }
}

async fn note(tx: &Tx, next: SuppressionImport) -> Result<(), StoreError> {
    let problems = serde_json::to_string(&next.problems).unwrap_or_else(|_| "[]".into());
    Entity::update_many()
        .col_expr(Column::State, Expr::value(next.state.as_str()))
        .col_expr(Column::FinishedAt, Expr::value(next.finished_at.map(Timestamp::as_micros)))
        .col_expr(Column::Done, Expr::value(signed(next.done)))
        .col_expr(Column::Line, Expr::value(signed(next.line)))
        .col_expr(Column::Rows, Expr::value(signed(next.rows)))
        .col_expr(Column::Added, Expr::value(signed(next.added)))
        .col_expr(Column::Refused, Expr::value(signed(next.refused)))
        .col_expr(Column::Problems, Expr::value(problems))
        .filter(Column::Account.eq(next.account.to_row()))
        .filter(Column::Id.eq(next.id.to_row()))
        .filter(is_open())
        .exec(tx)
        .await?;
    Ok(())
}

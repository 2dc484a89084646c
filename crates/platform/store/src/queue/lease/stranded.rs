//! Leases that nobody holds: their taker failed after the entries were marked, or could not tell whether they
//! were.

use std::sync::{Mutex, PoisonError};

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};
use waxseal_model::Timestamp;

use crate::{
    entity::queue_entry::{self, Column},
    error::StoreError,
    open::Store,
    queue::{CLEARED, LeaseId},
    rows::RowId,
    writer::Effects,
};

/// Leases to be freed, each with its end.
#[derive(Default)]
pub(crate) struct Stranded(Mutex<Vec<(LeaseId, Timestamp)>>);

impl Stranded {
    /// Notes a lease.
    pub(crate) fn add(&self, lease: LeaseId, until: Timestamp) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((lease, until));
    }

    fn take(&self) -> Vec<(LeaseId, Timestamp)> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Store {
    /// Frees what is stranded: those entries are as they were before.
    pub(super) async fn free_stranded(&self) -> Result<(), StoreError> {
        let leases = self.inner.stranded.take();
        for (freed, (lease, until)) in leases.iter().enumerate() {
            if let Err(error) = self.free(*lease, *until).await {
                for (lease, until) in leases.iter().skip(freed) {
                    self.inner.stranded.add(*lease, *until);
                }
                return Err(error);
            }
        }
        Ok(())
    }

    async fn free(&self, lease: LeaseId, until: Timestamp) -> Result<(), StoreError> {
        let work = queue_entry::Entity::update_many()
            .col_expr(Column::Lease, Expr::value(Option::<Vec<u8>>::None))
            .col_expr(Column::ReadyAt, Expr::col(Column::DueAt))
            .filter(Column::Lease.eq(lease.to_row()))
            .filter(Column::ReadyAt.is_in([until.as_micros(), CLEARED.as_micros()]));
        self.inner
            .writer
            .write(Effects::default(), move |tx| {
                Box::pin(async move {
                    work.exec(tx).await?;
                    Ok(())
                })
            })
            .await
    }
}

//! Results of sessions that a domain wants to be told: one row for a domain and a day, until the report is sent or given up.

use sea_orm::{
    ActiveValue::{Set, Unchanged},
    ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait},
};
use serde::{Deserialize, Serialize};
use waxseal_model::{Purpose, Sealed, Timestamp, category, time::Day, tls_results::TlsResults};

use crate::{
    entity::tls_result,
    error::StoreError,
    open::Store,
    request::NOBODY,
    rows::{from_json, insert_all, to_json},
    seal::{DataKey, key_number},
    vault::Slot,
    writer::{Effects, Tx},
};

const RESULTS: Slot = Slot::new("tls_results", "results");

/// What was counted of a domain's sessions on a day, to be added to what was counted before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTlsResults {
    /// The domain, in lower-case A-labels.
    pub domain: String,
    /// The results.
    pub results: TlsResults,
    /// The number of its report, and when that is due; what was said of them first counts, so every attempt to send it bears
    /// one number, whatever was restarted meanwhile.
    pub id: String,
    /// When its report is due.
    pub due_at: Timestamp,
}

/// A report that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsReport {
    /// The day that it is about.
    pub day: Day,
    /// The domain.
    pub domain: String,
    /// Its number.
    pub id: String,
    /// What came of the sessions.
    pub results: TlsResults,
    /// How often it was tried to send it.
    pub attempts: u32,
    /// Places that have it.
    pub taken: Vec<String>,
}

/// What rests sealed of it.
#[derive(Serialize, Deserialize)]
struct Rest {
    domain: String,
    id: String,
    results: TlsResults,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    taken: Vec<String>,
}

impl Store {
    /// Adds what was counted on a day, all of it in one transaction. Results of at most `most` domains are kept of a day; how
    /// many sessions of others were left out.
    pub async fn add_tls_results(
        &self,
        day: Day,
        all: Vec<NewTlsResults>,
        most: u64,
    ) -> Result<u64, StoreError> {
        let key = self.inner.keyring.trust_key(day).await?;
        let store = self.clone();
        let held = std::sync::Arc::clone(&key);
        let added = self
            .inner
            .writer
            .write(Effects::default(), move |tx| {
                Box::pin(async move {
                    let known = tls_result::Entity::find().filter(tls_result::Column::Day.eq(day.0));
                    let mut room = most.saturating_sub(known.count(tx).await?);
                    let mut left_out = 0;
                    for new in all {
                        left_out += store.add_tls_result(tx, (day, &held), new, &mut room).await?;
                    }
                    Ok(left_out)
                })
            })
            .await;
        // It counts as used until its rows are there.
        drop(key);
        added
    }

    async fn add_tls_result(
        &self,
        tx: &Tx,
        (day, key): (Day, &DataKey),
        new: NewTlsResults,
        room: &mut u64,
    ) -> Result<u64, StoreError> {
        let destination = self.inner.keyring.destination_hash(&new.domain);
        let known = tls_result::Entity::find_by_id((day.0, destination.clone())).one(tx).await?;
        let NewTlsResults { domain, results, id, due_at } = new;
        if known.is_none() {
            if *room == 0 {
                return Ok(results.sessions());
            }
            *room -= 1;
        }
        let mut rest = Rest { domain, id, results, taken: Vec::new() };
        if let Some(before) = known.as_ref().and_then(|row| opened(key, row)) {
            let counted = std::mem::replace(&mut rest.results, before.results);
            rest.results.merge(counted);
            (rest.id, rest.taken) = (before.id, before.taken);
        }
        let sealed = self.sealed(key, &destination, &rest)?;
        if known.is_some() {
            let row = tls_result::ActiveModel {
                day: Unchanged(day.0),
                destination: Unchanged(destination),
                results: Set(sealed),
                ..Default::default()
            };
            tls_result::Entity::update(row).exec(tx).await?;
        } else {
            let row = tls_result::ActiveModel {
                day: Set(day.0),
                destination: Set(destination),
                results: Set(sealed),
                due_at: Set(due_at.as_micros()),
                attempts: Set(0),
            };
            insert_all(tx, vec![row]).await?;
        }
        Ok(0)
    }

    fn sealed(&self, key: &DataKey, destination: &[u8], rest: &Rest) -> Result<Vec<u8>, StoreError> {
        let json = zeroize::Zeroizing::new(to_json(rest, RESULTS.table, RESULTS.column)?);
        self.inner.seal(key, RESULTS, NOBODY, destination, &json)
    }

    /// Reports that are due at `now`, the oldest first, at most `limit`. One that cannot be opened is dropped.
    pub async fn due_tls_reports(
        &self,
        now: Timestamp,
        limit: u64,
    ) -> Result<Vec<Sealed<TlsReport, category::Operations>>, StoreError> {
        use tls_result::Column;
        let rows = tls_result::Entity::find()
            .filter(Column::DueAt.lte(now.as_micros()))
            .order_by_asc(Column::DueAt)
            .limit(limit)
            .all(self.read_for(Purpose::Delivery))
            .await?;
        let mut reports = Vec::with_capacity(rows.len());
        for row in rows {
            let rest = self.inner.open_json(RESULTS, NOBODY, &row.destination, &row.results).await;
            let Rest { domain, id, results, taken } = match rest {
                Ok(rest) => rest,
                Err(StoreError::Erased | StoreError::Corrupt { .. }) => {
                    tracing::warn!("results of TLS sessions cannot be opened: they are dropped");
                    self.drop_tls_report(row.day, row.destination).await?;
                    continue;
                }
                Err(error) => return Err(error),
            };
            let attempts = u32::try_from(row.attempts).unwrap_or(0);
            reports.push(Sealed::new(TlsReport { day: Day(row.day), domain, id, results, attempts, taken }));
        }
        Ok(reports)
    }

    /// Forgets a report: it was sent, nobody wants it any more, or it is given up.
    pub async fn end_tls_report(&self, day: Day, domain: &str) -> Result<(), StoreError> {
        self.drop_tls_report(day.0, self.inner.keyring.destination_hash(domain)).await
    }

    /// Puts a report off after an attempt to send it; `taken` are the places that have it by now.
    pub async fn postpone_tls_report(
        &self,
        day: Day,
        domain: &str,
        due_at: Timestamp,
        taken: Vec<String>,
    ) -> Result<(), StoreError> {
        use tls_result::Column;
        let destination = self.inner.keyring.destination_hash(domain);
        let key = match taken.is_empty() {
            true => None,
            false => Some(self.inner.keyring.trust_key(day).await?),
        };
        let store = self.clone();
        self.inner
            .writer
            .write(Effects::default(), move |tx| {
                Box::pin(async move {
                    if let Some(key) = key {
                        let row =
                            tls_result::Entity::find_by_id((day.0, destination.clone())).one(tx).await?;
                        if let Some(rest) = row.as_ref().and_then(|row| opened(&key, row)) {
                            let results = store.sealed(&key, &destination, &Rest { taken, ..rest })?;
                            tls_result::Entity::update_many()
                                .col_expr(Column::Results, Expr::value(results))
                                .filter(Column::Day.eq(day.0))
                                .filter(Column::Destination.eq(destination.clone()))
                                .exec(tx)
                                .await?;
                        }
                    }
                    tls_result::Entity::update_many()
                        .col_expr(Column::DueAt, Expr::value(due_at.as_micros()))
                        .col_expr(Column::Attempts, Expr::col(Column::Attempts).add(1))
                        .filter(Column::Day.eq(day.0))
                        .filter(Column::Destination.eq(destination))
                        .exec(tx)
                        .await?;
                    Ok(())
                })
            })
            .await
    }

    async fn drop_tls_report(&self, day: i32, destination: Vec<u8>) -> Result<(), StoreError> {
        self.inner
            .writer
            .write(Effects::default(), move |tx| {
                Box::pin(async move {
                    tls_result::Entity::delete_by_id((day, destination)).exec(tx).await?;
                    Ok(())
                })
            })
            .await
    }
}

/// What a row holds; what another key sealed is of no use to anybody.
fn opened(key: &DataKey, row: &tls_result::Model) -> Option<Rest> {
    let place = RESULTS.at(NOBODY, &row.destination);
    key_number(place, &row.results).ok().filter(|number| *number == key.number())?;
    let bytes = key.open(place, &row.results).ok()?;
    from_json(&bytes, RESULTS.table, RESULTS.column).ok()
}

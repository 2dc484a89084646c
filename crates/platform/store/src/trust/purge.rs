//! Forgetting: rows whose time is over, then the keys of days that no row is left of.

use std::time::Duration;

use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect, sea_query::ExprTrait};
use waxseal_model::{Timestamp, time::Day};

use crate::{
    entity::{sts_policy, tls_result},
    error::StoreError,
    keyring::KeyClass,
    open::Store,
    writer::Effects,
};

/// What is to be reported is given up this long after its day, whatever became of it.
const REPORTED_WITHIN: Duration = Duration::from_secs(3 * 86_400);

impl Store {
    /// Deletes at most `limit` kept policies whose time is over, and as many results that nobody can be told of any more;
    /// how many. What bears a day that has not come was written by a clock that was ahead, and goes as well.
    pub async fn purge_trust(&self, now: Timestamp, limit: u64) -> Result<u64, StoreError> {
        let ahead = now.day().0 + 1;
        let late = (now - REPORTED_WITHIN).day().0;
        self.inner
            .writer
            .write(Effects::default(), move |tx| {
                Box::pin(async move {
                    use sts_policy::Column;
                    let over: Vec<Vec<u8>> = sts_policy::Entity::find()
                        .select_only()
                        .column(Column::Destination)
                        .filter(Column::Until.lte(now.as_micros()).or(Column::Day.gt(ahead)))
                        .limit(limit)
                        .into_tuple()
                        .all(tx)
                        .await?;
                    for destination in &over {
                        sts_policy::Entity::delete_by_id(destination.clone()).exec(tx).await?;
                    }
                    let old: Vec<(i32, Vec<u8>)> = tls_result::Entity::find()
                        .select_only()
                        .columns([tls_result::Column::Day, tls_result::Column::Destination])
                        .filter(tls_result::Column::Day.lt(late).or(tls_result::Column::Day.gt(ahead)))
                        .limit(limit)
                        .into_tuple()
                        .all(tx)
                        .await?;
                    for row in &old {
                        tls_result::Entity::delete_by_id(row.clone()).exec(tx).await?;
                    }
                    Ok((over.len() + old.len()) as u64)
                })
            })
            .await
    }

    /// Destroys the instance's key of one day, whether used or not: what is kept of that day is as nothing from then on.
    pub async fn destroy_trust_keys_of(&self, day: Day) -> Result<u64, StoreError> {
        let names = self.inner.keyring.of_day(KeyClass::Trust, day).await?;
        self.inner.keyring.destroy(&names).await
    }

    /// Destroys the instance's keys of all days before `today` of which neither a policy nor a result is left; how many.
    pub async fn destroy_unused_trust_keys(&self, today: Day) -> Result<u64, StoreError> {
        let names = self.inner.keyring.before(KeyClass::Trust, today).await?;
        let names: Vec<_> = names.into_iter().map(|(name, _)| name).collect();
        let free = self.inner.keyring.unheld(&names).await;
        let mut unused = Vec::new();
        for name in free.names() {
            let day = name.day.0;
            let db = &self.inner.readers;
            let policies =
                sts_policy::Entity::find().filter(sts_policy::Column::Day.eq(day)).count(db).await?;
            let results =
                tls_result::Entity::find().filter(tls_result::Column::Day.eq(day)).count(db).await?;
            if policies + results == 0 {
                unused.push(*name);
            }
        }
        free.destroy(&unused).await
    }
}

//! Keys of days that had not come yet when they were made: the clock was ahead. They count as of the day on which that
//! was seen, until their own day comes, so that they end no later than others made then.

use std::collections::BTreeMap;

use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter,
    sea_query::{Expr, ExprTrait},
};
use waxseal_model::{Timestamp, time::Day};

use super::{
    Keyring,
    entity::{ring_erasure, ring_key, ring_mark},
    epoch,
};
use crate::{erasure::ErasureState, error::StoreError};

/// A mark's name is this and the day of the keys; what it holds is the day as of which they count.
const AHEAD: &str = "ahead ";

impl Keyring {
    /// Marks keys of days after tomorrow as made today, and forgets marks that are over: whose day has come, or of
    /// which no key is left. A key of tomorrow may be made just before midnight.
    pub(crate) async fn mark_ahead(&self, today: Day) -> Result<u64, StoreError> {
        let _file = self.file.lock().await;
        let marked = self.marked_ahead().await?;
        let keys = ring_key::Entity::find().filter(ring_key::Column::Day.gt(today.0)).all(&self.db).await?;
        let mut days: Vec<Day> = keys.iter().map(|key| Day(key.day)).collect();
        days.sort_unstable();
        days.dedup();
        let over: Vec<Day> =
            marked.keys().copied().filter(|day| *day <= today || days.binary_search(day).is_err()).collect();
        let new: Vec<Day> = days
            .into_iter()
            .filter(|day| day.0 > today.0.saturating_add(1) && !marked.contains_key(day))
            .collect();
        if over.is_empty() && new.is_empty() {
            return Ok(0);
        }
        let transaction = self.begin().await?;
        for day in over {
            ring_mark::Entity::delete_by_id(name(day)).exec(&transaction).await?;
        }
        for day in &new {
            epoch::mark(&transaction, &name(*day), today.0.to_be_bytes().to_vec()).await?;
        }
        transaction.commit().await?;
        Ok(new.len() as u64)
    }

    /// Dates erasures anew that were asked for while the clock was ahead and still wait: their time of grace begins
    /// now. How many.
    pub(crate) async fn redate_erasures(&self, now: Timestamp, limit: Timestamp) -> Result<u64, StoreError> {
        use ring_erasure::Column::{AskedAt, FinalAt, State};
        let _file = self.file.lock().await;
        let redated = ring_erasure::Entity::update_many()
            .col_expr(FinalAt, Expr::col(FinalAt).sub(Expr::col(AskedAt)).add(now.as_micros()))
            .col_expr(AskedAt, Expr::value(now.as_micros()))
            .filter(AskedAt.gt(limit.as_micros()))
            .filter(State.eq(ErasureState::Grace.as_str()))
            .exec(self.writable().await)
            .await?;
        Ok(redated.rows_affected)
    }

    /// The days of keys that were made ahead of their time, and as of which days they count.
    pub(super) async fn marked_ahead(&self) -> Result<BTreeMap<Day, Day>, StoreError> {
        let corrupt = || StoreError::Corrupt { table: "ring_marks", column: "sealed" };
        let marks = ring_mark::Entity::find()
            .filter(ring_mark::Column::Name.starts_with(AHEAD))
            .all(&self.db)
            .await?;
        let mut days = BTreeMap::new();
        for mark in marks {
            let day = mark.name.strip_prefix(AHEAD).and_then(|day| day.parse().ok()).ok_or_else(corrupt)?;
            let counts_as = <[u8; 4]>::try_from(mark.sealed.as_slice()).map_err(|_| corrupt())?;
            days.insert(Day(day), Day(i32::from_be_bytes(counts_as)));
        }
        Ok(days)
    }
}

fn name(day: Day) -> String {
    format!("{AHEAD}{}", day.0)
}

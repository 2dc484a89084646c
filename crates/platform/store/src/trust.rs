//! What recipients' domains ask of TLS, kept over a restart, and what they are to be told of it.
//!
//! All of it is of no account. Rows are found by the hash that queue entries bear for a domain, and sealed under the
//! instance's key of their day, which is destroyed when the last of them is gone.

mod purge;
mod results;

use sea_orm::{EntityTrait, IntoActiveModel, sea_query::OnConflict};
use serde::{Deserialize, Serialize};
use waxseal_model::{Purpose, Sealed, Timestamp, category};

pub use self::results::{NewTlsResults, TlsReport};

use crate::{
    entity::sts_policy, error::StoreError, open::Store, request::NOBODY, rows::time, vault::Slot,
    writer::Effects,
};

const POLICY: Slot = Slot::new("sts_policies", "policy");

/// The MTA-STS policy of a recipients' domain, as it was fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StsPolicy {
    /// The domain, in lower-case A-labels.
    pub domain: String,
    /// The id of its record.
    pub id: String,
    /// Its text.
    pub text: String,
    /// From when on it is fetched again.
    pub fetch_again: Timestamp,
    /// Until when it holds.
    pub until: Timestamp,
}

/// What rests sealed of it.
#[derive(Serialize, Deserialize)]
struct Rest {
    domain: String,
    id: String,
    text: String,
    fetch_again: i64,
}

impl Store {
    /// Keeps a policy in place of the one that its domain had before.
    pub async fn keep_sts_policy(&self, policy: StsPolicy) -> Result<(), StoreError> {
        use sts_policy::Column;
        let destination = self.inner.keyring.destination_hash(&policy.domain);
        let (day, until) = (self.inner.clock.now().day(), policy.until.as_micros());
        let StsPolicy { domain, id, text, fetch_again, .. } = policy;
        let rest = Rest { domain, id, text, fetch_again: fetch_again.as_micros() };
        let key = self.inner.keyring.trust_key(day).await?;
        let policy = self.inner.seal_json(&key, POLICY, NOBODY, &destination, &rest)?;
        let row = sts_policy::Model { destination, day: day.0, policy, until };
        let kept = self
            .inner
            .writer
            .write(Effects::default(), move |tx| {
                Box::pin(async move {
                    let all = [Column::Day, Column::Policy, Column::Until];
                    sts_policy::Entity::insert(row.into_active_model())
                        .on_conflict(OnConflict::column(Column::Destination).update_columns(all).to_owned())
                        .exec_without_returning(tx)
                        .await?;
                    Ok(())
                })
            })
            .await;
        // It counts as used until its row is there.
        drop(key);
        kept
    }

    /// The policy that is kept of a domain, if its time is not over. One that cannot be opened is as none.
    pub async fn sts_policy(
        &self,
        domain: &str,
    ) -> Result<Option<Sealed<StsPolicy, category::Operations>>, StoreError> {
        let destination = self.inner.keyring.destination_hash(domain);
        let row = sts_policy::Entity::find_by_id(destination.clone());
        let Some(row) = row.one(self.read_for(Purpose::Delivery)).await? else { return Ok(None) };
        let until = time(row.until);
        if until <= self.inner.clock.now() {
            return Ok(None);
        }
        let rest: Rest = match self.inner.open_json(POLICY, NOBODY, &destination, &row.policy).await {
            Ok(rest) => rest,
            Err(StoreError::Erased | StoreError::Corrupt { .. }) => {
                tracing::warn!(
                    "a kept MTA-STS policy cannot be opened: it is as none until it is fetched again"
                );
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let Rest { domain, id, text, fetch_again } = rest;
        Ok(Some(Sealed::new(StsPolicy { domain, id, text, fetch_again: time(fetch_again), until })))
    }
}

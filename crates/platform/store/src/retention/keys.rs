//! Destroying keys whose time is over.

use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, sea_query::ExprTrait};
use waxseal_model::{AccountId, time::Day};

use crate::{
    entity::{body, message},
    error::StoreError,
    keyring::{KeyClass, KeyInfo, Renewal},
    open::Store,
    rows::RowId,
};

impl Store {
    /// Destroys the content keys of all days before `today` that no body uses any more; how many.
    pub async fn destroy_unused_content_keys(&self, today: Day) -> Result<u64, StoreError> {
        let names = self.inner.keyring.before(KeyClass::Content, today).await?;
        let names: Vec<_> = names.into_iter().map(|(name, _)| name).collect();
        let free = self.inner.keyring.unheld(&names).await;
        let mut unused = Vec::new();
        for name in free.names() {
            let used = body::Entity::find()
                .filter(body::Column::Account.eq(name.account.to_row()))
                .filter(body::Column::Day.eq(name.day.0))
                .count(&self.inner.readers)
                .await?;
            if used == 0 {
                unused.push(*name);
            }
        }
        free.destroy(&unused).await
    }

    /// Destroys the event keys of all days before `day`; their events are unreadable from then on.
    ///
    /// Days stay whose messages still wait or are still kept: their addresses are sealed under the
    /// same key. They go with the next call after that.
    pub async fn destroy_event_keys_before(&self, day: Day) -> Result<u64, StoreError> {
        let mut unused = Vec::new();
        for (name, counts_as) in self.inner.keyring.before(KeyClass::Event, day).await? {
            let used = message::Entity::find()
                .filter(message::Column::Account.eq(name.account.to_row()))
                .filter(message::Column::CreatedAt.gte(counts_as.start().as_micros()))
                .filter(message::Column::CreatedAt.lt(counts_as.end().as_micros()))
                .filter(message::Column::Pending.gt(0).or(message::Column::BodyExpiresAt.is_not_null()))
                .count(&self.inner.readers)
                .await?;
            if used == 0 {
                unused.push(name);
            }
        }
        self.inner.keyring.destroy(&unused).await
    }

    /// Destroys every key of an account, of all classes and days, renews the epoch, and sees to it that none is made for it again:
    /// its rows are unreadable from now on, wherever copies of them are. How many keys there were; nought if they
    /// are gone already.
    ///
    /// Whoever still works for the account gets [`StoreError::Erased`].
    pub async fn destroy_account_keys(&self, account: AccountId) -> Result<u64, StoreError> {
        self.inner.keyring.destroy_account(account).await
    }

    /// Every key there is, without its bytes, in the order in which they were made.
    pub async fn keys(&self) -> Result<Vec<KeyInfo>, StoreError> {
        self.inner.keyring.keys().await
    }

    /// Wraps every key under a new epoch and destroys the key of the epoch before: a copy of `keys.db` from before
    /// is noise from then on. What is sealed under the keys stays as it is, and so does the master key.
    pub async fn renew_epoch(&self) -> Result<Renewal, StoreError> {
        self.inner.keyring.renew().await
    }

    /// The same if keys were destroyed since the last time; for the end of a purge round.
    pub async fn renew_epoch_if_due(&self) -> Result<Option<Renewal>, StoreError> {
        self.inner.keyring.renew_if_due().await
    }

    /// Destroys one day's content keys of all accounts, whether used or not: that day's bodies are
    /// unreadable everywhere from then on.
    pub async fn destroy_content_keys_of(&self, day: Day) -> Result<u64, StoreError> {
        let names = self.inner.keyring.of_day(KeyClass::Content, day).await?;
        self.inner.keyring.destroy(&names).await
    }
}

//! Pauses: what an operator does not let leave for now. It is accepted and kept, and expires as ever.
//!
//! Entries that are due and paused are set aside when they are taken, each once: however many there are, they are in
//! nobody's way. Times of those that are set aside lie beyond all others, in rounds: whenever a pause ends a new round
//! begins, and what was set aside in earlier ones comes back to its time, some at a time. What is still paused is then set
//! aside again.

mod aside;
mod kept;

use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    sea_query::IntoCondition,
};
use waxseal_model::{AccountId, DomainId, Timestamp};

pub(super) use self::aside::set_aside;
pub(crate) use self::kept::{Current, FIRST_ROUND, Pauses};
pub use self::kept::{Hold, Leaving};
use crate::{
    entity::queue_pause::{self, Column},
    erasure::recipient::canonical,
    error::StoreError,
    open::Store,
    request::NOBODY,
    rows::{RowId, count, time},
    suppression::address_hash,
    writer::Effects,
};

/// Pauses in force at a time, at most: each is held against everything that leaves.
pub const MOST_PAUSES: usize = 200;

/// What a pause is of: everything that is named has to fit, and without a name everything does.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct PauseOf {
    /// An account.
    pub account: Option<AccountId>,
    /// A domain that mail is sent from, with its account.
    pub domain: Option<DomainId>,
    /// A domain of recipients, as queue entries name it.
    pub to: Option<String>,
    /// A provider of the table of providers.
    pub provider: Option<String>,
    /// A recipient's address.
    pub recipient: Option<String>,
}

/// A pause. The names of recipients and of their domains are kept as hashes only: that there is one is all it tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// Its number.
    pub number: u64,
    /// The account it is of.
    pub account: Option<AccountId>,
    /// The sending domain it is of.
    pub domain: Option<DomainId>,
    /// The provider it is of.
    pub provider: Option<String>,
    /// Whether it is of a recipients' domain.
    pub to: bool,
    /// Whether it is of a recipient.
    pub recipient: bool,
    /// Why, in an operator's words.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
    /// When it ends by itself.
    pub until: Option<Timestamp>,
}

/// A pause of names, as its row holds them.
#[derive(Clone, PartialEq, Eq)]
struct Named {
    account: Vec<u8>,
    domain: Option<Vec<u8>>,
    destination: Option<Vec<u8>>,
    recipient_hash: Option<Vec<u8>>,
    provider: Option<String>,
}

impl Named {
    fn is_of(&self, row: &queue_pause::Model) -> bool {
        self.account == row.account
            && self.domain == row.domain
            && self.destination == row.destination
            && self.recipient_hash == row.recipient_hash
            && self.provider == row.provider
    }
}

impl Store {
    /// Pauses something from now on; what was paused already gets the new reason and end. `None`: there are
    /// [`MOST_PAUSES`] others. On stable storage, and heeded by everybody, when it answers.
    pub async fn pause(
        &self,
        of: &PauseOf,
        reason: String,
        until: Option<Timestamp>,
    ) -> Result<Option<Pause>, StoreError> {
        let _turn = self.inner.pauses.turn().await;
        let named = self.named(of).await?;
        let rows = self.pause_rows().await?;
        let known = rows.iter().find(|row| named.is_of(row)).map(|row| row.number);
        if known.is_none() && rows.len() >= MOST_PAUSES {
            return Ok(None);
        }
        let until = until.map(Timestamp::as_micros);
        let row = queue_pause::ActiveModel {
            number: known.map_or(NotSet, sea_orm::Unchanged),
            account: Set(named.account),
            domain: Set(named.domain),
            destination: Set(named.destination),
            recipient_hash: Set(named.recipient_hash),
            provider: Set(named.provider),
            reason: Set(reason),
            since: if known.is_some() { NotSet } else { Set(self.inner.clock.now().as_micros()) },
            until: Set(until),
        };
        let number = self
            .inner
            .writer
            .write(Effects::default(), move |tx| {
                Box::pin(async move {
                    Ok(match known {
                        None => queue_pause::Entity::insert(row).exec(tx).await?.last_insert_id,
                        Some(number) => {
                            queue_pause::Entity::update(row).exec_without_returning(tx).await?;
                            number
                        }
                    })
                })
            })
            .await?;
        self.recall_pauses(false).await?;
        Ok(self.pauses().into_iter().find(|pause| pause.number == count(number)))
    }

    /// Ends the pause of exactly this; `None` if there is none. What waited for it may leave at once.
    pub async fn resume(&self, of: &PauseOf) -> Result<Option<Pause>, StoreError> {
        let named = self.named(of).await?;
        self.end_pause(|row| named.is_of(row)).await
    }

    /// Ends the pause of this number; `None` if there is none.
    pub async fn resume_number(&self, number: u64) -> Result<Option<Pause>, StoreError> {
        self.end_pause(|row| count(row.number) == number).await
    }

    /// The pauses in force, oldest first.
    pub fn pauses(&self) -> Vec<Pause> {
        let now = self.inner.clock.now();
        self.inner.pauses.current().pauses().filter(|pause| pause.holds(now)).cloned().collect()
    }

    /// The pause of exactly this, if there is one.
    pub async fn pause_of(&self, of: &PauseOf) -> Result<Option<Pause>, StoreError> {
        let named = self.named(of).await?;
        let rows = self.pause_rows().await?;
        let number = rows.iter().find(|row| named.is_of(row)).map(|row| count(row.number));
        Ok(self.pauses().into_iter().find(|pause| Some(pause.number) == number))
    }

    /// Deletes the pauses of this address that are of nobody's account: whoever is erased everywhere is named nowhere.
    pub async fn forget_paused_address(&self, address: &str) -> Result<u64, StoreError> {
        let hash = self.inner.keyring.destination_hash(&canonical(address));
        self.delete_pauses(Column::RecipientHash.eq(hash)).await
    }

    /// How many pauses of a recipient an account has, by the hash under which its rows are found.
    pub(crate) async fn paused_recipient_rows(
        &self,
        account: AccountId,
        hash: &[u8],
    ) -> Result<u64, StoreError> {
        let its = queue_pause::Entity::find().filter(Column::Account.eq(account.to_row()));
        Ok(its.filter(Column::RecipientHash.eq(hash.to_vec())).count(&self.inner.readers).await?)
    }

    /// Deletes them.
    pub(crate) async fn forget_paused_recipient(
        &self,
        account: AccountId,
        hash: &[u8],
    ) -> Result<u64, StoreError> {
        let its = Condition::all().add(Column::Account.eq(account.to_row()));
        self.delete_pauses(its.add(Column::RecipientHash.eq(hash.to_vec()))).await
    }

    /// Knows no more pauses of an account whose rows are gone.
    pub(crate) async fn forget_pauses_of(&self, account: AccountId) -> Result<(), StoreError> {
        let _turn = self.inner.pauses.turn().await;
        if self.inner.pauses.current().pauses().any(|pause| pause.account == Some(account)) {
            self.recall_pauses(true).await?;
        }
        Ok(())
    }

    /// Ends the pauses whose time is over.
    pub(super) async fn end_pauses(&self, now: Timestamp) -> Result<(), StoreError> {
        if self.inner.pauses.current().pauses().all(|pause| pause.holds(now)) {
            return Ok(());
        }
        self.delete_pauses(Column::Until.lte(now.as_micros())).await.map(drop)
    }

    async fn delete_pauses(&self, which: impl IntoCondition) -> Result<u64, StoreError> {
        let which = which.into_condition();
        let _turn = self.inner.pauses.turn().await;
        let deleted = self
            .inner
            .writer
            .write(Effects::default(), move |tx| {
                Box::pin(async move {
                    let deleted = queue_pause::Entity::delete_many().filter(which).exec(tx).await?;
                    Ok(deleted.rows_affected)
                })
            })
            .await?;
        if deleted > 0 {
            self.recall_pauses(true).await?;
        }
        Ok(deleted)
    }

    async fn end_pause(
        &self,
        is_it: impl Fn(&queue_pause::Model) -> bool,
    ) -> Result<Option<Pause>, StoreError> {
        let Some(row) = self.pause_rows().await?.into_iter().find(is_it) else { return Ok(None) };
        let pause = shown(&row)?;
        let deleted = self.delete_pauses(Column::Number.eq(row.number)).await?;
        Ok((deleted > 0).then_some(pause))
    }

    async fn pause_rows(&self) -> Result<Vec<queue_pause::Model>, StoreError> {
        let all = queue_pause::Entity::find().order_by_asc(Column::Number);
        Ok(all.all(&self.inner.readers).await?)
    }

    /// Knows the pauses anew; if one `ended`, what was set aside comes back.
    async fn recall_pauses(&self, ended: bool) -> Result<(), StoreError> {
        let mut kept = Vec::new();
        for row in self.pause_rows().await? {
            let pepper = match (&row.recipient_hash, shown(&row)?.account) {
                (Some(_), Some(account)) => match self.inner.keyring.pepper(account).await {
                    Ok(pepper) => Some(pepper),
                    // Its erasure has begun: nothing of it leaves anyway, and the row goes with it.
                    Err(StoreError::Erased) => continue,
                    Err(error) => return Err(error),
                },
                _ => None,
            };
            kept.push(kept::Kept::new(shown(&row)?, &row, pepper));
        }
        self.inner.pauses.set(kept, ended);
        if ended {
            self.inner.writer.changes().queue.send_modify(|changes| *changes = changes.wrapping_add(1));
        }
        Ok(())
    }

    /// Knows the pauses, after opening; what was set aside before comes back once.
    pub(crate) async fn open_pauses(&self) -> Result<(), StoreError> {
        if let Some(last) = self.last_round().await? {
            self.inner.pauses.begin_after(last);
        }
        self.recall_pauses(false).await
    }

    async fn named(&self, of: &PauseOf) -> Result<Named, StoreError> {
        let keyring = &self.inner.keyring;
        let recipient_hash = match (&of.recipient, of.account) {
            (None, _) => None,
            (Some(address), None) => Some(keyring.destination_hash(&canonical(address))),
            (Some(address), Some(account)) => Some(address_hash(&*keyring.pepper(account).await?, address)),
        };
        Ok(Named {
            account: of.account.unwrap_or(NOBODY).to_row(),
            domain: of.domain.map(RowId::to_row),
            destination: of.to.as_ref().map(|domain| keyring.destination_hash(domain)),
            recipient_hash,
            provider: of.provider.clone(),
        })
    }
}

impl Pause {
    /// Whether its time is not over.
    pub fn holds(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

fn shown(row: &queue_pause::Model) -> Result<Pause, StoreError> {
    const TABLE: &str = "queue_pauses";
    let account = AccountId::from_row(&row.account, TABLE, "account")?;
    let domain = row.domain.as_ref().map(|domain| DomainId::from_row(domain, TABLE, "domain"));
    Ok(Pause {
        number: count(row.number),
        account: (account != NOBODY).then_some(account),
        domain: domain.transpose()?,
        provider: row.provider.clone(),
        to: row.destination.is_some(),
        recipient: row.recipient_hash.is_some(),
        reason: row.reason.clone(),
        since: time(row.since),
        until: row.until.map(time),
    })
}

//! Legal holds: recorded, with a sealed reason; what they are about is not erased while they are in force.

use waxseal_model::{AccountId, HoldId, Sealed, Timestamp, category};

use super::{Erasure, ErasureKind};
use crate::{
    error::StoreError,
    keyring::ring_hold,
    open::Store,
    rows::{RowId, count, time},
    vault::Slot,
};

const REASON: Slot = Slot::new("ring_holds", "reason");

/// A hold to be added.
pub struct NewHold {
    /// Whose data.
    pub account: AccountId,
    /// Only what is about this recipient.
    pub recipient: Option<String>,
    /// Why.
    pub reason: String,
    /// In force until then; until it is lifted if there is no end.
    pub until: Option<Timestamp>,
}

/// A hold.
pub struct Hold {
    /// Its number in the audit trail.
    pub number: u64,
    /// Id.
    pub id: HoldId,
    /// Whose data.
    pub account: AccountId,
    /// Whether it is about one recipient alone.
    pub of_recipient: bool,
    /// Why; `None` once the account's keys are destroyed.
    pub reason: Option<Sealed<String, category::Account>>,
    /// When it was added.
    pub added_at: Timestamp,
    /// Its end, if it has one.
    pub until: Option<Timestamp>,
    /// When it was lifted.
    pub lifted_at: Option<Timestamp>,
}

impl Hold {
    /// Whether it is in force.
    pub fn in_force(&self, now: Timestamp) -> bool {
        self.lifted_at.is_none() && self.until.is_none_or(|until| until > now)
    }
}

impl Store {
    /// Adds a hold. [`StoreError::Erased`] if the account's keys are destroyed already.
    pub async fn add_hold(&self, hold: NewHold) -> Result<Hold, StoreError> {
        let NewHold { account, recipient, reason, until } = hold;
        let id = HoldId::new(self.inner.clock.as_ref(), self.inner.random.as_ref());
        let added_at = self.inner.clock.now();
        let key = self.inner.keyring.account_key(account).await?;
        let recipient_hash = match recipient {
            Some(address) => Some(self.recipient_hash(account, &address).await?),
            None => None,
        };
        let row = ring_hold::Model {
            number: 0,
            id: id.to_row(),
            account: account.to_row(),
            recipient_hash,
            reason: self.inner.seal(&key, REASON, account, &id.to_bytes(), reason.as_bytes())?,
            added_at: added_at.as_micros(),
            until: until.map(Timestamp::as_micros),
            lifted_at: None,
        };
        let number = self.inner.keyring.hold_add(row.clone()).await?;
        self.hold_of(ring_hold::Model { number, ..row }).await
    }

    /// The holds of an account, or of all accounts, oldest first; also those that are over.
    pub async fn holds(&self, account: Option<AccountId>) -> Result<Vec<Hold>, StoreError> {
        let mut holds = Vec::new();
        for row in self.inner.keyring.holds(account).await? {
            holds.push(self.hold_of(row).await?);
        }
        Ok(holds)
    }

    /// Lifts a hold; `None` if there is none with this id that was not lifted before.
    pub async fn lift_hold(&self, id: HoldId) -> Result<Option<Hold>, StoreError> {
        match self.inner.keyring.hold_lift(id, self.inner.clock.now()).await? {
            Some(row) => self.hold_of(row).await.map(Some),
            None => Ok(None),
        }
    }

    /// Whether a hold is in force that this erasure has to wait for.
    pub async fn is_held(&self, erasure: &Erasure) -> Result<bool, StoreError> {
        let Some(account) = erasure.account else { return Ok(false) };
        let now = self.inner.clock.now().as_micros();
        let holds = self.inner.keyring.holds(Some(account)).await?;
        Ok(holds.iter().any(|hold| {
            let in_force = hold.lifted_at.is_none() && hold.until.is_none_or(|until| until > now);
            // Who holds a recipient's data holds the account that has it; who holds the account holds all in it.
            let about = match erasure.kind {
                ErasureKind::Account => true,
                ErasureKind::Recipient => {
                    hold.recipient_hash.is_none() || hold.recipient_hash == erasure.subject_hash
                }
                ErasureKind::Owner | ErasureKind::Login => hold.recipient_hash.is_none(),
            };
            in_force && about
        }))
    }

    async fn hold_of(&self, row: ring_hold::Model) -> Result<Hold, StoreError> {
        let account = AccountId::from_row(&row.account, "ring_holds", "account")?;
        let reason = match self.inner.open_text(REASON, account, &row.id, &row.reason).await {
            Ok(reason) => Some(Sealed::new(reason)),
            Err(StoreError::Erased) => None,
            Err(error) => return Err(error),
        };
        Ok(Hold {
            number: count(row.number),
            id: HoldId::from_row(&row.id, "ring_holds", "id")?,
            account,
            of_recipient: row.recipient_hash.is_some(),
            reason,
            added_at: time(row.added_at),
            until: row.until.map(time),
            lifted_at: row.lifted_at.map(time),
        })
    }
}

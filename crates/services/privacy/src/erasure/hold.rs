//! Legal holds: added and lifted by turns with beginnings, so that none comes too late unseen.

use thiserror::Error;
use waxseal_model::{AccountId, HoldId};
use waxseal_store::{
    StoreError,
    erasure::{Hold, NewHold},
};

use super::{Eraser, ErasureError, ask::checked_address};

/// Why a hold could not be added.
#[derive(Debug, Error)]
pub enum HoldError {
    /// Without a reason nobody can judge it later.
    #[error("the reason must have 1 to {LONGEST_REASON} characters and no control characters")]
    Reason,
    /// It would end before it begins.
    #[error("the end must lie in the future")]
    Over,
    /// The account's keys are destroyed: nothing is left to be held.
    #[error("the erasure of the account has begun; there is nothing left to hold")]
    TooLate,
    /// Not an address.
    #[error(transparent)]
    Recipient(ErasureError),
    /// The store failed.
    #[error(transparent)]
    Store(StoreError),
}

/// Longest reason, in characters.
const LONGEST_REASON: usize = 1_000;

impl Eraser {
    /// Adds a legal hold: what it is about is not erased until it is lifted or over.
    pub async fn add_hold(&self, hold: NewHold) -> Result<Hold, HoldError> {
        let length = hold.reason.trim().chars().count();
        if !(1..=LONGEST_REASON).contains(&length) || hold.reason.chars().any(char::is_control) {
            return Err(HoldError::Reason);
        }
        if hold.until.is_some_and(|until| until <= self.inner.clock.now()) {
            return Err(HoldError::Over);
        }
        let recipient = match &hold.recipient {
            Some(address) => {
                let checked = checked_address(address).ok_or(ErasureError::NotAnAddress);
                Some(checked.map_err(HoldError::Recipient)?.to_owned())
            }
            None => None,
        };
        let _gate = self.inner.gate.lock().await;
        match self.inner.store.add_hold(NewHold { recipient, ..hold }).await {
            Ok(hold) => Ok(hold),
            Err(StoreError::Erased) => Err(HoldError::TooLate),
            Err(error) => Err(HoldError::Store(error)),
        }
    }

    /// The holds of an account, or all of them, oldest first; also those that are over.
    pub async fn holds(&self, account: Option<AccountId>) -> Result<Vec<Hold>, StoreError> {
        self.inner.store.holds(account).await
    }

    /// Lifts a hold: what waited for it is erased. `None` if none with this id is in force.
    pub async fn lift_hold(&self, id: HoldId) -> Result<Option<Hold>, StoreError> {
        let lifted = self.inner.store.lift_hold(id).await?;
        self.inner.asked.notify_one();
        Ok(lifted)
    }
}

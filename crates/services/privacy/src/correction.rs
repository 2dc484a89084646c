//! Correcting what is kept about a recipient: what the suppression lists of an account say about them. Everything else about
//! recipients is a record of mail that was sent, and goes at its time.

use waxseal_model::{AccountId, comparable, suppression::SuppressionKind};
use waxseal_store::{Store, StoreError};

use crate::erasure::checked_address;

/// Why a recipient's data could not be corrected.
#[derive(Debug, thiserror::Error)]
pub enum CorrectionError {
    /// Not an address.
    #[error("{0} must be a full address such as bob@example.org")]
    NotAnAddress(&'static str),
    /// Both are the same.
    #[error("to is the recipient's address already; name the right one")]
    Same,
    /// There is no such list.
    #[error("list: bounces, unsubscribes, complaints or whitelists")]
    NoList,
    /// Taking somebody off all lists would also take back what they wished.
    #[error(
        "say what is wrong: to, the right address, or list, on which the recipient stands without reason"
    )]
    Nothing,
    /// There is nothing to correct.
    #[error("the recipient is on none of these lists: nothing is kept about them that could be corrected")]
    NothingKept,
    /// There is no such account (any more).
    #[error("there is no such account")]
    NoAccount,
    /// The store failed.
    #[error(transparent)]
    Store(StoreError),
}

/// What is to be corrected, checked.
pub struct RecipientCorrection {
    recipient: String,
    to: Option<String>,
    lists: Vec<SuppressionKind>,
}

impl RecipientCorrection {
    /// With the right address `to` the recipient's entries go over to it, without they are taken off. `lists` are those of
    /// the API: `bounces`, `unsubscribes`, `complaints`, `whitelists`; none means all, and then `to` has to be given.
    ///
    /// # Errors
    /// An address that is none, a list that there is not, or nothing that would be wrong.
    pub fn new(recipient: &str, to: Option<&str>, lists: &[String]) -> Result<Self, CorrectionError> {
        let checked = |field, address| {
            checked_address(address).map(str::to_owned).ok_or(CorrectionError::NotAnAddress(field))
        };
        let recipient = checked("recipient", recipient)?;
        let to = to.map(|to| checked("to", to)).transpose()?;
        if to.as_ref().is_some_and(|to| comparable(to) == comparable(&recipient)) {
            return Err(CorrectionError::Same);
        }
        let lists = match (lists, &to) {
            ([], None) => return Err(CorrectionError::Nothing),
            ([], Some(_)) => SuppressionKind::ALL.to_vec(),
            (names, _) => names.iter().map(|name| list(name)).collect::<Result<_, _>>()?,
        };
        Ok(Self { recipient, to, lists })
    }

    /// Whether there is something to correct: asked before it is recorded, so that the trail tells of no correction that was
    /// refused.
    ///
    /// # Errors
    /// None of these lists has the recipient, or the store failed.
    pub async fn check(&self, store: &Store, account: AccountId) -> Result<(), CorrectionError> {
        match store.is_on_lists(account, &self.recipient, &self.lists).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(CorrectionError::NothingKept),
            Err(StoreError::Erased) => Err(CorrectionError::NoAccount),
            Err(error) => Err(CorrectionError::Store(error)),
        }
    }

    /// Corrects it in the lists of all domains of the account; how many entries there were, at least one.
    ///
    /// # Errors
    /// None of these lists has the recipient, or the store failed: then what was to go off a list goes at the next start at the latest.
    pub async fn carry_out(&self, store: &Store, account: AccountId) -> Result<u64, CorrectionError> {
        let corrected =
            store.correct_suppressions(account, &self.recipient, self.to.as_deref(), &self.lists).await;
        match corrected {
            Ok(0) => Err(CorrectionError::NothingKept),
            Ok(entries) => Ok(entries),
            Err(StoreError::Erased) => Err(CorrectionError::NoAccount),
            Err(error) => Err(CorrectionError::Store(error)),
        }
    }
}

fn list(name: &str) -> Result<SuppressionKind, CorrectionError> {
    match name.trim() {
        "bounces" => Ok(SuppressionKind::Bounce),
        "unsubscribes" => Ok(SuppressionKind::Unsubscribe),
        "complaints" => Ok(SuppressionKind::Complaint),
        "whitelists" => Ok(SuppressionKind::Allow),
        _ => Err(CorrectionError::NoList),
    }
}

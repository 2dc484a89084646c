//! Asking for the erasure of a person: a recipient in one account or in all, who has an SMTP login, an account's owner.

use waxseal_model::{AccountId, ErasureId};
use waxseal_store::{StoreError, erasure::Erasure};
use waxseal_suppression::import;
use zeroize::Zeroizing;

use super::{Eraser, ErasureError, is_telling};

/// Erasures of one account that may wait at the same time.
pub(super) const MOST_WAITING: u64 = 1_000;
/// RFC 5321, section 4.5.3.1: 64 and 255 bytes, and the sign between.
const LONGEST_ADDRESS: usize = 320;

impl Eraser {
    /// Asks for the erasure of everything about a recipient within an account. Asked again before it is done, the
    /// answer is the same.
    pub async fn erase_recipient(&self, account: AccountId, address: &str) -> Result<Erasure, ErasureError> {
        let address = checked_address(address).ok_or(ErasureError::NotAnAddress)?;
        self.has_room(account).await?;
        let asked = self.inner.store.ask_recipient_erasure(account, address).await?;
        self.look_also_for(&asked, address);
        self.inner.asked.notify_one();
        Ok(asked)
    }

    /// Whether the account has this login, or something of it: the row of a deleted one that a restore brought back, or an
    /// erasure that is not done.
    async fn check_login(&self, account: AccountId, login: &str) -> Result<(), ErasureError> {
        let login = checked_address(login).ok_or(ErasureError::NotALogin)?;
        match self.inner.store.has_login(account, login).await? {
            true => Ok(()),
            false => Err(ErasureError::NoLogin),
        }
    }

    /// Asks for the erasure of who has an SMTP login: nobody logs in with it once it has begun. What the account has
    /// nothing of is not erased: its copies would go for nobody.
    pub async fn erase_login(&self, account: AccountId, login: &str) -> Result<Erasure, ErasureError> {
        let login = checked_address(login).ok_or(ErasureError::NotALogin)?;
        self.check_login(account, login).await?;
        self.has_room(account).await?;
        let asked = self.inner.store.ask_login_erasure(account, login).await?;
        self.look_also_for(&asked, login);
        self.inner.asked.notify_one();
        Ok(asked)
    }

    /// Asks for the erasure of an account's owner: the profile is empty afterwards, and the account works as before.
    pub async fn erase_owner(&self, account: AccountId) -> Result<Erasure, ErasureError> {
        self.has_room(account).await?;
        let asked = self.inner.store.ask_owner_erasure(account).await?;
        self.inner.asked.notify_one();
        Ok(asked)
    }

    /// Asks for a recipient's in every account that has something about them; which erasures, and how many rows
    /// there were. A pause of the address that is of no account's mail alone ends at once.
    pub async fn erase_recipient_everywhere(
        &self,
        address: &str,
    ) -> Result<(Vec<ErasureId>, u64), ErasureError> {
        let address = checked_address(address).ok_or(ErasureError::NotAnAddress)?;
        // Whoever stands in a file that is being imported is found once that is done.
        import::finish(&self.inner.store, self.inner.clock.as_ref(), None).await?;
        let (mut asked, mut rows, mut after) = (Vec::new(), 0, None);
        loop {
            let page = self.inner.store.accounts(after, 500).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            for account in &page {
                let found = match self.inner.store.recipient_rows(account.id, address).await {
                    // Being erased as a whole.
                    Err(StoreError::Erased) => 0,
                    outcome => outcome?,
                };
                if found > 0 {
                    rows += found;
                    asked.push(self.erase_recipient(account.id, address).await?.id);
                }
            }
        }
        // Last: what it holds back leaves from then on, unless it is being erased.
        self.inner.store.forget_paused_address(address).await?;
        Ok((asked, rows))
    }

    async fn has_room(&self, account: AccountId) -> Result<(), ErasureError> {
        match self.inner.store.waiting_erasures(account).await? {
            MOST_WAITING.. => Err(ErasureError::TooMany),
            _ => Ok(()),
        }
    }

    /// The journal does not know whom it is about; this process does, until it ends.
    pub(super) fn look_also_for(&self, erasure: &Erasure, word: &str) {
        if is_telling(word) {
            self.lock_words().insert(erasure.id, vec![Zeroizing::new(word.to_owned())]);
        }
    }
}

/// An address that somebody may have written to, or logged in with.
pub(crate) fn checked_address(address: &str) -> Option<&str> {
    let address = address.trim();
    let parts = address.rsplit_once('@').filter(|(local, domain)| !local.is_empty() && !domain.is_empty());
    let is_one =
        parts.is_some() && address.len() <= LONGEST_ADDRESS && !address.chars().any(char::is_control);
    is_one.then_some(address)
}

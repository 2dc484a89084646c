//! Erasing: of an account, of a recipient within one, of a user; and legal holds, which put it off.
//!
//! An erasure is an entry of the journal in the keyring's file. It can be taken back while it waits for its time;
//! from [`Store::begin_erasure`] on it only goes forward, whatever stops in between. Keys go first, rows after them
//! in batches, each batch counted in the transaction that deletes it.

mod closed;
mod compact;
mod hold;
mod person;
mod reapply;
pub(crate) mod recipient;
mod rows;

use std::collections::BTreeMap;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use waxseal_model::{AccountId, ErasureId, Timestamp};

pub(crate) use self::{
    closed::{Closed, PARKED},
    rows::add_count,
};
pub use self::{
    compact::Compaction,
    hold::{Hold, NewHold},
    reapply::Reapplied,
};
use crate::{
    entity::erasure_count,
    error::StoreError,
    keyring::NewErasure,
    open::Store,
    rows::{count, signed, time},
    writer::Effects,
};

/// What is erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErasureKind {
    /// An account with everything in it.
    Account,
    /// Everything about one recipient within an account.
    Recipient,
    /// The account's owner: the profile.
    Owner,
    /// A person with an SMTP login.
    Login,
}

impl ErasureKind {
    const ALL: [Self; 4] = [Self::Account, Self::Recipient, Self::Owner, Self::Login];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Recipient => "recipient",
            Self::Owner => "owner",
            Self::Login => "login",
        }
    }

    /// What the word stands for.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// How far an erasure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErasureState {
    /// It can be taken back until its time has come, and waits while a legal hold is in force.
    Grace,
    /// Begun: it cannot be taken back.
    Erasing,
    /// Nothing is left.
    Done,
}

impl ErasureState {
    const ALL: [Self; 3] = [Self::Grace, Self::Erasing, Self::Done];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Grace => "grace",
            Self::Erasing => "erasing",
            Self::Done => "done",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// An entry of the erasure journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erasure {
    /// Its number in the journal.
    pub number: u64,
    /// Its id.
    pub id: ErasureId,
    /// What is erased.
    pub kind: ErasureKind,
    /// Whose data; `None` once the account itself is erased.
    pub account: Option<AccountId>,
    /// A hash of the account's id, in hex: who knows the id can tell that it is this one.
    pub account_hash: String,
    /// Who it is about, as a keyed hash; `None` for the account as a whole and its owner.
    pub(crate) subject_hash: Option<Vec<u8>>,
    /// How far it is.
    pub state: ErasureState,
    /// When it was asked for.
    pub asked_at: Timestamp,
    /// When it begins.
    pub final_at: Timestamp,
    /// When nothing was left.
    pub done_at: Option<Timestamp>,
    /// The account's pseudonym, as the audit trail has it; in hex.
    pub pseudonym: String,
    /// Numbers of the keys that were destroyed.
    pub keys: Vec<i64>,
    /// The certificate, once it is done.
    pub certificate: Option<String>,
}

impl Erasure {
    /// The number as its columns hold it.
    pub(crate) fn row(&self) -> i64 {
        signed(self.number)
    }
}

impl Store {
    /// Asks for the erasure of an account: it is closed from now on, and what waits in its queue stays where it is.
    /// Where that was asked before, the earlier entry is the answer. [`StoreError::Erased`] if there is nothing left
    /// to erase.
    pub async fn ask_account_erasure(
        &self,
        account: AccountId,
        final_at: Timestamp,
    ) -> Result<Erasure, StoreError> {
        if let Some(asked) = self.inner.keyring.journal_of_account(account).await? {
            return Ok(asked);
        }
        let new =
            self.new_erasure(ErasureKind::Account, account, None, ErasureState::Grace, final_at).await?;
        let erasure = self.inner.keyring.journal_add(new).await?;
        self.inner.closed.insert(account, erasure.final_at);
        Ok(erasure)
    }

    /// Asks for the erasure of a recipient within an account.
    pub async fn ask_recipient_erasure(
        &self,
        account: AccountId,
        address: &str,
    ) -> Result<Erasure, StoreError> {
        let hash = self.recipient_hash(account, address).await?;
        self.ask_now(ErasureKind::Recipient, account, Some(hash)).await
    }

    /// Asks for the erasure of the person behind an SMTP login.
    pub async fn ask_login_erasure(&self, account: AccountId, login: &str) -> Result<Erasure, StoreError> {
        let hash = self.inner.keyring.login_hash(&login.to_lowercase());
        self.ask_now(ErasureKind::Login, account, Some(hash)).await
    }

    /// Asks for the erasure of the account's owner: of the profile, not of the account.
    pub async fn ask_owner_erasure(&self, account: AccountId) -> Result<Erasure, StoreError> {
        self.ask_now(ErasureKind::Owner, account, None).await
    }

    async fn ask_now(
        &self,
        kind: ErasureKind,
        account: AccountId,
        subject: Option<Vec<u8>>,
    ) -> Result<Erasure, StoreError> {
        let now = self.inner.clock.now();
        let new = self.new_erasure(kind, account, subject, ErasureState::Grace, now).await?;
        self.inner.keyring.journal_add(new).await
    }

    async fn new_erasure(
        &self,
        kind: ErasureKind,
        account: AccountId,
        subject_hash: Option<Vec<u8>>,
        state: ErasureState,
        final_at: Timestamp,
    ) -> Result<NewErasure, StoreError> {
        let pseudonym = self.account_pseudonym(account).await?.ok_or(StoreError::Erased)?;
        let id = ErasureId::new(self.inner.clock.as_ref(), self.inner.random.as_ref());
        let asked_at = self.inner.clock.now();
        // Time has passed since the caller looked.
        let final_at = final_at.max(asked_at);
        Ok(NewErasure { id, kind, account, subject_hash, pseudonym, state, asked_at, final_at })
    }

    /// The entry with this id.
    pub async fn erasure(&self, id: ErasureId) -> Result<Option<Erasure>, StoreError> {
        self.inner.keyring.journal_entry(id).await
    }

    /// The entry by which this account is to be erased, or was.
    pub async fn account_erasure(&self, account: AccountId) -> Result<Option<Erasure>, StoreError> {
        self.inner.keyring.journal_of_account(account).await
    }

    /// The account's own entry with this id.
    pub async fn erasure_of(&self, account: AccountId, id: ErasureId) -> Result<Option<Erasure>, StoreError> {
        let found = self.inner.keyring.journal_entry(id).await?;
        Ok(found.filter(|erasure| erasure.account == Some(account)))
    }

    /// The account's entries before this number, newest first; at most `limit`.
    pub async fn erasures(
        &self,
        account: AccountId,
        before: Option<u64>,
        limit: u64,
    ) -> Result<Vec<Erasure>, StoreError> {
        self.inner.keyring.journal_page(account, before, limit).await
    }

    /// How many erasures of the account are not done.
    pub async fn waiting_erasures(&self, account: AccountId) -> Result<u64, StoreError> {
        self.inner.keyring.journal_waiting(account).await
    }

    /// The erasures that are not done, oldest first.
    pub async fn open_erasures(&self) -> Result<Vec<Erasure>, StoreError> {
        self.inner.keyring.journal_open().await
    }

    /// Takes the erasure of an account back; whether it was in time. The account is open again when it answers.
    pub async fn take_back_erasure(&self, account: AccountId) -> Result<bool, StoreError> {
        let Some(erasure) = self.inner.keyring.journal_of_account(account).await? else { return Ok(false) };
        if !self.inner.keyring.journal_take_back(erasure.number).await? {
            return Ok(false);
        }
        // In this order: what is parked until the account is open is found here, what a crash leaves, at opening.
        self.inner.closed.remove(account);
        self.unpark(account).await?;
        Ok(true)
    }

    /// Begins an erasure for good; `None` if it was taken back before. With an account as a whole go its keys, now:
    /// whatever is left of it anywhere can be read by nobody from then on. On stable storage when it answers.
    pub async fn begin_erasure(&self, erasure: &Erasure) -> Result<Option<Erasure>, StoreError> {
        if !self.inner.keyring.journal_begin(erasure).await? {
            return Ok(None);
        }
        self.inner.keyring.journal_entry(erasure.id).await
    }

    /// Whom an erasure is about, for the audit trail: sealed under a key of the account, with which it goes. `None` if
    /// it is about the account as a whole or its owner.
    pub async fn tell_erasure(&self, erasure: &Erasure) -> Result<Option<Vec<u8>>, StoreError> {
        match erasure.account {
            Some(account) => self.inner.keyring.tell(account, erasure).await,
            None => Ok(None),
        }
    }

    /// Deletes one more batch of an erasure that has begun: about `limit` rows; how many. With 0 nothing is left.
    pub async fn erase_batch(&self, erasure: &Erasure, limit: u64) -> Result<u64, StoreError> {
        let Some(account) = erasure.account else { return Ok(0) };
        let exports = self.erase_exports(erasure.row(), account).await?;
        if exports > 0 {
            return Ok(exports);
        }
        match (erasure.kind, &erasure.subject_hash) {
            (ErasureKind::Account, _) if self.erase_imports(erasure.row(), account).await? > 0 => Ok(1),
            (ErasureKind::Account, _) => self.erase_account_rows(erasure.row(), account, limit).await,
            (ErasureKind::Recipient, Some(hash)) => {
                self.erase_recipient_rows(erasure.row(), account, hash, limit).await
            }
            (ErasureKind::Login, Some(hash)) => self.erase_login(erasure.row(), account, hash).await,
            (ErasureKind::Owner, _) => self.erase_owner(erasure.row(), account).await,
            (ErasureKind::Recipient | ErasureKind::Login, None) => {
                Err(StoreError::Corrupt { table: "ring_erasures", column: "subject_hash" })
            }
        }
    }

    /// How many rows an erasure has deleted so far, by table.
    pub async fn erasure_counts(&self, erasure: &Erasure) -> Result<BTreeMap<String, u64>, StoreError> {
        let rows = erasure_count::Entity::find()
            .filter(erasure_count::Column::Erasure.eq(erasure.row()))
            .filter(erasure_count::Column::KeptUntil.is_null())
            .all(&self.inner.readers)
            .await?;
        Ok(rows.into_iter().map(|row| (row.store, count(row.rows))).collect())
    }

    /// Of how many messages to several the content stays for a while, because others wait for it, and until when at
    /// most; `None` if there is none. It names the erased recipient.
    pub async fn content_kept(&self, erasure: &Erasure) -> Result<Option<(u64, Timestamp)>, StoreError> {
        let row = erasure_count::Entity::find()
            .filter(erasure_count::Column::Erasure.eq(erasure.row()))
            .filter(erasure_count::Column::KeptUntil.is_not_null())
            .one(&self.inner.readers)
            .await?;
        Ok(row.and_then(|row| Some((count(row.rows), time(row.kept_until?)))))
    }

    /// Ends an erasure: the journal keeps its certificate, and the database notes that it was applied here.
    pub async fn finish_erasure(&self, erasure: &Erasure, certificate: String) -> Result<(), StoreError> {
        let now = self.inner.clock.now();
        let sequence = self.inner.keyring.journal_finish(erasure, now, certificate).await?;
        if let (ErasureKind::Account, Some(account)) = (erasure.kind, erasure.account) {
            self.inner.closed.remove(account);
            self.forget_pauses_of(account).await?;
        }
        self.forget_counts(erasure.row()).await?;
        self.note_applied(sequence).await
    }

    /// Forgets what an erasure has deleted: the certificate has it.
    async fn forget_counts(&self, number: i64) -> Result<(), StoreError> {
        self.inner
            .writer
            .write(Effects::default(), move |tx| {
                Box::pin(async move {
                    erasure_count::Entity::delete_many()
                        .filter(erasure_count::Column::Erasure.eq(number))
                        .exec(tx)
                        .await?;
                    Ok(())
                })
            })
            .await
    }
}

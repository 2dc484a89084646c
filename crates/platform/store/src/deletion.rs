//! What people delete one by one, end or replace: written down beside the keys before the database is told, so that an
//! older database that is put here does not bring it back.
//!
//! Only what somebody decided is written down. What goes because its time has come, or because it was delivered, is not:
//! in a restored database it goes again by itself.

mod reapply;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use waxseal_model::{AccountId, Timestamp};

pub(crate) use crate::keyring::Noted;
use crate::{
    error::StoreError,
    keyring::{Noting, ring_deletion},
    open::Store,
    retention::advance_note,
    rows::RowId,
    vault::Slot,
    writer::{Effects, Tx},
};

pub(crate) const PROFILE: Slot = Slot::new("ring_deletions", "profile");
pub(crate) const PASSWORD: Slot = Slot::new("ring_deletions", "password");

/// What was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DeletionKind {
    /// A stored message is not to be retrieved any more.
    Message,
    /// Captured messages went from the inbox.
    Captured,
    /// What waited in a queue was dropped.
    Queue,
    /// An API key was revoked.
    ApiKey,
    /// A network was taken back.
    Network,
    /// A relay was removed.
    Relay,
    /// An address was taken from a list of suppressions.
    Suppression,
    /// An operator's grant was ended.
    Grant,
    /// A login got another password.
    Password,
    /// A profile was corrected.
    Profile,
    /// A domain was deleted.
    Domain,
    /// A DKIM key was deleted.
    DkimKey,
}

impl DeletionKind {
    const ALL: [Self; 12] = [
        Self::Message,
        Self::Captured,
        Self::Queue,
        Self::ApiKey,
        Self::Network,
        Self::Relay,
        Self::Suppression,
        Self::Grant,
        Self::Password,
        Self::Profile,
        Self::Domain,
        Self::DkimKey,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Captured => "captured",
            Self::Queue => "queue",
            Self::ApiKey => "api_key",
            Self::Network => "network",
            Self::Relay => "relay",
            Self::Suppression => "suppression",
            Self::Grant => "grant",
            Self::Password => "password",
            Self::Profile => "profile",
            Self::Domain => "domain",
            Self::DkimKey => "dkim_key",
        }
    }

    fn parse(text: &str) -> Result<Self, StoreError> {
        let known = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        known.ok_or(StoreError::Corrupt { table: "ring_deletions", column: "kind" })
    }

    /// What it does to copies of the ring and to earlier entries. What lets nobody in any more must not be undone by a
    /// copy either. The rest is no reason to be without a copy for a minute each time.
    const fn noting(self) -> Noting {
        Noting {
            ends_copies: matches!(self, Self::ApiKey | Self::Network | Self::Grant | Self::Password),
            replaces: matches!(self, Self::Password | Self::Profile),
        }
    }
}

impl Store {
    /// Writes down that rows of an account are to go, before they go. `id` is the row's own, of several one after
    /// another. [`StoreError::Erased`] if the account's keys are destroyed: then its rows go anyway.
    pub(crate) async fn note_deletion(
        &self,
        kind: DeletionKind,
        account: AccountId,
        id: Vec<u8>,
    ) -> Result<Noted, StoreError> {
        self.note_entry(kind, self.deletion(kind, account, id)).await
    }

    /// Writes down what takes the place of an account's profile.
    pub(crate) async fn note_profile(
        &self,
        account: AccountId,
        sealed: Vec<u8>,
    ) -> Result<Noted, StoreError> {
        let kind = DeletionKind::Profile;
        let entry =
            ring_deletion::Model { profile: Some(sealed), ..self.deletion(kind, account, account.to_row()) };
        self.note_entry(kind, entry).await
    }

    /// Writes down what takes the place of a login's password.
    pub(crate) async fn note_password(
        &self,
        account: AccountId,
        login: Vec<u8>,
        sealed: Vec<u8>,
    ) -> Result<Noted, StoreError> {
        let kind = DeletionKind::Password;
        let entry = ring_deletion::Model { password: Some(sealed), ..self.deletion(kind, account, login) };
        self.note_entry(kind, entry).await
    }

    async fn note_entry(&self, kind: DeletionKind, entry: ring_deletion::Model) -> Result<Noted, StoreError> {
        self.inner.keyring.note_deletion(entry, kind.noting()).await
    }

    /// Does in the database what was written down. In the same transaction the database notes that it knows: what comes
    /// after a deletion must not be taken for what was deleted, so that does not wait for the next start. What the
    /// database refuses stays written down and is done then. What was handed over is done even if the caller goes away.
    pub(crate) async fn carry_out<T, F>(
        &self,
        noted: Noted,
        effects: Effects,
        work: F,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'a> FnOnce(&'a Tx) -> BoxFuture<'a, Result<T, StoreError>> + Send + 'static,
    {
        let noted = Arc::new(noted);
        let telling = Arc::clone(&noted);
        let settled = Box::new(move |is_written| noted.settle(is_written));
        self.inner
            .writer
            .write_settled(effects, settled, move |tx| {
                Box::pin(async move {
                    let done = work(tx).await?;
                    if let Some(number) = telling.up_to() {
                        advance_note(tx, reapply::TOLD, number).await?;
                        telling.done();
                    }
                    Ok(done)
                })
            })
            .await
    }

    fn deletion(&self, kind: DeletionKind, account: AccountId, id: Vec<u8>) -> ring_deletion::Model {
        ring_deletion::Model {
            number: 0,
            kind: kind.as_str().to_owned(),
            account: account.to_row(),
            id,
            profile: None,
            password: None,
            at: self.inner.clock.now().as_micros(),
        }
    }

    /// Forgets at most `limit` deletions from before, when no backup that old is kept any more; how many.
    pub async fn purge_deletions(&self, before: Timestamp, limit: u64) -> Result<u64, StoreError> {
        self.inner.keyring.purge_deletions(before, limit).await
    }
}

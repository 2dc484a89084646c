//! What the audit trail is told of an erasure, so that a ring from an older copy learns of it again: whom it is about,
//! sealed under a key of the account. With the account's keys it goes.

use waxseal_model::{AccountId, ErasureId, Timestamp};

use super::{Keyring, NewErasure};
use crate::{
    erasure::{Erasure, ErasureKind, ErasureState},
    error::StoreError,
    seal::Place,
};

impl Keyring {
    /// Whom an erasure is about, for the trail; `None` if the account alone says it.
    pub(crate) async fn tell(
        &self,
        account: AccountId,
        erasure: &Erasure,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(subject) = &erasure.subject_hash else { return Ok(None) };
        let key = self.account_key(account).await?;
        key.seal(self.random.as_ref(), place(account), subject).map(Some)
    }

    /// What [`Keyring::tell`] told.
    pub(crate) async fn read_told(&self, account: AccountId, told: &[u8]) -> Result<Vec<u8>, StoreError> {
        let opened = self.account_key(account).await?.open(place(account), told)?;
        Ok(opened.to_vec())
    }

    /// An entry of the journal that a ring from an older copy does not know: asked for and final at these times. The
    /// entry that there is, if there is one.
    pub(crate) async fn journal_recall(
        &self,
        kind: ErasureKind,
        account: AccountId,
        subject_hash: Option<Vec<u8>>,
        (asked_at, final_at): (Timestamp, Timestamp),
    ) -> Result<Erasure, StoreError> {
        let mut id = [0; 16];
        self.random.fill(&mut id);
        let pseudonym = self.pseudonym(account).await?.ok_or(StoreError::Erased)?;
        let (id, state) = (ErasureId::from_u128(u128::from_be_bytes(id)), ErasureState::Grace);
        self.journal_add(NewErasure { id, kind, account, subject_hash, pseudonym, state, asked_at, final_at })
            .await
    }
}

fn place(account: AccountId) -> Place<'static> {
    Place { table: "audit", column: "subject", account, row: &[] }
}

//! Captured messages of sandbox domains: the account's inbox.

use waxseal_model::{AccountId, DomainId, InboxId, MessageId, Sealed, Timestamp};

use crate::{error::StoreError, message::Envelope, open::Store};

/// A captured message for one recipient. Its MIME is the message's body.
pub struct InboxItem {
    /// Id.
    pub id: InboxId,
    /// Account.
    pub account: AccountId,
    /// Sandbox domain it was sent through.
    pub domain: DomainId,
    /// Message.
    pub message: MessageId,
    /// Addresses it would have been sent with.
    pub envelope: Sealed<Envelope>,
    /// When it was captured.
    pub captured_at: Timestamp,
    /// When it is forgotten.
    pub expires_at: Timestamp,
}

impl Store {
    /// Captured messages of the account (of one domain, of one recipient), newest first, older than `before`.
    pub async fn inbox(
        &self,
        _account: AccountId,
        _domain: Option<DomainId>,
        _recipient: Option<&str>,
        _before: Option<InboxId>,
        _limit: u64,
    ) -> Result<Vec<InboxItem>, StoreError> {
        Ok(Vec::new())
    }

    /// One captured message.
    pub async fn inbox_item(
        &self,
        _account: AccountId,
        _id: InboxId,
    ) -> Result<Option<InboxItem>, StoreError> {
        Ok(None)
    }

    /// Deletes one captured message; whether there was one.
    pub async fn delete_inbox_item(&self, _account: AccountId, _id: InboxId) -> Result<bool, StoreError> {
        Ok(false)
    }

    /// Deletes all captured messages of the account (of one domain); how many.
    pub async fn clear_inbox(
        &self,
        _account: AccountId,
        _domain: Option<DomainId>,
    ) -> Result<u64, StoreError> {
        Ok(0)
    }
}

//! Captured messages of sandbox domains: the account's inbox.

use sea_orm::{
    ActiveValue::Unchanged, ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, Set,
};
use waxseal_model::{AccountId, DomainId, InboxId, MessageId, Purpose, Sealed, Timestamp, category};

use crate::{
    deletion::{DeletionKind, Noted},
    entity::{body, inbox_item, message},
    error::StoreError,
    message::Envelope,
    open::Store,
    rows::{RowId, time},
    suppression::address_hash,
    vault::Slot,
    writer::{Effects, Tx},
};

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
    pub envelope: Sealed<Envelope, category::Email>,
    /// When it was captured.
    pub captured_at: Timestamp,
    /// When it is forgotten.
    pub expires_at: Timestamp,
}

/// Items deleted by one transaction.
const PAGE: u64 = 500;

pub(crate) const ENVELOPE: Slot = Slot::new("inbox_items", "envelope");

impl Store {
    /// Captured messages of the account (of one domain, of one recipient), newest first, older than `before`.
    pub async fn inbox(
        &self,
        account: AccountId,
        domain: Option<DomainId>,
        recipient: Option<&str>,
        before: Option<InboxId>,
        limit: u64,
    ) -> Result<Vec<InboxItem>, StoreError> {
        let recipient = match recipient {
            Some(address) => Some(address_hash(&*self.inner.keyring.pepper(account).await?, address)),
            None => None,
        };
        let wanted = Condition::all()
            .add(inbox_item::Column::Account.eq(account.to_row()))
            .add_option(domain.map(|domain| inbox_item::Column::Domain.eq(domain.to_row())))
            .add_option(recipient.map(|hash| inbox_item::Column::RecipientHash.eq(hash)))
            .add_option(before.map(|before| inbox_item::Column::Id.lt(before.to_row())));
        let rows = inbox_item::Entity::find()
            .filter(wanted)
            .order_by_desc(inbox_item::Column::Id)
            .limit(limit)
            .all(self.read_for(Purpose::CustomerAccess))
            .await?;
        let mut items = Vec::with_capacity(rows.len());
        for row in rows {
            match self.item_of(row).await {
                Ok(item) => items.push(item),
                // Its day's key is destroyed: the row only waits for the next purge.
                Err(StoreError::Erased) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(items)
    }

    /// One captured message.
    pub async fn inbox_item(&self, account: AccountId, id: InboxId) -> Result<Option<InboxItem>, StoreError> {
        let row = inbox_item::Entity::find_by_id((account.to_row(), id.to_row()))
            .one(self.read_for(Purpose::CustomerAccess))
            .await?;
        match row {
            Some(row) => self.item_of(row).await.map(Some),
            None => Ok(None),
        }
    }

    /// Deletes one captured message; whether there was one.
    pub async fn delete_inbox_item(&self, account: AccountId, id: InboxId) -> Result<bool, StoreError> {
        let only = Condition::all().add(inbox_item::Column::Id.eq(id.to_row()));
        Ok(self.delete_noted(account, only).await? > 0)
    }

    /// Deletes all captured messages of the account (of one domain); how many.
    pub async fn clear_inbox(&self, account: AccountId, domain: Option<DomainId>) -> Result<u64, StoreError> {
        let only =
            Condition::all().add_option(domain.map(|domain| inbox_item::Column::Domain.eq(domain.to_row())));
        self.delete_noted(account, only).await
    }

    /// Writes down which of an account's fit and deletes those, a page at a time; how many.
    async fn delete_noted(&self, account: AccountId, only: Condition) -> Result<u64, StoreError> {
        let mut deleted = 0;
        loop {
            let page: Vec<Vec<u8>> = inbox_item::Entity::find()
                .select_only()
                .column(inbox_item::Column::Id)
                .filter(inbox_item::Column::Account.eq(account.to_row()))
                .filter(only.clone())
                .order_by_asc(inbox_item::Column::Id)
                .limit(PAGE)
                .into_tuple()
                .all(&self.inner.readers)
                .await?;
            if page.is_empty() {
                return Ok(deleted);
            }
            let noted = self.note_deletion(DeletionKind::Captured, account, page.concat()).await?;
            let those = Condition::all().add(inbox_item::Column::Id.is_in(page));
            deleted += self.delete_items(noted, account, those).await?;
        }
    }

    /// Deletes those of an account that fit; how many.
    pub(crate) async fn delete_items(
        &self,
        noted: Noted,
        account: AccountId,
        only: Condition,
    ) -> Result<u64, StoreError> {
        let now = self.inner.clock.now();
        self.carry_out(noted, Effects::default(), move |tx| Box::pin(delete_items(tx, account, only, now)))
            .await
    }

    async fn item_of(&self, row: inbox_item::Model) -> Result<InboxItem, StoreError> {
        let account = AccountId::from_row(&row.account, "inbox_items", "account")?;
        Ok(InboxItem {
            id: InboxId::from_row(&row.id, "inbox_items", "id")?,
            account,
            domain: DomainId::from_row(&row.domain, "inbox_items", "domain")?,
            message: MessageId::from_row(&row.message, "inbox_items", "message")?,
            envelope: Sealed::new(self.inner.open_json(ENVELOPE, account, &row.id, &row.envelope).await?),
            captured_at: time(row.captured_at),
            expires_at: time(row.expires_at),
        })
    }
}

/// Deletes those of an account that fit, with the bodies that they alone kept; how many.
pub(crate) async fn delete_items(
    tx: &Tx,
    account: AccountId,
    only: Condition,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let rows = inbox_item::Entity::delete_many()
        .filter(inbox_item::Column::Account.eq(account.to_row()))
        .filter(only)
        .exec_with_returning(tx)
        .await?;
    let mut messages: Vec<Vec<u8>> = rows.iter().map(|row| row.message.clone()).collect();
    messages.sort_unstable();
    messages.dedup();
    for message in messages {
        release_body(tx, account, message, now).await?;
    }
    Ok(rows.len() as u64)
}

/// Lets a message's body go if the inbox alone kept it and holds it no more.
async fn release_body(
    tx: &Tx,
    account: AccountId,
    message: Vec<u8>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let left = inbox_item::Entity::find()
        .filter(inbox_item::Column::Account.eq(account.to_row()))
        .filter(inbox_item::Column::Message.eq(message.clone()))
        .count(tx)
        .await?;
    if left > 0 {
        return Ok(());
    }
    let id = (account.to_row(), message);
    let Some(row) = message::Entity::find_by_id(id.clone()).one(tx).await? else { return Ok(()) };
    let keep = (row.keep_until > now.as_micros()).then_some(row.keep_until);
    let changed = message::ActiveModel {
        account: Unchanged(row.account),
        id: Unchanged(row.id),
        captured_until: Set(None),
        body_expires_at: Set(keep.filter(|_| row.pending == 0)),
        ..Default::default()
    };
    message::Entity::update(changed).exec_without_returning(tx).await?;
    if row.pending == 0 && keep.is_none() {
        body::Entity::delete_by_id(id).exec(tx).await?;
    }
    Ok(())
}

//! Getting stored messages back, and ending that.

use std::sync::Arc;

use sea_orm::{
    ActiveValue::Unchanged,
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set,
    sea_query::{CaseStatement, Expr, ExprTrait},
};
use waxseal_model::{AccountId, DomainId, MessageId, Purpose, Sealed, Timestamp, options::Schedule};

use super::{Accepted, StoredMessage};
use crate::{
    content::Content,
    deletion::DeletionKind,
    entity::{body, idempotency_key, message},
    error::StoreError,
    open::Store,
    rows::{RowId, count, from_json, time},
    vault::Slot,
    writer::{Effects, Tx},
};

pub(crate) const MIME: Slot = Slot::new("bodies", "mime");
pub(crate) const TEMPLATE: Slot = Slot::new("messages", "template");
pub(crate) const ANSWER: Slot = Slot::new("idempotency_keys", "answer");

impl Store {
    /// The answer of an earlier call with this idempotency key, before doing the work again.
    pub async fn replay(
        &self,
        account: AccountId,
        key_hash: &[u8; 32],
        request_hash: &[u8; 32],
    ) -> Result<Option<Accepted>, StoreError> {
        let key = self.inner.keyring.pepper(account).await?;
        let id = (account.to_row(), key.hash(b"idempotency", key_hash));
        let now = self.inner.clock.now().as_micros();
        let row = idempotency_key::Entity::find_by_id(id).one(self.read_for(Purpose::CustomerAccess)).await?;
        match row.filter(|row| row.expires_at > now) {
            Some(row) => self.answer_of(account, &row, &key.hash(b"request", request_hash)).await.map(Some),
            None => Ok(None),
        }
    }

    /// The account's message with this id.
    pub async fn message(
        &self,
        account: AccountId,
        id: MessageId,
    ) -> Result<Option<StoredMessage>, StoreError> {
        let row = message::Entity::find_by_id((account.to_row(), id.to_row()))
            .one(self.read_for(Purpose::CustomerAccess))
            .await?;
        match row {
            Some(row) => self.stored_message(account, id, row).await.map(Some),
            None => Ok(None),
        }
    }

    /// The MIME of the account's message for delivery, unless it is gone.
    pub async fn body(&self, account: AccountId, id: MessageId) -> Result<Option<Content>, StoreError> {
        self.body_for(Purpose::Delivery, account, id).await
    }

    /// The MIME of the account's message, unless it is gone. A purpose that content is not for gets an error from the
    /// database.
    pub async fn body_for(
        &self,
        purpose: Purpose,
        account: AccountId,
        id: MessageId,
    ) -> Result<Option<Content>, StoreError> {
        let row =
            body::Entity::find_by_id((account.to_row(), id.to_row())).one(self.read_for(purpose)).await?;
        let Some(row) = row else { return Ok(None) };
        let mime = self.inner.open_bytes(MIME, account, &id.to_bytes(), &row.mime).await?;
        Ok(Some(Content::new(account, mime, Arc::clone(&self.inner.openings))))
    }

    /// The account's messages whose content is there, newest first, older than `before`: for support.
    pub async fn messages_with_body(
        &self,
        account: AccountId,
        before: Option<MessageId>,
        limit: u64,
    ) -> Result<Vec<StoredMessage>, StoreError> {
        let kept = message::Column::Pending.gt(0).or(message::Column::BodyExpiresAt.is_not_null());
        let mut query = message::Entity::find()
            .filter(message::Column::Account.eq(account.to_row()))
            .filter(message::Column::Deleted.eq(false))
            .filter(kept)
            .order_by_desc(message::Column::Id)
            .limit(limit);
        if let Some(before) = before {
            query = query.filter(message::Column::Id.lt(before.to_row()));
        }
        let mut messages = Vec::new();
        for row in query.all(self.read_for(Purpose::Support)).await? {
            let id = MessageId::from_row(&row.id, "messages", "id")?;
            messages.push(self.stored_message(account, id, row).await?);
        }
        Ok(messages)
    }

    /// Ends the retrieval of a message: the body goes now if nothing waits for it, else when the last
    /// recipient is settled (or the sandbox inbox forgets it). Whether there was such a message with a
    /// retrievable body.
    pub async fn delete_message(
        &self,
        account: AccountId,
        domain: DomainId,
        id: MessageId,
    ) -> Result<bool, StoreError> {
        let now = self.inner.clock.now();
        let key = (account.to_row(), id.to_row());
        let row = message::Entity::find_by_id(key.clone())
            .filter(message::Column::Domain.eq(domain.to_row()))
            .one(&self.inner.readers)
            .await?;
        if !row.as_ref().is_some_and(has_body) {
            return Ok(false);
        }
        let noted = self.note_deletion(DeletionKind::Message, account, id.to_row()).await?;
        self.carry_out(noted, Effects::default(), move |tx| Box::pin(end_retrieval(tx, key, now))).await
    }

    async fn stored_message(
        &self,
        account: AccountId,
        id: MessageId,
        row: message::Model,
    ) -> Result<StoredMessage, StoreError> {
        let template = self.inner.open_json(TEMPLATE, account, &row.id, &row.template).await?;
        Ok(StoredMessage {
            id,
            account,
            domain: DomainId::from_row(&row.domain, "messages", "domain")?,
            created_at: time(row.created_at),
            size: count(row.size),
            pending: u32::try_from(row.pending).unwrap_or(0),
            template: Sealed::new(template),
            options: from_json(row.options.as_bytes(), "messages", "options")?,
            schedule: Schedule { not_before: time(row.not_before), give_up_at: time(row.give_up_at) },
            capture: row.capture,
            keep_until: time(row.keep_until),
            has_body: has_body(&row),
        })
    }
}

/// Ends the retrieval of a message by its account and id; whether it could be retrieved.
pub(crate) async fn end_retrieval(
    tx: &Tx,
    key: (Vec<u8>, Vec<u8>),
    now: Timestamp,
) -> Result<bool, StoreError> {
    let row = message::Entity::find_by_id(key.clone()).one(tx).await?;
    let Some(row) = row.filter(has_body) else { return Ok(false) };
    let captured = row.captured_until.filter(|until| *until > now.as_micros());
    let changed = message::ActiveModel {
        account: Unchanged(row.account),
        id: Unchanged(row.id),
        deleted: Set(true),
        keep_until: Set(row.created_at),
        body_expires_at: Set(captured.filter(|_| row.pending == 0)),
        ..Default::default()
    };
    message::Entity::update(changed).exec_without_returning(tx).await?;
    if row.pending == 0 && captured.is_none() {
        body::Entity::delete_by_id(key).exec(tx).await?;
    }
    Ok(true)
}

/// Whether the body can be retrieved.
fn has_body(row: &message::Model) -> bool {
    !row.deleted && (row.pending > 0 || row.body_expires_at.is_some())
}

/// When the body goes, once `settled` more recipients are settled: null while others are pending, and
/// null if it goes at once.
pub(crate) fn settled_keep(settled: i32, now: Timestamp) -> CaseStatement {
    let keep = || {
        CaseStatement::new()
            .case(
                Expr::col(message::Column::CapturedUntil).gt(Expr::col(message::Column::KeepUntil)),
                Expr::col(message::Column::CapturedUntil),
            )
            .finally(Expr::col(message::Column::KeepUntil))
    };
    CaseStatement::new()
        .case(
            Expr::col(message::Column::Pending).lte(settled).and(Expr::expr(keep()).gt(now.as_micros())),
            keep(),
        )
        .finally(Expr::value(Option::<i64>::None))
}

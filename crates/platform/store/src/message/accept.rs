//! Accepting: everything that one call brings, in one durable step.

use std::sync::Arc;

use sea_orm::{ActiveValue, EntityTrait, IntoActiveModel, ModelTrait};
use waxseal_model::{AccountId, DomainId, Sealed, Timestamp};
use zeroize::Zeroizing;

use super::{Accept, Accepted, Idempotency, NewMessage, NewQueueEntry, StoredMessage};
use crate::{
    archive::URL,
    content::Content,
    entity::{archive_job, body, idempotency_key, message, queue_entry},
    error::StoreError,
    event_log::header_hash,
    message::retrieve::{ANSWER, MIME, TEMPLATE},
    open::Store,
    queue::{ENVELOPE, LeaseId, ListsAsOf, Ticket},
    rows::{RowId, insert_all, signed, to_json},
    seal::DataKey,
    writer::{Batch, Effects, Tx},
};

impl Store {
    /// Stores messages, bodies, queue entries and events in one transaction and answers when it is on
    /// stable storage. Many callers share an fsync.
    pub async fn accept(&self, accept: Accept) -> Result<Accepted, StoreError> {
        self.accept_as_of(accept, None).await
    }

    /// The same for recipients who were on no suppression list as of then: what may leave now is handed over to
    /// delivery ([`Store::hand_over`]) if it takes it.
    pub async fn accept_as_of(
        &self,
        accept: Accept,
        lists: Option<ListsAsOf>,
    ) -> Result<Accepted, StoreError> {
        let Accept { account, domain, messages, events, idempotency } = accept;
        self.refuse_closed(account)?;
        let weight = messages.iter().map(|message| message.body.len() + 4096).sum();
        self.inner.room.admit(weight)?;
        let mut batch = Batch::default();
        // A repeated call writes nothing, so there is nothing to hand over.
        let mut ticket = self.ticket(lists.filter(|_| idempotency.is_none()));
        for message in messages {
            self.add_message((&mut batch, &mut ticket), account, domain, message).await?;
        }
        batch.events = self.event_rows(events).await?;
        let effects = Effects {
            queue: batch.entries.iter().any(is_waiting),
            log: !batch.events.is_empty(),
            weight,
            ..Effects::default()
        };
        match idempotency {
            None => {
                let store = self.clone();
                let ticket = ticket.filter(|ticket| !ticket.is_empty());
                let settled = move |is_written| {
                    if let Some(ticket) = ticket {
                        ticket.settle(is_written, &store);
                    }
                };
                self.inner.writer.append(effects, batch, Box::new(settled)).await?;
                Ok(Accepted::New)
            }
            Some(idempotency) => {
                let row = self.idempotency_row(account, idempotency).await?;
                self.accept_once(account, effects, batch, row).await
            }
        }
    }

    /// Accepts unless the call was made before.
    async fn accept_once(
        &self,
        account: AccountId,
        effects: Effects,
        batch: Batch,
        row: idempotency_key::Model,
    ) -> Result<Accepted, StoreError> {
        let now = self.inner.clock.now().as_micros();
        let request_hash = row.request_hash.clone();
        let written = self
            .inner
            .writer
            .write(effects, move |tx| Box::pin(async move { write_once(tx, batch, row, now).await }))
            .await?;
        match written {
            // The keys were held until now, that is beyond the commit.
            Written::Now(_keys) => Ok(Accepted::New),
            Written::Before(earlier) => self.answer_of(account, &earlier, &request_hash).await,
        }
    }

    async fn add_message(
        &self,
        (rows, ticket): (&mut Batch, &mut Option<Ticket>),
        account: AccountId,
        domain: DomainId,
        new: NewMessage,
    ) -> Result<(), StoreError> {
        let day = new.created_at.day();
        let pepper = self.inner.keyring.pepper(account).await?;
        let event_key = self.inner.keyring.event_key(account, day).await?;
        let kept = new.keep_until > new.created_at;
        let pending = i32::try_from(new.entries.len()).unwrap_or(i32::MAX);
        let place = new.id.to_bytes();
        let ticket = ticket.as_mut();
        let room = ticket.as_ref().and_then(|ticket| {
            let is_paused = self.is_any_paused((account, domain), &new.entries);
            ticket.admit((account, domain), &new, self.inner.clock.now(), is_paused)
        });
        let leased = ticket.as_ref().filter(|_| room.is_some()).map(|ticket| (ticket.lease, ticket.until));
        let body = Zeroizing::new(new.body);
        if kept || pending > 0 {
            let content_key = self.inner.keyring.content_key(account, day).await?;
            let row = body::Model {
                account: account.to_row(),
                message: new.id.to_row(),
                day: day.0,
                mime: self.inner.seal(&content_key, MIME, account, &place, &body)?,
            };
            rows.bodies.push(row.into_active_model());
            rows.keys.push(content_key);
        }
        let row = message::Model {
            account: account.to_row(),
            id: new.id.to_row(),
            domain: domain.to_row(),
            created_at: new.created_at.as_micros(),
            header_hash: header_hash(&pepper, &new.header_message_id),
            template: self.inner.seal_json(&event_key, TEMPLATE, account, &place, &new.template)?,
            options: String::from_utf8(to_json(&new.options, "messages", "options")?)
                .map_err(|_| StoreError::Corrupt { table: "messages", column: "options" })?,
            size: signed(body.len() as u64),
            not_before: new.schedule.not_before.as_micros(),
            give_up_at: new.schedule.give_up_at.as_micros(),
            capture: new.capture,
            keep_until: new.keep_until.as_micros(),
            captured_until: None,
            pending,
            body_expires_at: (kept && pending == 0).then_some(new.keep_until.as_micros()),
            deleted: false,
            archive: new.archive_to.is_some() && pending > 0,
        };
        if let Some(url) = new.archive_to.filter(|_| row.archive) {
            let job = archive_job::Model {
                account: row.account.clone(),
                message: row.id.clone(),
                url: self.inner.seal(&event_key, URL, account, &place, url.as_bytes())?,
                attempts: 0,
                released_at: None,
                ready_at: None,
            };
            rows.archives.push(job.into_active_model());
        }
        for entry in &new.entries {
            rows.entries
                .push(self.entry_row(&event_key, account, (&row, leased), entry)?.into_active_model());
        }
        if let (Some(ticket), Some(room)) = (ticket, room) {
            let mut body = body;
            let mime = Sealed::new(std::mem::take(&mut *body));
            let content = Content::new(account, mime, Arc::clone(&self.inner.openings));
            let stored = StoredMessage {
                id: new.id,
                account,
                domain,
                created_at: new.created_at,
                size: row.size.unsigned_abs(),
                pending: pending.unsigned_abs(),
                template: Sealed::new(new.template),
                options: new.options,
                schedule: new.schedule,
                capture: new.capture,
                keep_until: new.keep_until,
                has_body: true,
            };
            ticket.add(new.entries, stored, content, room);
        }
        rows.messages.push(row.into_active_model());
        rows.keys.push(event_key);
        Ok(())
    }

    fn entry_row(
        &self,
        key: &DataKey,
        account: AccountId,
        (message, leased): (&message::Model, Option<(LeaseId, Timestamp)>),
        entry: &NewQueueEntry,
    ) -> Result<queue_entry::Model, StoreError> {
        let place = entry.id.to_bytes();
        Ok(queue_entry::Model {
            id: entry.id.to_row(),
            account: message.account.clone(),
            domain: message.domain.clone(),
            message: message.id.clone(),
            destination: self.inner.keyring.destination_hash(entry.envelope.recipient_domain()),
            envelope: self.inner.seal_json(key, ENVELOPE, account, &place, &entry.envelope)?,
            attempts: 0,
            ready_at: leased.map_or(message.not_before, |(_, until)| until.as_micros()),
            due_at: message.not_before,
            give_up_at: message.give_up_at,
            not_before: message.not_before,
            accepted_at: message.created_at,
            first_attempt_at: None,
            capture: message.capture,
            lease: leased.map(|(lease, _)| lease.to_row()),
            last_reply: None,
        })
    }

    async fn idempotency_row(
        &self,
        account: AccountId,
        new: Idempotency,
    ) -> Result<idempotency_key::Model, StoreError> {
        let key = self.inner.keyring.account_key(account).await?;
        let pepper = self.inner.keyring.pepper(account).await?;
        let key_hash = pepper.hash(b"idempotency", &new.key_hash);
        Ok(idempotency_key::Model {
            account: account.to_row(),
            request_hash: pepper.hash(b"request", &new.request_hash),
            answer: self.inner.seal(&key, ANSWER, account, &key_hash, new.answer.as_bytes())?,
            key_hash,
            expires_at: new.expires_at.as_micros(),
        })
    }

    /// What an earlier call's row answers to this request.
    pub(super) async fn answer_of(
        &self,
        account: AccountId,
        row: &idempotency_key::Model,
        request_hash: &[u8],
    ) -> Result<Accepted, StoreError> {
        if row.request_hash != request_hash {
            return Ok(Accepted::KeyReused);
        }
        let answer = self.inner.open_text(ANSWER, account, &row.key_hash, &row.answer).await?;
        Ok(Accepted::Replayed { answer })
    }
}

/// Whether an entry waits to be taken from the queue.
fn is_waiting(entry: &queue_entry::ActiveModel) -> bool {
    !matches!(entry.lease, ActiveValue::Set(Some(_)) | ActiveValue::Unchanged(Some(_)))
}

/// What became of a call with an idempotency key.
enum Written {
    /// Its rows were written, sealed under these keys.
    Now(Vec<Arc<DataKey>>),
    /// It was made before: the row of then.
    Before(idempotency_key::Model),
}

async fn write_once(
    tx: &Tx,
    batch: Batch,
    row: idempotency_key::Model,
    now: i64,
) -> Result<Written, StoreError> {
    let id = (row.account.clone(), row.key_hash.clone());
    match idempotency_key::Entity::find_by_id(id).one(tx).await? {
        Some(earlier) if earlier.expires_at > now => return Ok(Written::Before(earlier)),
        Some(expired) => {
            expired.delete(tx).await?;
        }
        None => {}
    }
    insert_all(tx, vec![row.into_active_model()]).await?;
    Ok(Written::Now(batch.insert(tx).await?))
}

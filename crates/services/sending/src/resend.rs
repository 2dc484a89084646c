//! Sending a stored message again, to other recipients.

use std::sync::Arc;

use thiserror::Error;
use waxseal_accounts::caller::Caller;
use waxseal_mail::patch::{Limits, Message, Patch};
use waxseal_model::{Access, MessageId, Timestamp, actor, event::EventDetails, options::Schedule, purpose};
use waxseal_store::{
    StoreError,
    domain::Domain,
    message::{Accept, StoredMessage},
};

use crate::{
    build::{Built, Ready},
    error::SendError,
    finish::{Finisher, before_finish},
    idempotency::Repeatable,
    nature::Nature,
    options::{HiddenHeaders, KeyName, Options},
    order,
    recipients::{self, Recipients},
    request::Via,
    send::{Inner, Sending, Sent},
    suppressed,
};

/// Why a message was not sent again.
#[derive(Debug, Error)]
pub enum ResendError {
    /// The domain has no such message, or its content is gone (HTTP 404).
    #[error("Message not found")]
    NotFound,
    /// It was refused.
    #[error(transparent)]
    Send(#[from] SendError),
}

impl From<StoreError> for ResendError {
    fn from(error: StoreError) -> Self {
        Self::Send(error.into())
    }
}

impl Sending {
    /// Sends a stored message to `to` as it is, under its own Message-ID and with the options of its first sending,
    /// signed anew; but for its schedule: it leaves now, and has as long to arrive as it had then. With an idempotency key a
    /// call that is made again sends nothing.
    pub async fn resend(
        &self,
        caller: &Caller,
        domain: &Domain,
        id: MessageId,
        to: &[String],
        idempotency_key: Option<&str>,
    ) -> Result<Sent, ResendError> {
        let Inner { store, capacity, clock, config, allowances, .. } = &*self.inner;
        order::may_send(caller, domain)?;
        let repeatable = Repeatable::resending(idempotency_key, domain, id, to)?;
        if let Some(answer) = self.earlier_answer(caller.account, repeatable.as_ref()).await? {
            return Ok(answer);
        }
        let to = recipients::required("to", to, config.max_recipients)?;
        let addresses = Recipients { to, cc: Vec::new(), bcc: Vec::new() }.unique(config)?;
        let access = Access::new(actor::Customer, purpose::Delivery);
        let message = store.message(domain.account, id).await?;
        // A message that was deleted may still have its content for those it waits for: not for others.
        let now = clock.now();
        let message = message.filter(|message| message.domain == domain.id && message.retrievable(now));
        let message = message.ok_or(ResendError::NotFound)?;
        let size = usize::try_from(message.size).unwrap_or(usize::MAX);
        let _room = capacity.take(domain.account, size.saturating_mul(3))?;
        let spending = allowances.take(domain.account, &domain.name, (addresses.len(), size), now)?;
        let body = store.body(domain.account, id).await?.ok_or(ResendError::NotFound)?.into_open(&access);
        let template = message.template.open(&access).clone();
        let options = options(message, &template, now)?;
        let secondary = self.secondary_signer(domain, &options).await?;
        let lists = store.lists_as_of_now();
        let verdicts = suppressed::verdicts(store, domain, &addresses, &options.tags).await?;
        let keys = self.inner.domains.keys(domain).await.map_err(|error| SendError::Store(error.into()))?;
        let origin = order::origin(caller);
        let (inner, domain) = (Arc::clone(&self.inner), domain.clone());
        let work = move || -> Result<Ready, SendError> {
            let sender =
                template.envelope.as_ref().map(|envelope| envelope.sender.clone()).unwrap_or_default();
            let built = rebuild(&body, template, now)?;
            let finisher = Finisher {
                domain: &domain,
                via: Via::Http,
                origin: &origin,
                sender: &sender,
                options: &options,
                keys: &keys,
                secondary: secondary.as_deref(),
                verdicts: &verdicts,
                batch_id: None,
                config: &inner.config,
                clock: &*inner.clock,
                random: &*inner.random,
                now,
            };
            let answer = format!("<{}>", built.message_id);
            let mut events = Vec::new();
            let message = finisher.finish(built, &addresses, &mut events)?;
            let (account, domain) = (domain.account, domain.id);
            Ok(Ready {
                accept: Accept { account, domain, messages: vec![message], events, idempotency: None },
                answer,
            })
        };
        let Ready { mut accept, answer } = capacity.compute(size, work).await??;
        accept.idempotency = repeatable.map(|repeatable| repeatable.with_answer(&answer, now));
        let sent = self.commit(accept, lists, answer).await?;
        Ok(Sent { left: spending.keep(), ..sent })
    }
}

/// The options of the first sending, but for its schedule.
fn options(message: StoredMessage, template: &EventDetails, now: Timestamp) -> Result<Options, SendError> {
    let StoredMessage { options: delivery, schedule, .. } = message;
    let key = |name: &Option<String>| name.as_deref().map(KeyName::read).transpose();
    Ok(Options {
        tags: template.tags.clone(),
        sign: !delivery.signing.off,
        secondary_dkim: key(&delivery.signing.secondary)?,
        secondary_dkim_public: key(&delivery.signing.secondary_public)?,
        schedule: Schedule {
            not_before: now,
            give_up_at: now + schedule.give_up_at.since(schedule.not_before),
        },
        scheduled: false,
        archive_to: template.archive_to.clone(),
        // What the first sending hid is not in the stored MIME, and nothing writes it again.
        hidden_headers: HiddenHeaders::default(),
        delivery,
    })
}

/// The stored MIME without the signatures and marks of its first sending.
fn rebuild(stored: &[u8], template: EventDetails, now: Timestamp) -> Result<Built, SendError> {
    // What was accepted once was within the limits; our own headers may have taken it a little over.
    let limits = Limits { size: usize::MAX, header_block: usize::MAX, ..Limits::default() };
    let message = Message::read(before_finish(stored).to_vec(), &limits)
        .map_err(|error| SendError::Invalid(error.to_string()))?;
    let info = template.message;
    let patch = Patch { set: &[], remove: &[], message_id: &info.message_id, date: now };
    let patched = message.patch(&patch).map_err(|error| SendError::Invalid(error.to_string()))?;
    Ok(Built {
        mime: patched.mime,
        message_id: patched.message_id,
        from: info.from,
        to: info.to,
        subject: info.subject,
        attachments: info.attachments,
        nature: Nature { is_amp: template.flags.is_amp, is_encrypted: template.flags.is_encrypted },
        variables: template.user_variables,
    })
}

//! Sending a stored message again, to other recipients.

use std::sync::Arc;

use thiserror::Error;
use waxseal_accounts::caller::Caller;
use waxseal_mail::patch::{Limits, Message, Patch};
use waxseal_model::{Access, Actor, MessageId, Purpose, Timestamp, event::EventDetails};
use waxseal_store::{
    StoreError,
    domain::Domain,
    message::{Accept, StoredMessage},
};

use crate::{
    build::{Built, Ready},
    error::SendError,
    finish::Finisher,
    idempotency::Repeatable,
    options::{self, Options, Rules},
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
    /// Sends a stored message to `to` as it is, under its own Message-ID, newly signed. With an idempotency key a
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
        let access = Access::new(Actor::Customer, Purpose::Delivery);
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
        let options = options(&self.inner, domain, message, &template, now)?;
        let verdicts = suppressed::verdicts(store, domain, &addresses, &options.tags).await?;
        let keys = self.inner.domains.keys(domain).await.map_err(|error| SendError::Store(error.into()))?;
        let origin = order::origin(caller);
        let (inner, domain) = (Arc::clone(&self.inner), domain.clone());
        let work = move || -> Result<Ready, SendError> {
            let sender =
                template.envelope.as_ref().map(|envelope| envelope.sender.clone()).unwrap_or_default();
            let built = rebuild(body, template, now)?;
            let finisher = Finisher {
                domain: &domain,
                via: Via::Http,
                origin: &origin,
                sender: &sender,
                options: &options,
                keys: &keys,
                secondary: None,
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
        let sent = self.commit(accept, answer).await?;
        Ok(Sent { left: spending.keep(), ..sent })
    }
}

/// The options of the first sending, but for its schedule: it leaves now.
fn options(
    inner: &Inner,
    domain: &Domain,
    message: StoredMessage,
    template: &EventDetails,
    now: Timestamp,
) -> Result<Options, SendError> {
    let rules = Rules { now, settings: &domain.settings, config: &inner.config };
    let fresh = options::read([], &rules)?;
    Ok(Options { tags: template.tags.clone(), delivery: message.options, ..fresh })
}

/// The stored MIME without the signatures and marks of its first sending.
fn rebuild(body: Vec<u8>, template: EventDetails, now: Timestamp) -> Result<Built, SendError> {
    // What was accepted once was within the limits; our own headers may have taken it a little over.
    let limits = Limits { size: usize::MAX, header_block: usize::MAX, ..Limits::default() };
    let message = Message::read(body, &limits).map_err(|error| SendError::Invalid(error.to_string()))?;
    let info = template.message;
    let patch = Patch { set: &[], remove: &["DKIM-Signature"], message_id: &info.message_id, date: now };
    let patched = message.patch(&patch).map_err(|error| SendError::Invalid(error.to_string()))?;
    Ok(Built {
        mime: patched.mime,
        message_id: patched.message_id,
        from: info.from,
        to: info.to,
        subject: info.subject,
        attachments: info.attachments,
        has_amp: template.flags.is_amp,
        variables: template.user_variables,
    })
}

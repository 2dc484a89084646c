//! From an order to what the store accepts: every copy built, signed and told of. CPU work, no I/O.

use std::{collections::HashMap, sync::Arc};

use waxseal_domains::DomainKeys;
use waxseal_mail::{dkim::Signer, message_id, options as option_headers, substitute::MimeTemplate};
use waxseal_model::{Clock, Random, Timestamp, event::AttachmentInfo, suppression::Verdict};
use waxseal_store::message::Accept;

use crate::{
    batch::Substitution,
    config::SendingConfig,
    error::SendError,
    finish::Finisher,
    mime,
    nature::Nature,
    order::{Body, Copy, Order, check_batch_bytes},
    parts,
};

/// An order with everything that building it needs.
pub(crate) struct Job {
    pub(crate) order: Order,
    pub(crate) keys: Arc<DomainKeys>,
    pub(crate) secondary: Option<Arc<Signer>>,
    pub(crate) verdicts: HashMap<String, Verdict>,
    pub(crate) config: Arc<SendingConfig>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) now: Timestamp,
}

/// What the copies of an order have in common.
pub(crate) struct Common<'a> {
    pub(crate) config: &'a SendingConfig,
    pub(crate) random: &'a dyn Random,
    pub(crate) now: Timestamp,
    /// Without brackets; a customer's MIME may have its own.
    pub(crate) message_id: &'a str,
}

/// The MIME of one copy, unsigned, and what events tell of it.
pub(crate) struct Built {
    pub(crate) mime: Vec<u8>,
    pub(crate) message_id: String,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) subject: String,
    pub(crate) attachments: Vec<AttachmentInfo>,
    pub(crate) nature: Nature,
    pub(crate) variables: Vec<(String, String)>,
}

/// Everything to commit, and the answer to give.
pub(crate) struct Ready {
    pub(crate) accept: Accept,
    /// Message-ID with angle brackets.
    pub(crate) answer: String,
}

impl Job {
    /// Builds and signs every copy.
    pub(crate) fn run(&self) -> Result<Ready, SendError> {
        let message_id = self.message_id()?;
        let common =
            Common { config: &self.config, random: &*self.random, now: self.now, message_id: &message_id };
        let template = match &self.order.body {
            Body::Mime(message) if self.order.batch.is_some() => {
                Some(MimeTemplate::read(message.as_bytes().to_vec()))
            }
            Body::Mime(_) | Body::Parts(_) => None,
        };
        let batch_id = self.order.batch.is_some().then(|| self.fresh_batch_id());
        let finisher = self.finisher(batch_id.as_deref());
        let (mut messages, mut events) = (Vec::new(), Vec::new());
        let (mut total, mut answer) = (0usize, None);
        for copy in self.order.copies() {
            let built = self.build(&copy, template.as_ref(), &common)?;
            answer.get_or_insert_with(|| format!("<{}>", built.message_id));
            let message = finisher.finish(built, &copy.addresses, &mut events)?;
            total = total.saturating_add(message.body.len());
            if batch_id.is_some() {
                check_batch_bytes(total, &self.config)?;
            }
            messages.push(message);
        }
        let accept = Accept {
            account: self.order.domain.account,
            domain: self.order.domain.id,
            messages,
            events,
            idempotency: None,
        };
        Ok(Ready { accept, answer: answer.unwrap_or_else(|| format!("<{message_id}>")) })
    }

    fn finisher<'a>(&'a self, batch_id: Option<&'a str>) -> Finisher<'a> {
        Finisher {
            domain: &self.order.domain,
            via: self.order.via,
            origin: &self.order.origin,
            sender: &self.order.sender,
            options: &self.order.options,
            keys: &self.keys,
            secondary: self.secondary.as_deref(),
            verdicts: &self.verdicts,
            batch_id,
            config: &self.config,
            clock: &*self.clock,
            random: &*self.random,
            now: self.now,
        }
    }

    fn build(
        &self,
        copy: &Copy,
        template: Option<&MimeTemplate>,
        common: &Common<'_>,
    ) -> Result<Built, SendError> {
        let order = &self.order;
        let to = copy.to.as_ref();
        let substitution = Substitution::of(order.batch.as_ref(), to, self.config.max_message_bytes);
        match &order.body {
            Body::Parts(parts) => parts::build(order, parts, to, &substitution, common),
            Body::Mime(message) => mime::build(order, message, template, to, &substitution, common),
        }
    }

    /// The Message-ID that the caller gave, or a fresh one.
    fn message_id(&self) -> Result<String, SendError> {
        let given = self.order.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("message-id"));
        if let Some((_, value)) = given.filter(|(_, value)| !value.trim().is_empty()) {
            let text = "h:Message-Id is not a valid Message-ID: give <left@right> without spaces";
            return message_id::parse(value).ok_or_else(|| SendError::Invalid(text.into()));
        }
        let mut random = [0u8; 8];
        self.random.fill(&mut random);
        Ok(message_id::fresh(self.now, random, &self.order.domain.name))
    }

    fn fresh_batch_id(&self) -> String {
        let mut random = [0u8; 12];
        self.random.fill(&mut random);
        random.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl Order {
    /// Our own headers of the delivered copy, less those that the caller hides.
    pub(crate) fn own_headers(&self, variables: &[(String, String)]) -> Vec<(String, String)> {
        let mut headers: Vec<(String, String)> =
            self.options.tags.iter().map(|tag| ("X-Mailgun-Tag".into(), tag.clone())).collect();
        if !variables.is_empty() {
            headers.push(("X-Mailgun-Variables".into(), option_headers::variables_value(variables)));
        }
        headers.retain(|(name, _)| !self.options.hidden_headers.hides(name));
        headers
    }
}

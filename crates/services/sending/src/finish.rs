//! The last step of a copy: signatures, rows and events.

use std::{collections::HashMap, time::Duration};

use waxseal_domains::{DomainKeys, DomainKeysError};
use waxseal_mail::{
    Address,
    dkim::{self, Signer},
    received,
};
use waxseal_model::{
    Clock, MessageId, Random, RecipientId, Timestamp, event::EventDetails, suppression::Verdict,
};
use waxseal_store::{
    domain::{Domain, DomainKind},
    message::{Envelope, NewEvent, NewMessage, NewQueueEntry},
};

use crate::{
    build::Built,
    config::SendingConfig,
    error::SendError,
    events::{self, EventMaker},
    options::Options,
    order::Origin,
    request::Via,
};

/// How the copies of one call are finished.
pub(crate) struct Finisher<'a> {
    pub(crate) domain: &'a Domain,
    pub(crate) via: Via,
    pub(crate) origin: &'a Origin,
    /// Sender as the customer sees it.
    pub(crate) sender: &'a str,
    pub(crate) options: &'a Options,
    pub(crate) keys: &'a DomainKeys,
    pub(crate) secondary: Option<&'a Signer>,
    /// By [`Address::key`].
    pub(crate) verdicts: &'a HashMap<String, Verdict>,
    pub(crate) batch_id: Option<&'a str>,
    pub(crate) config: &'a SendingConfig,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) random: &'a dyn Random,
    pub(crate) now: Timestamp,
}

impl Finisher<'_> {
    /// Signs a copy and makes its rows; its events are added to `events`.
    pub(crate) fn finish(
        &self,
        built: Built,
        addresses: &[Address],
        events: &mut Vec<NewEvent>,
    ) -> Result<NewMessage, SendError> {
        let id = MessageId::new(self.clock, self.random);
        let body = self.sign(&built.mime, id)?;
        let template = events::template(self, &built, body.len(), addresses);
        let entries = self.recipients(id, addresses, &events::told(&template), events);
        Ok(NewMessage {
            id,
            created_at: self.now,
            header_message_id: built.message_id,
            body,
            template,
            options: self.options.delivery.clone(),
            schedule: self.options.schedule,
            capture: self.domain.kind == DomainKind::Sandbox,
            keep_until: self.now + Duration::from_secs(self.domain.settings.message_ttl_secs.into()),
            archive_to: self.options.archive_to.clone(),
            entries,
        })
    }

    /// `<selector>._domainkey.<domain>` of the first signature.
    pub(crate) fn primary_dkim(&self) -> Option<String> {
        let first = self.keys.signers.first().filter(|_| self.options.sign)?;
        Some(format!("{}._domainkey.{}", first.selector(), self.domain.name))
    }

    /// A queue entry for everybody who gets mail; events for all.
    fn recipients(
        &self,
        message: MessageId,
        addresses: &[Address],
        template: &EventDetails,
        events: &mut Vec<NewEvent>,
    ) -> Vec<NewQueueEntry> {
        let maker = EventMaker { finisher: self, message, template };
        let mut receive = Vec::with_capacity(addresses.len());
        for address in addresses {
            events.push(maker.accepted(address));
            if let Some(verdict) = self.verdicts.get(&address.key()) {
                events.push(maker.suppressed(address, *verdict));
            } else if self.options.delivery.test_mode {
                events.push(maker.pretended(address));
            } else {
                receive.push(address);
            }
        }
        self.entries(receive)
    }

    /// Queue entries. Those at one domain follow each other and share the return path of the first of them, since only what
    /// has the same one can go in one transaction.
    fn entries(&self, mut addresses: Vec<&Address>) -> Vec<NewQueueEntry> {
        let shared = self.config.shared_return_paths;
        if shared {
            addresses.sort_by(|one, other| one.domain().cmp(other.domain()));
        }
        let mut path: Option<(&str, String)> = None;
        let mut entries = Vec::with_capacity(addresses.len());
        for address in addresses {
            let id = RecipientId::new(self.clock, self.random);
            let reverse_path = match path.take() {
                _ if self.options.delivery.null_reverse_path => String::new(),
                Some((domain, before)) if shared && domain == address.domain() => before,
                _ => self.keys.return_path.address(id),
            };
            path = Some((address.domain(), reverse_path.clone()));
            let source = self.options.delivery.source();
            entries.push(NewQueueEntry {
                id,
                envelope: Envelope { reverse_path, recipient: address.to_string(), source },
            });
        }
        entries
    }

    /// The MIME as it will leave: signatures, our own trace, and the message.
    fn sign(&self, mime: &[u8], id: MessageId) -> Result<Vec<u8>, SendError> {
        let signers = self.signers();
        let signatures = if signers.is_empty() {
            Vec::new()
        } else {
            let expires = self.options.schedule.give_up_at + SIGNATURE_MARGIN;
            dkim::sign(&signers, mime, self.now, Some(expires))
                .map_err(|error| SendError::Store(DomainKeysError::from(error).into()))?
        };
        let via = match self.via {
            Via::Http => received::Via::Http,
            Via::Smtp => received::Via::Smtp,
        };
        let received = received::line(&self.config.hostname, via, &id.to_string(), self.now);
        let batch_id = self.batch_id.filter(|_| !self.options.hidden_headers.hides(BATCH_ID));
        let batch_id = batch_id.map(|id| format!("{BATCH_ID}: {id}\r\n")).unwrap_or_default();
        Ok([&signatures, batch_id.as_bytes(), received.as_bytes(), mime].concat())
    }

    fn signers(&self) -> Vec<&Signer> {
        if !self.options.sign {
            return Vec::new();
        }
        self.keys.signers.iter().chain(self.secondary).collect()
    }
}

/// The MIME as it was before [`Finisher::finish`] signed it: without our signatures, our batch's id and our trace,
/// which stand above everything of the customer's, its own signatures too.
pub(crate) fn before_finish(finished: &[u8]) -> &[u8] {
    let mut rest = finished;
    while let Some((name, below)) = first_field(rest) {
        if name.eq_ignore_ascii_case(b"Received") {
            return below;
        }
        if !name.eq_ignore_ascii_case(b"DKIM-Signature") && !name.eq_ignore_ascii_case(BATCH_ID.as_bytes()) {
            break;
        }
        rest = below;
    }
    finished
}

/// The name of the first field, and what follows the field.
fn first_field(mime: &[u8]) -> Option<(&[u8], &[u8])> {
    let name = mime.split(|byte| *byte == b':').next()?;
    let mut ends = mime.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
    let end = ends.find(|end| !matches!(mime.get(*end), Some(b' ' | b'\t')))?;
    Some((name, mime.get(end..)?))
}

const BATCH_ID: &str = "X-Mailgun-Batch-Id";
/// A signature outlives the last attempt by this much: time to be read and checked again.
const SIGNATURE_MARGIN: Duration = Duration::from_secs(7 * 86_400);

//! Events that a call writes: `accepted` of every recipient, and what is known of it at once.

use waxseal_mail::Address;
use waxseal_model::{
    EventId, MessageId,
    event::{DeliveryStatus, EnvelopeInfo, EventDetails, EventFlags, EventKind, MessageInfo, Severity},
    suppression::Verdict,
};
use waxseal_store::message::NewEvent;

use crate::{build::Built, finish::Finisher, request::Via, variables};

/// Makes the events of one message.
pub(crate) struct EventMaker<'a> {
    pub(crate) finisher: &'a Finisher<'a>,
    pub(crate) message: MessageId,
    /// What every event of the message repeats, as [`told`] makes it.
    pub(crate) template: &'a EventDetails,
}

impl EventMaker<'_> {
    /// The platform took responsibility for this recipient.
    pub(crate) fn accepted(&self, recipient: &Address) -> NewEvent {
        let mut details = self.details(recipient);
        let method = method(self.finisher.via);
        details.method = Some(method.into());
        details.api_key_id.clone_from(&self.finisher.origin.key_id);
        details.originating_ip.clone_from(&self.finisher.origin.address);
        if let Some(envelope) = &mut details.envelope {
            envelope.transport = method.into();
        }
        let options = self.finisher.options;
        details.message.scheduled_for = options.scheduled.then_some(options.schedule.not_before.as_secs());
        self.event(EventKind::Accepted, None, details)
    }

    /// This recipient is on a suppression list: nothing is sent.
    pub(crate) fn suppressed(&self, recipient: &Address, verdict: Verdict) -> NewEvent {
        let mut details = self.details(recipient);
        details.message.recipients.clear();
        details.reason = Some(verdict.reason().into());
        details.delivery_status = Some(DeliveryStatus {
            code: verdict.code(),
            description: verdict.description().into(),
            attempt_no: 1,
            ..DeliveryStatus::default()
        });
        self.event(EventKind::Failed, Some(Severity::Permanent), details)
    }

    /// Test mode: reported as delivered, nothing is sent.
    pub(crate) fn pretended(&self, recipient: &Address) -> NewEvent {
        let mut details = self.details(recipient);
        details.message.recipients.clear();
        details.delivery_status = Some(DeliveryStatus {
            code: 650,
            description: "Message was not delivered: test mode".into(),
            attempt_no: 1,
            ..DeliveryStatus::default()
        });
        self.event(EventKind::Delivered, None, details)
    }

    fn details(&self, recipient: &Address) -> EventDetails {
        let mut details = self.template.clone();
        let address = recipient.to_string();
        if let Some(envelope) = &mut details.envelope {
            envelope.targets.clone_from(&address);
        }
        details.recipient = Some(address);
        details
    }

    fn event(&self, kind: EventKind, severity: Option<Severity>, details: EventDetails) -> NewEvent {
        NewEvent {
            id: EventId::new(self.finisher.clock, self.finisher.random),
            at: self.finisher.now,
            kind,
            severity,
            account: self.finisher.domain.account,
            domain: self.finisher.domain.id,
            message: Some(self.message),
            details,
        }
    }
}

/// What events repeat of what is stored with their message. Of its recipients they name the first
/// [`MOST_ADDRESSES`]: a thousand events that each name a thousand people would weigh more than the mail.
pub(crate) fn told(stored: &EventDetails) -> EventDetails {
    let mut told = stored.clone();
    told.message.recipients.truncate(MOST_ADDRESSES);
    told.archive_to = None;
    told
}

/// What is stored with a message for its events and for its owner.
pub(crate) fn template(
    finisher: &Finisher<'_>,
    built: &Built,
    size: usize,
    addresses: &[Address],
) -> EventDetails {
    EventDetails {
        tags: finisher.options.tags.clone(),
        user_variables: variables::for_events(&built.variables),
        message: MessageInfo {
            message_id: built.message_id.clone(),
            from: shorten(&built.from, LONGEST_HEADER),
            to: shorten(&built.to, LONGEST_HEADER),
            subject: shorten(&built.subject, LONGEST_HEADER),
            attachments: built.attachments.iter().take(MOST_ATTACHMENTS).cloned().collect(),
            recipients: addresses.iter().map(Address::to_string).collect(),
            size: size as u64,
            scheduled_for: None,
        },
        envelope: Some(EnvelopeInfo {
            sender: finisher.sender.to_owned(),
            transport: "smtp".into(),
            ..EnvelopeInfo::default()
        }),
        flags: EventFlags {
            is_authenticated: finisher.origin.authenticated,
            is_test_mode: finisher.options.delivery.test_mode,
            is_amp: built.nature.is_amp,
            is_encrypted: built.nature.is_encrypted,
            is_big: size > BIG,
            ..EventFlags::default()
        },
        primary_dkim: finisher.primary_dkim(),
        batch_id: finisher.batch_id.map(ToOwned::to_owned),
        archive_to: finisher.options.archive_to.clone(),
        ..EventDetails::default()
    }
}

/// The text, cut to this many bytes at a character.
pub(crate) fn shorten(text: &str, bytes: usize) -> String {
    let mut end = text.len().min(bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().to_owned()
}

const fn method(via: Via) -> &'static str {
    match via {
        Via::Http => "http",
        Via::Smtp => "smtp",
    }
}

/// Addresses that an event names of all recipients of its message.
pub(crate) const MOST_ADDRESSES: usize = 100;
/// More bytes than many servers take: the limit of a Postfix that nobody configured.
const BIG: usize = 10_240_000;
const MOST_ATTACHMENTS: usize = 100;
const LONGEST_HEADER: usize = 4_096;

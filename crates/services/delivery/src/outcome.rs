//! From a report to what is committed: the event, the next attempt, the suppression.

use std::time::Duration;

use waxseal_model::{
    Access, EventId, Timestamp, actor,
    event::{DeliveryStatus, EventDetails, EventKind, Severity},
    purpose,
    suppression::SuppressionKind,
};
use waxseal_store::{
    message::NewEvent,
    queue::LeasedEntry,
    suppression::{NewSuppression, SuppressionDetails},
};

use crate::{
    line::Contact,
    report::{Ending, Report},
    schedule,
    scrub::scrub,
    service::Shared,
    settler::{Decided, Decision},
};

/// The right of the worker to read addresses and content.
pub(crate) const ACCESS: Access<purpose::Delivery> = Access::new(actor::System, purpose::Delivery);

/// Description of a message whose time is over.
const TOO_OLD: &str = "Too old";

/// What all recipients of an attempt share.
pub(crate) struct Attempt<'a> {
    pub(crate) template: &'a EventDetails,
    pub(crate) began_at: Timestamp,
    pub(crate) took: Duration,
    pub(crate) contact: Option<&'a Contact>,
    pub(crate) utf8: Option<bool>,
    /// Whether a message may be given up by the clock as it stands.
    pub(crate) may_expire: bool,
}

impl Attempt<'_> {
    /// What becomes of an entry for which the attempt ended like this.
    pub(crate) fn decide(&self, shared: &Shared, entry: &LeasedEntry, report: &Report) -> Decision {
        let now = shared.clock.now();
        let status = self.status(shared, entry, report);
        let (ending, kind, severity, status, reason) = match report.ending {
            Ending::Delivered => (Decided::Done(None), EventKind::Delivered, None, status, None),
            Ending::Permanent { dead_address } => {
                let suppress = dead_address.then(|| bounce(entry, report, now));
                // Of a suppressed recipient nothing bounced now.
                let bounce_type = (report.code < 600).then(|| report.class.bounce_type().into());
                let status = DeliveryStatus { bounce_type, ..status };
                (
                    Decided::Done(suppress),
                    EventKind::Failed,
                    Some(Severity::Permanent),
                    status,
                    Some(report.reason),
                )
            }
            Ending::Temporary | Ending::Together => {
                match self.next_attempt(shared, entry, report.ending, now) {
                    Some(next_attempt_at) => {
                        let retry_seconds = Some(next_attempt_at.since(now).as_secs());
                        let deferred = Decided::Deferred {
                            next_attempt_at,
                            first_attempt_at: entry.first_attempt_at.unwrap_or(self.began_at),
                            last_reply: last_reply(report),
                        };
                        let status = DeliveryStatus { retry_seconds, ..status };
                        (deferred, EventKind::Failed, Some(Severity::Temporary), status, Some(report.reason))
                    }
                    None => {
                        let said = [&status.message, &status.description];
                        let last_message = said.into_iter().find(|text| !text.is_empty()).cloned();
                        let status = DeliveryStatus {
                            last_code: Some(status.code),
                            last_message,
                            code: 602,
                            description: TOO_OLD.into(),
                            bounce_type: Some("soft".into()),
                            ..status
                        };
                        (
                            Decided::Done(None),
                            EventKind::Failed,
                            Some(Severity::Permanent),
                            status,
                            Some("old"),
                        )
                    }
                }
            }
        };
        count(report, &ending);
        let details = self.details(entry, status, reason);
        let event = event(shared, entry, now, (kind, severity), details);
        Decision {
            entry: entry.id,
            lease: entry.lease,
            attempts: entry.attempts,
            ending,
            events: vec![event],
        }
    }

    /// When the next attempt is made; `None` if the message is too old. A clock that jumped makes
    /// nothing too old.
    fn next_attempt(
        &self,
        shared: &Shared,
        entry: &LeasedEntry,
        ending: Ending,
        now: Timestamp,
    ) -> Option<Timestamp> {
        if ending == Ending::Together {
            return Some(now);
        }
        let failures = entry.attempts.saturating_add(1);
        let next = schedule::next_attempt(failures, now, &entry.schedule, &*shared.random);
        if next.is_none() && !self.may_expire {
            tracing::warn!(mail = %entry.message, "the clock jumped: nothing is given up until it is confirmed");
            return Some(now + schedule::wait(failures, &*shared.random));
        }
        next
    }

    fn status(&self, shared: &Shared, entry: &LeasedEntry, report: &Report) -> DeliveryStatus {
        let first = entry.first_attempt_at.unwrap_or(self.began_at);
        let contact = self.contact.filter(|contact| !contact.host.is_empty());
        DeliveryStatus {
            code: report.code,
            message: report.message.clone(),
            description: report.description.clone(),
            attempt_no: entry.attempts.saturating_add(1),
            session_seconds: round(self.took),
            first_delivery_attempt_seconds: Some(round(first.since(entry.accepted_at))),
            tls: contact.map(|contact| contact.tls.is_some()),
            certificate_verified: contact.map(Contact::is_verified),
            utf8: self.utf8,
            mx_host: contact.map(|contact| contact.host.clone()),
            mx_host_ip: contact.and_then(|contact| contact.address).map(|ip| ip.to_string()),
            enhanced_code: report.enhanced.clone(),
            last_code: None,
            last_message: None,
            bounce_type: None,
            retry_seconds: None,
            possible_duplicate: shared.second_copies.contains(entry.id),
        }
    }

    /// The template with what is particular to this recipient and attempt.
    pub(crate) fn details(
        &self,
        entry: &LeasedEntry,
        status: DeliveryStatus,
        reason: Option<&str>,
    ) -> EventDetails {
        let recipient = &entry.envelope.open(&ACCESS).recipient;
        let mut details = self.template.clone();
        let envelope = details.envelope.get_or_insert_default();
        envelope.targets.clone_from(recipient);
        envelope.transport = "smtp".into();
        envelope.sending_ip = self.contact.and_then(|contact| contact.sending_ip).map(|ip| ip.to_string());
        details.message.recipients.clear();
        details.archive_to = None;
        details.recipient = Some(recipient.clone());
        details.delivery_status = Some(status);
        details.reason = reason.map(Into::into);
        details
    }
}

/// An event of an entry.
pub(crate) fn event(
    shared: &Shared,
    entry: &LeasedEntry,
    at: Timestamp,
    (kind, severity): (EventKind, Option<Severity>),
    details: EventDetails,
) -> NewEvent {
    NewEvent {
        id: EventId::new(&*shared.clock, &*shared.random),
        at,
        kind,
        severity,
        account: entry.account,
        domain: entry.domain,
        message: Some(entry.message),
        details,
    }
}

/// Frees an entry as it was.
pub(crate) fn release(entry: &LeasedEntry) -> Decision {
    Decision {
        entry: entry.id,
        lease: entry.lease,
        attempts: entry.attempts,
        ending: Decided::Released,
        events: Vec::new(),
    }
}

/// Puts off an entry whose attempt came to no end because of a fault of ours.
pub(crate) fn postpone(entry: &LeasedEntry, now: Timestamp) -> Decision {
    let ending = Decided::Deferred {
        next_attempt_at: now + AFTER_FAULT,
        first_attempt_at: entry.first_attempt_at.unwrap_or(now),
        last_reply: "the attempt was broken off by a fault of this server".into(),
    };
    Decision { entry: entry.id, lease: entry.lease, attempts: entry.attempts, ending, events: Vec::new() }
}

/// Pause after a fault of ours.
const AFTER_FAULT: Duration = Duration::from_secs(600);

fn bounce(entry: &LeasedEntry, report: &Report, now: Timestamp) -> NewSuppression {
    let details = SuppressionDetails {
        code: report.code.to_string(),
        error: [report.enhanced.as_deref().unwrap_or_default(), &report.message].join(" ").trim().into(),
        tags: Vec::new(),
    };
    NewSuppression {
        account: entry.account,
        domain: entry.domain,
        kind: SuppressionKind::Bounce,
        address: entry.envelope.open(&ACCESS).recipient.clone(),
        details,
        created_at: now,
    }
}

/// The last reply for `queue why`, without addresses.
fn last_reply(report: &Report) -> String {
    let code = report.code.to_string();
    let parts = [&code, report.enhanced.as_deref().unwrap_or_default(), &report.message, &report.description];
    let words: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    scrub(&words.join(" "))
}

/// Seconds to the millisecond.
fn round(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1_000.0).round() / 1_000.0
}

fn count(report: &Report, ending: &Decided) {
    let outcome = match (report.ending, ending) {
        (Ending::Delivered, _) => "delivered",
        (Ending::Temporary | Ending::Together, Decided::Deferred { .. }) => "deferred",
        (Ending::Temporary | Ending::Together, _) => "expired",
        (Ending::Permanent { .. }, _) => "failed",
    };
    metrics::counter!("waxseal_delivery_attempts_total", "outcome" => outcome).increment(1);
    if outcome != "delivered" {
        metrics::counter!("waxseal_delivery_failures_total", "class" => report.class.as_str()).increment(1);
    }
}

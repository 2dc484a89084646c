//! The fields of an event that a filter can name.

use waxseal_model::{
    event::{EventDetails, EventKind},
    filter::{Kind, Value, Words},
};
use waxseal_store::event_log::StoredEvent;

/// A field, known to exist.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Field {
    name: String,
}

/// Fields by name; further ones are `user-variables.NAME`.
const NAMES: [&str; 40] = [
    "event",
    "list",
    "attachment",
    "from",
    "message-id",
    "subject",
    "to",
    "size",
    "recipient",
    "recipients",
    "tags",
    "severity",
    "user-variables",
    "reason",
    "method",
    "recipient-domain",
    "log-level",
    "originating-ip",
    "api-key-id",
    "primary-dkim",
    "storage.key",
    "batch.id",
    "message.size",
    "message.headers.message-id",
    "message.headers.from",
    "message.headers.to",
    "message.headers.subject",
    "envelope.sender",
    "envelope.targets",
    "envelope.transport",
    "envelope.sending-ip",
    "delivery-status.code",
    "delivery-status.message",
    "delivery-status.description",
    "delivery-status.attempt-no",
    "delivery-status.enhanced-code",
    "delivery-status.bounce-type",
    "delivery-status.mx-host",
    "reject.reason",
    "flags.is-test-mode",
];

const VARIABLE: &str = "user-variables.";

impl Field {
    /// The field of this name, if events have it.
    pub fn named(name: &str) -> Option<Self> {
        let variable = name.strip_prefix(VARIABLE).is_some_and(|rest| !rest.is_empty());
        (variable || NAMES.contains(&name)).then(|| Self { name: name.to_owned() })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it holds.
    pub fn kind(&self) -> Kind {
        match self.name.as_str() {
            "size" | "message.size" | "delivery-status.code" | "delivery-status.attempt-no" => Kind::Number,
            _ => Kind::Text,
        }
    }

    /// Its value in an event of this kind, if kinds alone decide it.
    pub(crate) fn of_kind(&self, kind: EventKind) -> Option<Value<'static>> {
        (self.name == "event").then(|| text(kind.as_str()))
    }

    /// Its value in an event; a field the event does not have is no text at all.
    pub(crate) fn read<'a>(
        &self,
        event: &'a StoredEvent,
        details: &'a EventDetails,
        key: &'a str,
    ) -> Value<'a> {
        let message = &details.message;
        match self.name.as_str() {
            "event" => text(event.kind.as_str()),
            "severity" => optional(event.severity.map(|severity| severity.as_str())),
            "log-level" => text(log_level(event)),
            "storage.key" => text(key),
            "recipient" => Value::Addresses(details.recipient.as_deref().into_iter().collect()),
            "recipients" => recipients(details),
            "recipient-domain" => optional(recipient_domain(details)),
            "tags" => texts(details.tags.iter().map(String::as_str)),
            "user-variables" => {
                texts(details.user_variables.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]))
            }
            "from" | "message.headers.from" => text(&message.from),
            "to" | "message.headers.to" => text(&message.to),
            "subject" | "message.headers.subject" => text(&message.subject),
            "message-id" | "message.headers.message-id" => Value::Addresses(vec![&message.message_id]),
            "size" | "message.size" => Value::Number(message.size as f64),
            "attachment" => texts(message.attachments.iter().map(|file| file.filename.as_str())),
            "reason" => optional(details.reason.as_deref()),
            "method" => optional(details.method.as_deref()),
            "originating-ip" => optional(details.originating_ip.as_deref()),
            "api-key-id" => optional(details.api_key_id.as_deref()),
            "primary-dkim" => optional(details.primary_dkim.as_deref()),
            "batch.id" => optional(details.batch_id.as_deref()),
            "reject.reason" => optional(details.reject.as_ref().map(|(reason, _)| reason.as_str())),
            "flags.is-test-mode" => text(if details.flags.is_test_mode { "true" } else { "false" }),
            name => match (name.strip_prefix("envelope."), name.strip_prefix("delivery-status.")) {
                (Some(name), _) => envelope(details, name),
                (_, Some(name)) => delivery_status(details, name),
                _ => variable(details, name),
            },
        }
    }
}

/// The domain part of the recipient's address.
pub fn recipient_domain(details: &EventDetails) -> Option<&str> {
    details.recipient.as_deref()?.rsplit_once('@').map(|(_, domain)| domain)
}

/// How grave an event is: `info`, `warn` or `error`.
pub fn log_level(event: &StoredEvent) -> &'static str {
    use waxseal_model::event::Severity;
    match (event.kind, event.severity) {
        (EventKind::Failed, Some(Severity::Temporary)) | (EventKind::Rejected | EventKind::Complained, _) => {
            "warn"
        }
        (EventKind::Failed, _) => "error",
        (
            EventKind::Accepted
            | EventKind::Delivered
            | EventKind::Opened
            | EventKind::Clicked
            | EventKind::Unsubscribed
            | EventKind::Stored,
            _,
        ) => "info",
    }
}

fn recipients(details: &EventDetails) -> Value<'_> {
    let all = if details.message.recipients.is_empty() {
        details.recipient.as_deref().into_iter().collect()
    } else {
        details.message.recipients.iter().map(String::as_str).collect()
    };
    Value::Addresses(all)
}

fn envelope<'a>(details: &'a EventDetails, name: &str) -> Value<'a> {
    let envelope = details.envelope.as_ref();
    match name {
        "sender" => Value::Addresses(envelope.map(|envelope| envelope.sender.as_str()).into_iter().collect()),
        "targets" => {
            Value::Addresses(envelope.map(|envelope| envelope.targets.as_str()).into_iter().collect())
        }
        "transport" => optional(envelope.map(|envelope| envelope.transport.as_str())),
        "sending-ip" => optional(envelope.and_then(|envelope| envelope.sending_ip.as_deref())),
        _ => optional(None),
    }
}

fn delivery_status<'a>(details: &'a EventDetails, name: &str) -> Value<'a> {
    let Some(status) = details.delivery_status.as_ref() else {
        return optional(None);
    };
    match name {
        "code" => Value::Number(f64::from(status.code)),
        "attempt-no" => Value::Number(f64::from(status.attempt_no)),
        "message" => text(&status.message),
        "description" => text(&status.description),
        "enhanced-code" => optional(status.enhanced_code.as_deref()),
        "bounce-type" => optional(status.bounce_type.as_deref()),
        "mx-host" => optional(status.mx_host.as_deref()),
        _ => optional(None),
    }
}

fn variable<'a>(details: &'a EventDetails, name: &str) -> Value<'a> {
    let wanted = name.strip_prefix(VARIABLE).unwrap_or_default();
    texts(details.user_variables.iter().filter(|(name, _)| name == wanted).map(|(_, value)| value.as_str()))
}

fn text(text: &str) -> Value<'_> {
    Value::Texts(vec![Words::of(text)])
}

fn optional(text: Option<&str>) -> Value<'_> {
    texts(text.into_iter())
}

fn texts<'a>(all: impl Iterator<Item = &'a str>) -> Value<'a> {
    Value::Texts(all.map(Words::of).collect())
}

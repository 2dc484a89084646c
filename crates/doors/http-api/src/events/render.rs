//! Events as the API writes them: which blocks each kind carries, and their exact names and types.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};
use waxseal_insight::field::{log_level, recipient_domain};
use waxseal_model::{
    EventId, MessageId,
    event::{DeliveryStatus, EnvelopeInfo, EventDetails, EventFlags, EventKind, MessageInfo},
};
use waxseal_store::event_log::StoredEvent;

use super::provider;
use crate::{links::Base, state::CUSTOMER};

/// Writes the events of one domain.
pub(super) struct Renderer<'a> {
    pub(super) domain: &'a str,
    pub(super) base: &'a Base,
}

impl Renderer<'_> {
    /// One event.
    pub(super) fn event(&self, event: &StoredEvent) -> Value {
        let details = event.details.open(&CUSTOMER);
        let mut object = Map::new();
        let mut put = |name: &str, value: Value| object.insert(name.to_owned(), value);
        put("event", json!(event.kind.as_str()));
        put("id", json!(id(event.id)));
        put("timestamp", json!(event.at.as_secs_f64()));
        put("log-level", json!(log_level(event)));
        put("account", json!({ "id": event.account.to_string() }));
        put("domain", json!({ "name": self.domain }));
        if let Some(method) = &details.method {
            put("method", json!(method));
        }
        if event.kind == EventKind::Accepted {
            put("originating-ip", json!(details.originating_ip.as_deref().unwrap_or_default()));
            put("api-key-id", json!(details.api_key_id.as_deref().unwrap_or_default()));
        }
        if let Some(severity) = event.severity {
            put("severity", json!(severity.as_str()));
        }
        if let Some(reason) = &details.reason {
            put("reason", json!(reason));
        }
        if let Some((reason, description)) = &details.reject {
            put("reject", json!({ "reason": reason, "description": description }));
        }
        if let Some(envelope) = details.envelope.as_ref().filter(|_| has_envelope(event.kind)) {
            put("envelope", envelope_block(envelope));
        }
        if !is_engagement(event.kind) {
            put("flags", flags_block(&details.flags));
        }
        if let Some(status) = &details.delivery_status {
            put("delivery-status", status_block(status));
        }
        put("message", message_block(event.kind, &details.message));
        if let Some(message) = event.message.filter(|_| has_storage(event.kind)) {
            put("storage", self.storage_block(message));
        }
        self.people(event, details, &mut object);
        Value::Object(object)
    }

    fn people(&self, event: &StoredEvent, details: &EventDetails, object: &mut Map<String, Value>) {
        let mut put = |name: &str, value: Value| object.insert(name.to_owned(), value);
        if let Some(recipient) = &details.recipient {
            let domain = recipient_domain(details).unwrap_or_default();
            let mx_host = details.delivery_status.as_ref().and_then(|status| status.mx_host.as_deref());
            put("recipient", json!(recipient));
            put("recipient-domain", json!(domain));
            put("recipient-provider", json!(provider::name(domain, mx_host)));
        }
        if let Some(dkim) = details.primary_dkim.as_ref().filter(|_| event.kind != EventKind::Accepted) {
            put("primary-dkim", json!(dkim));
        }
        if let Some(batch) = &details.batch_id {
            put("batch", json!({ "id": batch }));
        }
        put("tags", json!(details.tags));
        put("campaigns", json!([]));
        let variables: Map<String, Value> =
            details.user_variables.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        put("user-variables", Value::Object(variables));
    }

    fn storage_block(&self, message: MessageId) -> Value {
        json!({
            "key": message.to_string(),
            "url": self.base.message(self.domain, message),
            "region": "local",
            "env": "production",
        })
    }
}

/// An event's id in the API: 22 characters, safe in URLs.
pub(super) fn id(id: EventId) -> String {
    URL_SAFE_NO_PAD.encode(id.to_bytes())
}

const fn is_engagement(kind: EventKind) -> bool {
    matches!(kind, EventKind::Opened | EventKind::Clicked | EventKind::Unsubscribed)
}

const fn has_envelope(kind: EventKind) -> bool {
    matches!(kind, EventKind::Accepted | EventKind::Delivered | EventKind::Failed | EventKind::Complained)
}

const fn has_storage(kind: EventKind) -> bool {
    has_envelope(kind) || matches!(kind, EventKind::Stored)
}

fn envelope_block(envelope: &EnvelopeInfo) -> Value {
    let mut block = Map::new();
    block.insert("sender".into(), json!(envelope.sender));
    block.insert("targets".into(), json!(envelope.targets));
    block.insert("transport".into(), json!(envelope.transport));
    if let Some(address) = &envelope.sending_ip {
        block.insert("sending-ip".into(), json!(address));
    }
    Value::Object(block)
}

fn flags_block(flags: &EventFlags) -> Value {
    json!({
        "is-authenticated": flags.is_authenticated,
        "is-routed": flags.is_routed,
        "is-big": flags.is_big,
        "is-system-test": flags.is_system_test,
        "is-test-mode": flags.is_test_mode,
        "is-delayed-bounce": flags.is_delayed_bounce,
        "is-amp": flags.is_amp,
        "is-encrypted": flags.is_encrypted,
    })
}

fn status_block(status: &DeliveryStatus) -> Value {
    let mut block = Map::new();
    let mut put = |name: &str, value: Value| block.insert(name.to_owned(), value);
    put("attempt-no", json!(status.attempt_no));
    put("code", json!(status.code));
    put("message", json!(status.message));
    put("description", json!(status.description));
    put("session-seconds", json!(status.session_seconds));
    let optional = [
        ("enhanced-code", status.enhanced_code.as_ref().map(|text| json!(text))),
        ("mx-host", status.mx_host.as_ref().map(|text| json!(text))),
        ("mx-host-ip", status.mx_host_ip.as_ref().map(|text| json!(text))),
        ("certificate-verified", status.certificate_verified.map(|flag| json!(flag))),
        ("tls", status.tls.map(|flag| json!(flag))),
        ("utf8", status.utf8.map(|flag| json!(flag))),
        ("first-delivery-attempt-seconds", status.first_delivery_attempt_seconds.map(|secs| json!(secs))),
        ("last-code", status.last_code.map(|code| json!(code))),
        ("last-message", status.last_message.as_ref().map(|text| json!(text))),
        ("bounce-type", status.bounce_type.as_ref().map(|text| json!(text))),
        ("retry-seconds", status.retry_seconds.map(|secs| json!(secs))),
        ("possible-duplicate", status.possible_duplicate.then(|| json!(true))),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            put(name, value);
        }
    }
    Value::Object(block)
}

fn message_block(kind: EventKind, message: &MessageInfo) -> Value {
    let mut block = Map::new();
    if is_engagement(kind) {
        block.insert("headers".into(), json!({ "message-id": message.message_id }));
        return Value::Object(block);
    }
    let headers = json!({
        "message-id": message.message_id,
        "from": message.from,
        "to": message.to,
        "subject": message.subject,
    });
    block.insert("headers".into(), headers);
    let attachments: Vec<Value> = message
        .attachments
        .iter()
        .map(
            |file| json!({ "filename": file.filename, "content-type": file.content_type, "size": file.size }),
        )
        .collect();
    block.insert("attachments".into(), json!(attachments));
    if matches!(kind, EventKind::Accepted | EventKind::Stored) {
        block.insert("recipients".into(), json!(message.recipients));
    }
    block.insert("size".into(), json!(message.size));
    if let Some(due) = message.scheduled_for {
        block.insert("scheduled-for".into(), json!(due));
    }
    Value::Object(block)
}

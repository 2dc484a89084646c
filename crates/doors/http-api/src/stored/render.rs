//! A stored message as the API writes it.

use serde_json::{Map, Value, json};
use waxseal_mail::inspect::{Stored, summary};

use super::show::files;

/// Who wrote to whom, apart from the headers.
pub(crate) struct Envelope {
    pub(crate) sender: String,
    /// Separated by commas.
    pub(crate) recipients: String,
}

/// The message taken apart. Each header is also a member of its own, unless a member has its name.
pub(crate) fn message(envelope: &Envelope, stored: &Stored, url: &str) -> Value {
    let mut object = Map::new();
    for (name, value) in &stored.headers {
        object.entry(canonical(name)).or_insert_with(|| json!(value));
    }
    let (attachments, content_ids) = files(stored, url);
    let headers: Vec<Value> = stored.headers.iter().map(|(name, value)| json!([name, value])).collect();
    let members = [
        ("recipients", json!(envelope.recipients)),
        ("sender", json!(envelope.sender)),
        ("from", json!(stored.summary.from.as_deref().unwrap_or_default())),
        ("subject", json!(stored.summary.subject.as_deref().unwrap_or_default())),
        ("body-plain", json!(stored.body_plain)),
        ("body-html", json!(stored.body_html)),
        ("stripped-text", json!(stored.stripped_text)),
        ("stripped-html", json!(stored.stripped_html)),
        ("stripped-signature", json!(stored.stripped_signature)),
        ("attachments", json!(attachments)),
        ("content-id-map", Value::Object(content_ids)),
        ("message-headers", json!(headers)),
        ("message-url", json!(url)),
    ];
    object.extend(members.into_iter().map(|(name, value)| (name.to_owned(), value)));
    Value::Object(object)
}

/// The message whole.
pub(crate) fn mime(envelope: &Envelope, mime: &[u8]) -> Value {
    let summary = summary(mime);
    json!({
        "recipients": envelope.recipients,
        "sender": envelope.sender,
        "from": summary.from.unwrap_or_default(),
        "subject": summary.subject.unwrap_or_default(),
        "body-mime": String::from_utf8_lossy(mime),
    })
}

/// `message-id` as `Message-Id`: how clients know the members.
fn canonical(name: &str) -> String {
    let capital = |word: &str| {
        let mut chars = word.chars();
        let first = chars.next().map(|c| c.to_ascii_uppercase());
        first.into_iter().chain(chars.map(|c| c.to_ascii_lowercase())).collect::<String>()
    };
    name.split('-').map(capital).collect::<Vec<_>>().join("-")
}

//! The `X-Mailgun-…` headers: options that travel inside a message instead of beside it.

#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use serde_json::{Map, Value};

use crate::{
    header::{self, HeaderError, encoded_word},
    patch::Message,
};

/// What the option headers of a message say, in the names of the API's parameters.
#[derive(Default, Clone, PartialEq, Eq)]
pub struct OptionHeaders {
    /// Options without `o:`, in order (`tag`, `deliverytime`, …).
    pub options: Vec<(String, String)>,
    /// Custom variables (`v:`): the JSON objects merged; text as it is, anything else as JSON.
    pub variables: Vec<(String, String)>,
    /// `recipient-variables`: JSON text.
    pub recipient_variables: Option<String>,
    /// `template`, `t:version`, `t:variables`, `t:text`.
    pub template: Vec<(String, String)>,
}

const PREFIX: &str = "x-mailgun-";

/// Header (without prefix, lower case) and option.
const OPTIONS: [(&str, &str); 24] = [
    ("tag", "tag"),
    ("dkim", "dkim"),
    ("secondary-dkim", "secondary-dkim"),
    ("secondary-dkim-public", "secondary-dkim-public"),
    ("deliver-by", "deliverytime"),
    ("deliver-within", "deliver-within"),
    ("delivery-time-optimize-period", "deliverytime-optimize-period"),
    ("time-zone-localize", "time-zone-localize"),
    ("drop-message", "testmode"),
    ("track", "tracking"),
    ("track-clicks", "tracking-clicks"),
    ("track-opens", "tracking-opens"),
    ("track-pixel-location-top", "tracking-pixel-location-top"),
    ("require-tls", "require-tls"),
    ("skip-verification", "skip-verification"),
    ("sending-ip", "sending-ip"),
    ("sending-ip-pool", "sending-ip-pool"),
    ("archive-to", "archive-to"),
    ("suppress-headers", "suppress-headers"),
    ("campaign-id", "campaign"),
    // Spellings that clients use beside the documented ones.
    ("campaign", "campaign"),
    ("testmode", "testmode"),
    ("test-mode", "testmode"),
    ("native-send", "native-send"),
];

const TEMPLATE: [(&str, &str); 4] = [
    ("template-name", "template"),
    ("template-version", "t:version"),
    ("template-variables", "t:variables"),
    ("template-text", "t:text"),
];

/// Whether the header belongs to the family: all of them are ours to read and to take out.
pub fn is_option(name: &str) -> bool {
    name.get(..PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
}

/// Whether an option header may stay in what is delivered. The others tell recipients what is none of
/// their business, most of all the variables of other recipients.
pub fn is_kept(name: &str) -> bool {
    ["x-mailgun-variables", "x-mailgun-tag", "x-mailgun-track"]
        .iter()
        .any(|known| known.eq_ignore_ascii_case(name))
}

/// The options in the header block of a message.
pub fn from_mime(message: &Message) -> OptionHeaders {
    let mut found = OptionHeaders::default();
    for (name, value) in message.headers() {
        if is_option(name) {
            found.add(name, &crate::patch::unfold(value));
        }
    }
    found
}

/// The options among header parameters (`h:X-Mailgun-…`), given without `h:`.
pub fn from_headers(headers: &[(String, String)]) -> OptionHeaders {
    let mut found = OptionHeaders::default();
    for (name, value) in headers.iter().filter(|(name, _)| is_option(name)) {
        found.add(name, value);
    }
    found
}

impl OptionHeaders {
    /// With what others say, which counts for more.
    #[must_use]
    pub fn followed_by(mut self, others: Self) -> Self {
        self.options.extend(others.options);
        self.variables.extend(others.variables);
        self.template.extend(others.template);
        self.recipient_variables = others.recipient_variables.or(self.recipient_variables);
        self
    }

    fn add(&mut self, name: &str, value: &str) {
        let value = encoded_word::decode(value.trim()).into_owned();
        let name = name.get(PREFIX.len()..).unwrap_or_default().to_ascii_lowercase();
        let known = |table: &[(&str, &'static str)]| {
            table.iter().find(|(header, _)| *header == name).map(|(_, option)| (*option).to_owned())
        };
        if name == "variables" {
            self.merge(&value);
        } else if name == "recipient-variables" {
            self.recipient_variables = Some(value);
        } else if let Some(option) = known(&OPTIONS) {
            self.options.push((option, value));
        } else if let Some(parameter) = known(&TEMPLATE) {
            self.template.push((parameter, value));
        }
    }

    /// Adds a JSON object's members; later ones win. What is no JSON object is ignored.
    fn merge(&mut self, json: &str) {
        let Ok(members) = serde_json::from_str::<Map<String, Value>>(json) else { return };
        for (name, value) in members {
            let text = match value {
                Value::String(text) => text,
                other => other.to_string(),
            };
            match self.variables.iter_mut().find(|(known, _)| *known == name) {
                Some((_, old)) => *old = text,
                None => self.variables.push((name, text)),
            }
        }
    }
}

/// A field that holds JSON: letters outside ASCII escaped, and what would begin an encoded word (RFC 2047);
/// a space after each comma and colon outside strings so that it can be folded there. Text that is no JSON is written as free text.
pub fn json_field(name: &str, json: &str) -> Result<String, HeaderError> {
    let Ok(value) = serde_json::from_str::<Value>(json) else {
        return header::unstructured(name, json);
    };
    let compact = value.to_string();
    let mut out = String::with_capacity(compact.len() + compact.len() / 8);
    let (mut quote, mut escape) = (false, false);
    let mut rest = compact.chars().peekable();
    while let Some(c) = rest.next() {
        let begins_word = c == '=' && rest.peek() == Some(&'?');
        if c.is_ascii() && c != '\u{7f}' && !begins_word {
            out.push(c);
        } else {
            push_escaped(&mut out, c);
        }
        if !quote && matches!(c, ',' | ':') {
            out.push(' ');
        }
        quote ^= c == '"' && !escape;
        escape = quote && c == '\\' && !escape;
    }
    header::unstructured(name, &out)
}

/// The value of `X-Mailgun-Variables` for these custom variables: a JSON object in printable ASCII, with spaces at
/// which it can be folded.
pub fn variables_value(variables: &[(String, String)]) -> String {
    let mut json = String::from("{");
    for (index, (name, value)) in variables.iter().enumerate() {
        if index > 0 {
            json.push_str(", ");
        }
        push_string(&mut json, name);
        json.push_str(": ");
        push_string(&mut json, value);
    }
    json.push('}');
    json
}

/// A JSON string in printable ASCII (RFC 8259 §7): no line break, no character beyond, no encoded word (RFC 2047).
fn push_string(json: &mut String, text: &str) {
    json.push('"');
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let begins_word = c == '=' && rest.peek() == Some(&'?');
        match c {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            ' '..='~' if !begins_word => json.push(c),
            _ => push_escaped(json, c),
        }
    }
    json.push('"');
}

/// A character as its UTF-16 units.
fn push_escaped(json: &mut String, c: char) {
    for unit in c.encode_utf16(&mut [0; 2]) {
        // Writing to a string cannot fail.
        let _ = write!(json, "\\u{unit:04x}");
    }
}

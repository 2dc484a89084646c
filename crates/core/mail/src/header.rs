//! Header fields on their way out: what may stand in them, how it is encoded and folded.
//!
//! Every value passes [`check`] first, so nothing that a caller gives can end a line.

pub(crate) mod encoded_word;
mod fold;
pub(crate) mod parameter;

#[cfg(test)]
mod tests;

use thiserror::Error;

use crate::{
    address::{Mailbox, is_dot_atom, parse_list, quoted},
    date,
};
use fold::{LONGEST_WORD, Line};

/// Longest header name that is accepted.
pub const MAX_NAME: usize = 76;

/// Why a header field was refused. Names the field, never its value.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HeaderError {
    /// The name has characters that a header name cannot have, ASCII though they are.
    #[error("Header name is not valid: {}", printable(name))]
    BadName {
        /// The name as given.
        name: String,
    },
    /// The name is not ASCII.
    #[error("Header name must be pure ASCII: {}", printable(name))]
    NotAscii {
        /// The name as given.
        name: String,
    },
    /// The value holds CR, LF, NUL, another control character, U+2028 or U+2029.
    #[error("{} must not contain line breaks or control characters", printable(field))]
    ControlCharacter {
        /// Which parameter or header.
        field: String,
    },
    /// The Message-ID is not one word with an `@` in it.
    #[error("Message-Id is not valid: expected <word@domain>")]
    BadMessageId,
    /// The value of a field for mailboxes is no list of them, or there are too few or too many for this field.
    #[error("h:{name} parameter is not a valid address. please check documentation")]
    BadAddress {
        /// The name as given.
        name: String,
    },
    /// The `Date` is none.
    #[error("Date is not valid: expected a date such as Fri, 14 Oct 2011 23:10:10 +0000")]
    BadDate,
    /// The value is longer than a header or parameter may be.
    #[error("{} is too long", printable(field))]
    TooLong {
        /// Which parameter or header.
        field: String,
    },
}

/// What an error text may repeat of a name that a stranger chose.
fn printable(name: &str) -> String {
    name.chars().take(MAX_NAME).map(|c| if is_forbidden(c) || c == '\t' { '?' } else { c }).collect()
}

/// Characters that no value may hold: controls (tab aside), and what some readers take for line ends.
pub(crate) fn is_forbidden(c: char) -> bool {
    (c.is_control() && c != '\t') || matches!(c, '\u{2028}' | '\u{2029}')
}

/// A text with its encoded words (RFC 2047) decoded; one that cannot be decoded stays as it is.
pub fn decoded(text: &str) -> std::borrow::Cow<'_, str> {
    encoded_word::decode(text)
}

/// Refuses a value that could end its line. `field` is what the error names.
pub fn check(field: &str, value: &str) -> Result<(), HeaderError> {
    if value.chars().any(is_forbidden) {
        return Err(HeaderError::ControlCharacter { field: field.to_owned() });
    }
    Ok(())
}

/// Refuses a text that is no header name (RFC 5322 §2.2, at most 76 characters).
pub fn check_name(name: &str) -> Result<(), HeaderError> {
    if !name.is_ascii() {
        return Err(HeaderError::NotAscii { name: name.to_owned() });
    }
    let valid = |byte: u8| (b'!'..=b'~').contains(&byte) && byte != b':';
    if name.is_empty() || name.len() > MAX_NAME || !name.bytes().all(valid) {
        return Err(HeaderError::BadName { name: name.to_owned() });
    }
    Ok(())
}

/// A field with free text: `Name: value CRLF`, encoded where it is not ASCII, folded. Encoded words in
/// the value stay as they are.
pub fn unstructured(name: &str, value: &str) -> Result<String, HeaderError> {
    check_name(name)?;
    check(name, value)?;
    let mut line = Line::new(name);
    line.text(value.trim_matches([' ', '\t']));
    Ok(line.end())
}

/// A field with a list of mailboxes.
pub fn mailboxes(name: &str, list: &[Mailbox]) -> Result<String, HeaderError> {
    check_name(name)?;
    let mut line = Line::new(name);
    for (index, mailbox) in list.iter().enumerate() {
        check(name, mailbox.name.as_deref().unwrap_or_default())?;
        let comma = if index + 1 == list.len() { "" } else { "," };
        let address = mailbox.address.to_string();
        match &mailbox.name {
            None => line.word(&format!("{address}{comma}")),
            Some(display) => {
                phrase(&mut line, display);
                line.word(&format!("<{address}>{comma}"));
            }
        }
    }
    Ok(line.end())
}

/// A field whose words are already ASCII and may be folded at their spaces (`Received`, `References`).
pub(crate) fn words(name: &str, value: &str) -> String {
    let mut line = Line::new(name);
    line.ascii(value);
    line.end()
}

/// A field that a caller gave: mailbox lists where the field is one, the form of mail for a date, free text otherwise.
pub fn custom(name: &str, value: &str) -> Result<String, HeaderError> {
    check_name(name)?;
    check(name, value)?;
    if is_address_field(name) {
        return address_field(name, value).ok_or_else(|| HeaderError::BadAddress { name: name.to_owned() });
    }
    if name.eq_ignore_ascii_case("date") && date::of_header(value).is_none() {
        let time = date::parse(value).ok_or(HeaderError::BadDate)?;
        return unstructured(name, &date::rfc2822(time));
    }
    unstructured(name, value)
}

/// A field of somebody's own message written anew, as [`custom`] does; what is no mailbox list there stays what it is.
pub(crate) fn rewritten(name: &str, value: &str) -> Result<String, HeaderError> {
    match custom(name, value) {
        Err(HeaderError::BadAddress { .. }) => unstructured(name, value),
        other => other,
    }
}

/// The mailboxes of a field, or a group without members (`undisclosed-recipients:;`) where nobody need be named
/// (RFC 5322 §3.6.3). An author is named; `Sender` and `Resent-Sender` name one mailbox (RFC 5322 §3.6.2, §3.6.6).
fn address_field(name: &str, value: &str) -> Option<String> {
    let is = |known: &[&str]| known.iter().any(|known| name.eq_ignore_ascii_case(known));
    let list = parse_list(value, MAX_LISTED).ok()?;
    match list.len() {
        0 if is(&["from", "sender", "resent-from", "resent-sender"]) => None,
        0 => unstructured(name, value).ok(),
        1 => mailboxes(name, &list).ok(),
        _ if is(&["sender", "resent-sender"]) => None,
        _ => mailboxes(name, &list).ok(),
    }
}

/// Fields that a message may have only once (RFC 5322 §3.6).
const ONCE: [&str; 10] =
    ["From", "Sender", "Reply-To", "To", "Cc", "Subject", "Date", "Message-ID", "In-Reply-To", "References"];

/// The usual spelling of a field that a message may have only once; `None` for all others.
pub(crate) fn once(name: &str) -> Option<&'static str> {
    ONCE.into_iter().find(|known| known.eq_ignore_ascii_case(name))
}

/// Fields that tell what became of a message on its way (RFC 5321 §4.4, RFC 8601, RFC 8617, RFC 9228), or that
/// sign it: a caller cannot set them, since they would speak for others or, under our signature, for us.
pub(crate) fn is_trace(name: &str) -> bool {
    let known = [
        "received",
        "received-spf",
        "return-path",
        "delivered-to",
        "authentication-results",
        "dkim-signature",
        "domainkey-signature",
    ];
    known.iter().any(|known| name.eq_ignore_ascii_case(known))
        || name.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("arc-"))
}

/// More mailboxes than a message can have recipients are not read as a list.
const MAX_LISTED: usize = 10_000;

/// Whether the field holds mailboxes (RFC 5322 §3.6.2, §3.6.3).
fn is_address_field(name: &str) -> bool {
    ["from", "sender", "reply-to", "to", "cc", "resent-from", "resent-to", "resent-cc", "resent-sender"]
        .iter()
        .any(|known| name.eq_ignore_ascii_case(known))
}

/// A display name: words, a quoted string, or encoded words.
fn phrase(line: &mut Line, name: &str) {
    let long = name.split([' ', '\t']).any(|word| word.len() > LONGEST_WORD / 2);
    if !name.is_ascii() || name.contains("=?") || long {
        line.encoded(" ", name);
    } else if name.split(' ').all(|word| is_dot_atom(word) && !word.contains('.')) {
        line.ascii(name);
    } else {
        line.ascii(&quoted(name));
    }
}

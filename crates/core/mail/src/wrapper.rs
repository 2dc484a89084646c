//! `multipart/mailgun-variables`: a message in one envelope with the variables of its recipients.
//!
//! Two parts: `application/json`, which is `recipient-variables`, and `message/rfc822`, the message itself. The header
//! block around them belongs to the envelope and is not passed on.

use thiserror::Error;

use crate::{
    mime::{self, Part},
    patch::{Limits, Message, MimeError},
};

/// The media type of the envelope.
const WRAPPER: &str = "multipart/mailgun-variables";

/// Why an envelope was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum WrapperError {
    /// Something is missing, or too much.
    #[error("multipart/mailgun-variables must hold two parts: application/json and message/rfc822")]
    Parts,
    /// What is inside is an envelope again.
    #[error("the message in multipart/mailgun-variables must not be another one")]
    Nested,
    /// The message inside cannot be mail.
    #[error(transparent)]
    Message(#[from] MimeError),
}

/// What was in an envelope.
pub struct Unwrapped {
    /// The envelope: its option headers count beside the message.
    pub envelope: Message,
    /// `recipient-variables`: JSON text.
    pub recipient_variables: String,
    /// The message.
    pub message: Message,
}

/// A message as it came.
pub enum Wrapped {
    /// In an envelope.
    Yes(Box<Unwrapped>),
    /// As it is.
    No(Message),
}

/// Reads a message that may be in an envelope.
///
/// # Errors
/// It cannot be mail, or the envelope does not hold what it should.
pub fn read(bytes: Vec<u8>, limits: &Limits) -> Result<Wrapped, WrapperError> {
    if !may_wrap(&bytes) {
        return Ok(Wrapped::No(Message::read(bytes, limits)?));
    }
    // Long lines are looked at where they count: in the message inside.
    let envelope = Message::read(bytes, &Limits { line: usize::MAX, ..*limits })?;
    if !is_wrapper(&envelope) {
        return Ok(Wrapped::No(Message::read(envelope.as_bytes().to_vec(), limits)?));
    }
    let parts = mime::parts(envelope.as_bytes());
    let [first, second] = parts.as_slice() else { return Err(WrapperError::Parts) };
    let (variables, message) = if is(first, "application/json") { (first, second) } else { (second, first) };
    if !is(variables, "application/json") || !is(message, "message/rfc822") {
        return Err(WrapperError::Parts);
    }
    let recipient_variables = variables.text();
    let message = Message::read(message.bytes().into_owned(), limits)?;
    if is_wrapper(&message) {
        return Err(WrapperError::Nested);
    }
    Ok(Wrapped::Yes(Box::new(Unwrapped { recipient_variables, message, envelope })))
}

/// Whether the header block names the media type at all, wherever: a message that does is looked at closely.
fn may_wrap(bytes: &[u8]) -> bool {
    let end = ["\r\n\r\n", "\n\n"].iter().filter_map(|end| memchr::memmem::find(bytes, end.as_bytes())).min();
    let block = bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default();
    block.windows(WRAPPER.len()).any(|window| window.eq_ignore_ascii_case(WRAPPER.as_bytes()))
}

fn is_wrapper(message: &Message) -> bool {
    let kind = message.raw("content-type").next().unwrap_or_default();
    kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case(WRAPPER))
}

fn is(part: &Part<'_>, media_type: &str) -> bool {
    part.media.essence == media_type
}

#[cfg(test)]
mod tests {
    use super::*;

    const INNER: &str = "From: a@x.example\nTo: %recipient%\nSubject: Hi %recipient.name%\n\nHi\n";

    fn envelope(parts: &[(&str, &str)]) -> Vec<u8> {
        let mut text =
            String::from("From: a@x.example\nContent-Type: multipart/mailgun-variables; boundary=b\n\n");
        for (header, body) in parts {
            text.push_str(&format!("--b\n{header}\n\n{body}\n"));
        }
        (text + "--b--\n").into_bytes()
    }

    fn unwrapped(mime: Vec<u8>) -> Result<Unwrapped, WrapperError> {
        match read(mime, &Limits::default())? {
            Wrapped::Yes(unwrapped) => Ok(*unwrapped),
            Wrapped::No(_) => panic!("no envelope"),
        }
    }

    #[test]
    fn an_envelope_holds_variables_and_a_message() {
        // {"b@y.example":{"name":"Bob"}}
        let json = (
            "Content-Type: application/json\nContent-Transfer-Encoding: base64",
            "eyJiQHkuZXhhbXBsZSI6eyJuYW1lIjoiQm9iIn19",
        );
        let message = ("Content-Type: message/rfc822", INNER);
        for parts in [[json, message], [message, json]] {
            let found = unwrapped(envelope(&parts)).expect("unwrapped");
            assert_eq!(found.recipient_variables, r#"{"b@y.example":{"name":"Bob"}}"#);
            assert_eq!(found.message.as_bytes(), INNER.replace('\n', "\r\n").as_bytes());
        }
    }

    #[test]
    fn a_long_line_inside_is_no_obstacle() {
        let long = format!("{INNER}{}\n", "word ".repeat(1_000));
        let parts = [("Content-Type: application/json", "{}"), ("Content-Type: message/rfc822", &*long)];
        assert!(unwrapped(envelope(&parts)).is_ok());
    }

    #[test]
    fn what_is_no_envelope_stays_as_it_is() {
        let mime = "Subject: about multipart/mailgun-variables\r\n\r\nx\r\n";
        let Ok(Wrapped::No(message)) = read(mime.into(), &Limits::default()) else { panic!("an envelope") };
        assert_eq!(message.as_bytes(), mime.as_bytes());
    }

    #[test]
    fn envelopes_that_hold_something_else_are_refused() {
        let (json, message) =
            (("Content-Type: application/json", "{}"), ("Content-Type: message/rfc822", INNER));
        for parts in
            [&[json][..], &[message], &[json, json], &[message, message], &[json, message, message], &[]]
        {
            assert_eq!(unwrapped(envelope(parts)).err(), Some(WrapperError::Parts));
        }
        let inner = String::from_utf8(envelope(&[json, message]))
            .expect("text")
            .replace("=b", "=c")
            .replace("--b", "--c");
        let parts = [json, ("Content-Type: message/rfc822", inner.as_str())];
        assert_eq!(unwrapped(envelope(&parts)).err(), Some(WrapperError::Nested));
    }
}

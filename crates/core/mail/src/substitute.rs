//! Recipient variables: `%recipient.KEY%` and its relatives, replaced for each recipient.
//!
//! A name that nobody gave a value stays as it stands. Each text is read once, from start to end; what
//! is put in is not looked at again.

mod mime;
#[cfg(test)]
mod tests;
mod variables;

use std::borrow::Cow;

use thiserror::Error;

use crate::address::Mailbox;

pub use mime::MimeTemplate;
pub use variables::{RecipientVariables, Variables, VariablesError, parse_variables};

/// Why a text could not be completed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SubstituteError {
    /// The text with its values is larger than allowed.
    #[error("message size exceeds the limit of {limit} bytes")]
    TooLarge {
        /// Limit in bytes.
        limit: usize,
    },
    /// A value cannot stand in the header where it is used.
    #[error(transparent)]
    Header(#[from] crate::header::HeaderError),
}

/// What is put in for one recipient. The URLs stay names where they are not given.
#[derive(Clone, Copy)]
pub struct Values<'a> {
    /// The recipient: `%recipient%`, `%recipient_email%`, `%recipient_name%`, `%recipient_fname%`, `%recipient_lname%`.
    pub mailbox: &'a Mailbox,
    /// The recipient's variables: `%recipient.KEY%`.
    pub variables: &'a Variables,
    /// `%unsubscribe_url%`.
    pub unsubscribe_url: Option<&'a str>,
    /// `%tag_unsubscribe_url%`.
    pub tag_unsubscribe_url: Option<&'a str>,
    /// `%mailing_list_unsubscribe_url%`.
    pub mailing_list_unsubscribe_url: Option<&'a str>,
    /// `%unsubscribe_email%`.
    pub unsubscribe_email: Option<&'a str>,
}

impl<'a> Values<'a> {
    /// The values of a recipient without unsubscribe links.
    pub const fn new(mailbox: &'a Mailbox, variables: &'a Variables) -> Self {
        Self {
            mailbox,
            variables,
            unsubscribe_url: None,
            tag_unsubscribe_url: None,
            mailing_list_unsubscribe_url: None,
            unsubscribe_email: None,
        }
    }

    fn get(&self, name: &str) -> Option<Cow<'a, str>> {
        if let Some(key) = name.strip_prefix("recipient.") {
            return self.variables.get(key).map(Cow::Borrowed);
        }
        let full = || self.mailbox.name.as_deref().unwrap_or_default();
        let (first, last) = full().split_once(' ').unwrap_or((full(), ""));
        match name {
            "recipient" => Some(Cow::Owned(self.mailbox.to_string())),
            "recipient_email" => Some(Cow::Owned(self.mailbox.address.to_string())),
            "recipient_name" => Some(Cow::Borrowed(full())),
            "recipient_fname" => Some(Cow::Borrowed(first)),
            "recipient_lname" => Some(Cow::Borrowed(last.trim_start())),
            "unsubscribe_url" => self.unsubscribe_url.map(Cow::Borrowed),
            "tag_unsubscribe_url" => self.tag_unsubscribe_url.map(Cow::Borrowed),
            "mailing_list_unsubscribe_url" => self.mailing_list_unsubscribe_url.map(Cow::Borrowed),
            "unsubscribe_email" => self.unsubscribe_email.map(Cow::Borrowed),
            _ => None,
        }
    }
}

/// Longest name that is looked up.
const MAX_NAME: usize = 512;

/// The text with the values put in; at most `limit` bytes.
pub fn text<'t>(
    template: &'t str,
    values: &Values<'_>,
    limit: usize,
) -> Result<Cow<'t, str>, SubstituteError> {
    let too_large = SubstituteError::TooLarge { limit };
    let mut out = String::new();
    let mut rest = template;
    let mut changed = false;
    while let Some(at) = memchr::memchr(b'%', rest.as_bytes()) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        match name(from).and_then(|name| Some((name, values.get(name)?))) {
            Some((name, value)) => {
                changed = true;
                out.push_str(&value);
                rest = from.get(name.len() + 2..).unwrap_or_default();
            }
            // The closing sign of no name may open the next one.
            None => {
                out.push('%');
                rest = from.get(1..).unwrap_or_default();
            }
        }
        if out.len() > limit {
            return Err(too_large);
        }
    }
    if out.len() + rest.len() > limit {
        return Err(too_large);
    }
    if !changed {
        return Ok(Cow::Borrowed(template));
    }
    out.push_str(rest);
    Ok(Cow::Owned(out))
}

/// The name between the sign that `text` starts with and the next one.
fn name(text: &str) -> Option<&str> {
    let inner = text.get(1..)?;
    let end = memchr::memchr(b'%', inner.as_bytes())?;
    inner.get(..end).filter(|name| !name.is_empty() && name.len() <= MAX_NAME)
}

/// Whether there is anything in the text that could be replaced for some recipient.
pub fn has_names(text: &str) -> bool {
    ["%recipient", "%unsubscribe_", "%tag_unsubscribe_url%", "%mailing_list_unsubscribe_url%"]
        .iter()
        .any(|start| memchr::memmem::find(text.as_bytes(), start.as_bytes()).is_some())
}

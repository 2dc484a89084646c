//! Lists of addresses as callers write them, and who gets which copy.

use std::collections::HashSet;

use waxseal_mail::{Address, Mailbox, ParseAddressError, parse_list};

use crate::{config::SendingConfig, error::SendError};

/// Everybody a call writes to: each list without duplicates.
pub(crate) struct Recipients {
    pub(crate) to: Vec<Mailbox>,
    pub(crate) cc: Vec<Mailbox>,
    pub(crate) bcc: Vec<Mailbox>,
}

/// The mailboxes of a parameter that may be repeated and hold comma-separated lists. The text of the
/// error is the API's.
pub(crate) fn mailboxes(field: &str, values: &[String], max: usize) -> Result<Vec<Mailbox>, SendError> {
    // Duplicates count only after they are dropped; this bounds the work before.
    let bound = max.saturating_mul(10);
    let mut all: Vec<Mailbox> = Vec::new();
    for value in values.iter().map(|value| value.trim()).filter(|value| !value.is_empty()) {
        let left = bound - all.len();
        let list = parse_list(value, left).map_err(|error| match error {
            ParseAddressError::TooMany { .. } => too_many(max),
            _ => invalid(field),
        })?;
        all.extend(list);
    }
    let mut seen = HashSet::new();
    all.retain(|mailbox| seen.insert(mailbox.address.key()));
    Ok(all)
}

/// `<field> parameter is missing`, if it is.
pub(crate) fn required(field: &str, values: &[String], max: usize) -> Result<Vec<Mailbox>, SendError> {
    let missing = || SendError::Invalid(format!("{field} parameter is missing"));
    if values.iter().all(|value| value.trim().is_empty()) {
        return Err(missing());
    }
    let mailboxes = mailboxes(field, values, max)?;
    if mailboxes.is_empty() { Err(missing()) } else { Ok(mailboxes) }
}

impl Recipients {
    /// Each address once, in the order of `to`, `cc`, `bcc`; refuses too many.
    pub(crate) fn unique(&self, config: &SendingConfig) -> Result<Vec<Address>, SendError> {
        let addresses = unique(self.to.iter().chain(&self.cc).chain(&self.bcc));
        if addresses.len() > config.max_recipients {
            return Err(too_many(config.max_recipients));
        }
        Ok(addresses)
    }

    /// Who gets the copy that is addressed to `to` alone: that person, and everybody in `cc` and `bcc`.
    pub(crate) fn of_copy(&self, to: &Mailbox) -> Vec<Address> {
        unique(std::iter::once(to).chain(&self.cc).chain(&self.bcc))
    }
}

fn unique<'a>(mailboxes: impl Iterator<Item = &'a Mailbox>) -> Vec<Address> {
    let mut seen = HashSet::new();
    mailboxes.map(|mailbox| &mailbox.address).filter(|address| seen.insert(address.key())).cloned().collect()
}

fn invalid(field: &str) -> SendError {
    SendError::Invalid(format!("{field} parameter is not a valid address. please check documentation"))
}

fn too_many(max: usize) -> SendError {
    SendError::Invalid(format!("Too many recipients, max is {max}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(values: &[&str]) -> Result<Vec<String>, String> {
        let values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
        required("to", &values, 3)
            .map(|list| list.iter().map(|mailbox| mailbox.address.to_string()).collect())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn lists_are_repeated_comma_separated_and_without_duplicates() {
        assert_eq!(
            list(&["\"Doe, Jane\" <jane@example.org>, bob@example.org", "", "JANE@example.org"]),
            Ok(vec!["jane@example.org".into(), "bob@example.org".into()])
        );
    }

    #[test]
    fn wrong_lists_are_refused_in_the_words_of_the_api() {
        assert_eq!(list(&[]), Err("to parameter is missing".into()));
        assert_eq!(list(&["", " "]), Err("to parameter is missing".into()));
        let invalid = "to parameter is not a valid address. please check documentation".to_owned();
        for text in [
            "bob",
            "bob@",
            "@example.org",
            "a@b@c",
            "bob@[192.0.2.1]",
            "bob@192.0.2.1",
            "bob@example.org\r\nBcc: eve@example.org",
            "bob@example.org\nX: y",
            "bob\0@example.org",
        ] {
            assert_eq!(list(&[text]), Err(invalid.clone()), "{text:?}");
        }
    }

    #[test]
    fn too_many_are_counted_without_duplicates() {
        let config = SendingConfig { max_recipients: 3, ..SendingConfig::new("mail.example.org") };
        let read = |text: &str| mailboxes("to", &[text.to_owned()], 3).expect("list");
        let three =
            Recipients { to: read("a@x.org,b@x.org,a@x.org"), cc: read("b@x.org"), bcc: read("c@x.org") };
        assert_eq!(three.unique(&config).map(|all| all.len()).ok(), Some(3));
        let four = Recipients { to: read("a@x.org,b@x.org"), cc: read("c@x.org"), bcc: read("d@x.org") };
        let error = four.unique(&config).err().map(|error| error.to_string());
        assert_eq!(error.as_deref(), Some("Too many recipients, max is 3"));
    }
}

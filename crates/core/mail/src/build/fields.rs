//! The header block of a built message: what the draft says, what the caller set instead, what is added.

use super::{BuildError, Draft};
use crate::{
    address::Mailbox,
    date,
    header::{self, HeaderError},
    message_id, options,
};

/// Fields that a caller cannot set: they belong to the builder, the envelope, the way or the signer.
fn is_reserved(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["message-id", "mime-version", "bcc", "resent-bcc"].contains(&name.as_str())
        || header::is_trace(&name)
        || name.starts_with("content-")
        || (options::is_option(&name) && !options::is_kept(&name))
}

pub(super) fn write(draft: &Draft<'_>, out: &mut Vec<u8>) -> Result<(), BuildError> {
    for (name, value) in draft.headers {
        header::check_name(name)?;
        header::check(name, value)?;
    }
    let mut put = |line: String| out.extend_from_slice(line.as_bytes());
    put("Mime-Version: 1.0\r\n".to_owned());
    let date = date::rfc2822(draft.date);
    put(own(draft, "Date", || Ok(Some(format!("Date: {date}\r\n"))))?);
    put(message_id::line(draft.message_id)?);
    put(own(draft, "Subject", || draft.subject.map(|text| plain("Subject", "subject", text)).transpose())?);
    put(own(draft, "From", || list("From", draft.from))?);
    put(own(draft, "Sender", || {
        let several = if draft.from.len() > 1 { draft.from.first() } else { None };
        list("Sender", draft.sender.or(several).map(std::slice::from_ref).unwrap_or_default())
    })?);
    put(own(draft, "To", || list("To", draft.to))?);
    put(own(draft, "Cc", || list("Cc", draft.cc))?);
    let mut seen: Vec<&str> = Vec::new();
    for (name, value) in draft.headers {
        // A caller's second field of a name that may appear only once is left out.
        let once = header::once(name);
        let made = ["From", "Sender", "To", "Cc", "Subject", "Date"].contains(&once.unwrap_or_default());
        if made || is_reserved(name) || once.is_some_and(|name| seen.contains(&name)) {
            continue;
        }
        seen.extend(once);
        if once.is_none() || !value.trim().is_empty() {
            put(header::custom(name, value)?);
        }
    }
    Ok(())
}

/// The field as the caller set it, or else as the draft makes it.
fn own(
    draft: &Draft<'_>,
    name: &str,
    make: impl FnOnce() -> Result<Option<String>, HeaderError>,
) -> Result<String, HeaderError> {
    let set = draft.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    // What the draft says is checked even if it is replaced: a bad value is an error, not a matter of luck.
    let made = make()?;
    match set {
        Some((_, value)) if !value.trim().is_empty() => header::custom(name, value),
        _ => Ok(made.unwrap_or_default()),
    }
}

fn plain(name: &str, field: &str, value: &str) -> Result<String, HeaderError> {
    header::check(field, value)?;
    header::unstructured(name, value)
}

fn list(name: &str, mailboxes: &[Mailbox]) -> Result<Option<String>, HeaderError> {
    if mailboxes.is_empty() { Ok(None) } else { header::mailboxes(name, mailboxes).map(Some) }
}

//! Mail as strangers wrote it: read, inspected and patched without harm, the rest left as it was.

use std::path::{Path, PathBuf};

use waxseal_mail::{
    Mailbox, date, inspect, options,
    patch::{Limits, Message, MimeError, Patch},
    substitute::{MimeTemplate, Values, Variables},
};
use waxseal_model::Timestamp;

/// All messages under the folder that `WAXSEAL_CORPORA` names.
fn messages() -> Option<Vec<PathBuf>> {
    let folder = std::env::var("WAXSEAL_CORPORA").ok()?;
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "eml") {
                found.push(path);
            }
        }
    }
    assert!(!found.is_empty(), "WAXSEAL_CORPORA has no messages");
    Some(found)
}

fn limits() -> Limits {
    Limits { line: 100_000, ..Limits::default() }
}

#[test]
fn strangers_mail_is_read_and_patched_without_changing_the_rest() {
    let (mut read, mut refused) = (0, Vec::new());
    let Some(files) = messages() else {
        return crate::skip::note("missing: corpora (WAXSEAL_CORPORA)");
    };
    for path in &files {
        let bytes = std::fs::read(path).unwrap();
        let _ = inspect::stored(&bytes);
        match Message::read(bytes, &limits()) {
            Ok(message) => {
                check(path, &message);
                read += 1;
            }
            Err(error) => refused.push((path.file_name().unwrap().to_owned(), error)),
        }
    }
    println!("read {read}, refused {refused:?}");
    let honest = |error: &MimeError| {
        matches!(error, MimeError::BareLineEnd { .. } | MimeError::Nul { .. } | MimeError::NotAField { .. })
    };
    assert!(refused.iter().all(|(_, error)| honest(error)), "{refused:?}");
    assert!(refused.len() * 20 <= files.len(), "too many refused: {refused:?}");
}

fn check(path: &Path, message: &Message) {
    let _ = options::from_mime(message);
    let patch = Patch { set: &[], remove: &[], message_id: "new@example.org", date: Timestamp::from_secs(1) };
    let patched = message.patch(&patch).unwrap();
    let again = Message::read(patched.mime.clone(), &limits()).unwrap();
    assert_eq!(again.body(), message.body(), "{}", path.display());
    let gone = |name: &str| {
        let hidden = ["bcc", "return-path"].iter().any(|known| known.eq_ignore_ascii_case(name));
        hidden || (options::is_option(name) && !options::is_kept(name))
    };
    let replaced = |name: &str| is_bad_id(message, name) || is_bad_date(message, name);
    let kept: Vec<_> = message.headers().filter(|(name, _)| !gone(name) && !replaced(name)).collect();
    let now: Vec<_> = again.headers().filter(|(name, _)| !replaced(name)).take(kept.len()).collect();
    assert_eq!(kept, now, "{}", path.display());
    assert!(again.first("date").is_some() && again.first("mime-version").is_some());
    // Nothing to put in: the same bytes for every recipient.
    let mailbox = Mailbox::parse("a@example.org").unwrap();
    let template = MimeTemplate::read(patched.mime.clone());
    let variables = Variables::default();
    let rendered = template.render(&Values::new(&mailbox, &variables), usize::MAX).unwrap();
    assert!(!template.is_plain() || rendered == patched.mime, "{}", path.display());
}

/// A date that nobody can read is replaced.
fn is_bad_date(message: &Message, name: &str) -> bool {
    name.eq_ignore_ascii_case("date")
        && message.raw("date").next().is_some_and(|value| date::of_header(&value).is_none())
}

/// A Message-ID that names nothing is replaced.
fn is_bad_id(message: &Message, name: &str) -> bool {
    let usable = |value: String| {
        let inner = value.trim_matches(['<', '>']);
        !inner.is_empty() && inner.bytes().all(|byte| byte.is_ascii_graphic())
    };
    name.eq_ignore_ascii_case("message-id") && !message.raw("message-id").next().is_some_and(usable)
}

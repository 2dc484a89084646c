//! Messages given in parts: reading them, and building the MIME of one copy.

use std::borrow::Cow;

use waxseal_mail::{
    Address, Mailbox,
    build::{self, BuildError, Draft},
};
use waxseal_model::event::AttachmentInfo;

use crate::{
    batch::Substitution,
    build::{Built, Common},
    config::SendingConfig,
    error::SendError,
    nature::Nature,
    order::Order,
    recipients::{self, Recipients},
    request::{File, Parts},
};

/// Parts that were checked.
pub(crate) struct ReadParts {
    pub(crate) from: Vec<Mailbox>,
    pub(crate) subject: Option<String>,
    pub(crate) text: Option<String>,
    pub(crate) html: Option<String>,
    pub(crate) amp_html: Option<String>,
    pub(crate) attachments: Vec<File>,
    pub(crate) inline: Vec<File>,
}

impl ReadParts {
    /// Subject and texts.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        [&self.subject, &self.text, &self.html, &self.amp_html].into_iter().filter_map(Option::as_deref)
    }
}

/// Reads the parts in the order in which the API complains about them.
pub(crate) fn read(
    parts: Parts,
    templated: bool,
    config: &SendingConfig,
) -> Result<(ReadParts, Recipients), SendError> {
    let max = config.max_recipients;
    let from = recipients::required("from", &parts.from, crate::mime::MOST_FROM)?;
    let to = recipients::required("to", &parts.to, max)?;
    let cc = recipients::mailboxes("cc", &parts.cc, max)?;
    let bcc = recipients::mailboxes("bcc", &parts.bcc, max)?;
    let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
    let (text, html, amp_html) = (filled(parts.text), filled(parts.html), filled(parts.amp_html));
    if html.is_some() && templated {
        return Err(SendError::Invalid("Only one parameters 'html' or 'template' is allowed".into()));
    }
    if text.is_none() && html.is_none() && amp_html.is_none() && !templated {
        return Err(SendError::Invalid(NO_BODY.into()));
    }
    let subject = parts.subject.map(|subject| subject.trim().to_owned());
    let (attachments, inline) = (parts.attachments, parts.inline);
    if attachments.len() + inline.len() > config.max_files {
        let text = format!("Too many files in 'attachment' and 'inline', max is {}", config.max_files);
        return Err(SendError::Invalid(text));
    }
    let read = ReadParts { from, subject, text, html, amp_html, attachments, inline };
    Ok((read, Recipients { to, cc, bcc }))
}

/// Builds the MIME of one copy, with what events tell of it.
pub(crate) fn build(
    order: &Order,
    parts: &ReadParts,
    to: Option<&Mailbox>,
    substitution: &Substitution<'_>,
    common: &Common<'_>,
) -> Result<Built, SendError> {
    let filled = |text: &'_ Option<String>| -> Result<Option<String>, SendError> {
        text.as_deref().map(|text| substitution.apply(text).map(Cow::into_owned)).transpose()
    };
    let subject = filled(&parts.subject)?;
    let (text, html, amp_html) = (filled(&parts.text)?, filled(&parts.html)?, filled(&parts.amp_html)?);
    let variables = substitution.apply_all(&order.variables.merged)?;
    let mut headers = substitution.apply_all(&order.headers)?;
    headers.extend(order.own_headers(&variables));
    let sender = parts.from.first().and_then(|from| sender(from, &order.domain.name));
    let attachments = files(&parts.attachments);
    let draft = Draft {
        from: &parts.from,
        sender: sender.as_ref(),
        to: to.map_or(order.recipients.to.as_slice(), std::slice::from_ref),
        cc: &order.recipients.cc,
        subject: subject.as_deref(),
        text: text.as_deref(),
        html: html.as_deref(),
        amp_html: amp_html.as_deref(),
        headers: &headers,
        attachments: &attachments,
        inline: &files(&parts.inline),
        message_id: common.message_id,
        date: common.now,
    };
    let mime = draft.build(&common.seed(), common.config.max_message_bytes).map_err(refused)?;
    let shown = |name: &str, made: String| header(&headers, name).unwrap_or(made);
    Ok(Built {
        from: shown("from", list(draft.from)),
        to: shown("to", list(draft.to)),
        subject: shown("subject", subject.clone().unwrap_or_default()),
        message_id: common.message_id.to_owned(),
        attachments: attachments.iter().map(attachment).collect(),
        nature: Nature { is_amp: amp_html.is_some(), is_encrypted: false },
        variables,
        mime,
    })
}

/// `Sender`: the From address if it is of the sending domain, else that address written as a local part
/// of the sending domain. None where no such address can be written.
pub(crate) fn sender(from: &Mailbox, domain: &str) -> Option<Mailbox> {
    let address = &from.address;
    if address.domain() == domain {
        return Some(Mailbox::bare(address.clone()));
    }
    let local = format!("{}={}", address.local(), address.domain());
    let plain = local.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'@');
    let written = if plain { Address::new(&local, domain).ok() } else { None };
    written.map(Mailbox::bare)
}

fn refused(error: BuildError) -> SendError {
    match error {
        BuildError::Header(error) => SendError::Invalid(error.to_string()),
        BuildError::TooLarge { limit } => SendError::TooLarge { size: limit as u64 + 1, limit: limit as u64 },
    }
}

fn files(files: &[File]) -> Vec<build::File<'_>> {
    files
        .iter()
        .map(|file| build::File {
            name: &file.name,
            content_type: file.content_type.as_deref(),
            bytes: &file.bytes,
        })
        .collect()
}

fn attachment(file: &build::File<'_>) -> AttachmentInfo {
    AttachmentInfo {
        filename: file.shown_name().to_owned(),
        content_type: file.media_type(),
        size: file.bytes.len() as u64,
    }
}

fn list(mailboxes: &[Mailbox]) -> String {
    mailboxes
        .iter()
        .take(crate::events::MOST_ADDRESSES)
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}

fn header(headers: &[(String, String)], name: &str) -> Option<String> {
    let found = headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.trim().to_owned()).filter(|value| !value.is_empty())
}

impl Common<'_> {
    /// Sixteen random bytes, from which boundaries are made.
    fn seed(&self) -> [u8; 16] {
        let mut seed = [0u8; 16];
        self.random.fill(&mut seed);
        seed
    }
}

const NO_BODY: &str = "Need at least one of 'text', 'html', 'amp-html' or 'template' parameters specified";

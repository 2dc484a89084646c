//! Customers' own MIME: reading it, and patching it into one copy, other bytes untouched.

use std::collections::HashMap;

use waxseal_mail::{
    Mailbox, inspect,
    options::{self, OptionHeaders},
    patch::{Limits, Message, MimeError, Patch},
    substitute::MimeTemplate,
    wrapper::{self, Unwrapped, Wrapped, WrapperError},
};
use waxseal_model::event::AttachmentInfo;

use crate::{
    batch::Substitution,
    build::{Built, Common},
    config::SendingConfig,
    error::SendError,
    nature::Nature,
    order::Order,
    parts,
    recipients::{self, Recipients},
};

/// A customer's MIME, with what came around it.
pub(crate) struct ReadMime {
    pub(crate) message: Message,
    pub(crate) recipients: Recipients,
    /// What the envelope of `multipart/mailgun-variables` says.
    pub(crate) envelope: Option<Envelope>,
}

/// Counts beside the message, as fields of a form do.
pub(crate) struct Envelope {
    pub(crate) options: OptionHeaders,
    pub(crate) message_id: Option<String>,
}

/// Reads a customer's MIME and the list of everybody it goes to.
pub(crate) fn read(mime: Vec<u8>, to: &[String], config: &SendingConfig) -> Result<ReadMime, SendError> {
    let mut to = recipients::required("to", to, config.max_recipients)?;
    if mime.is_empty() {
        return Err(SendError::Invalid("message parameter is missing".into()));
    }
    let (message, envelope) = match wrapper::read(mime, &limits(config)).map_err(unwrapped)? {
        Wrapped::No(message) => (message, None),
        Wrapped::Yes(unwrapped) => {
            let Unwrapped { envelope, recipient_variables, message } = *unwrapped;
            (message, Some((envelope, recipient_variables)))
        }
    };
    let outer = envelope.as_ref().map(|(envelope, _)| envelope);
    if [Some(&message), outer].into_iter().flatten().any(|one| one.raw("received").count() > MOST_RECEIVED) {
        return Err(SendError::Loop);
    }
    if let Some(name) = message.repeated() {
        let text = format!("the message has more than one {name} header: give one (RFC 5322, section 3.6)");
        return Err(SendError::Invalid(text));
    }
    name_recipients(&mut to, &message, config.max_recipients);
    match message.mailboxes("from", MOST_FROM) {
        Ok(from) if from.is_empty() => Err(SendError::Invalid("from parameter is missing".into())),
        Err(_) if message.first("from").is_none_or(|from| from.is_empty()) => {
            Err(SendError::Invalid("from parameter is missing".into()))
        }
        Err(_) => {
            let text = "from parameter is not a valid address. please check documentation";
            Err(SendError::Invalid(text.into()))
        }
        Ok(_) => {
            let recipients = Recipients { to, cc: Vec::new(), bcc: Vec::new() };
            let envelope = envelope.map(|(envelope, variables)| Envelope::of(&envelope, variables));
            Ok(ReadMime { message, recipients, envelope })
        }
    }
}

impl Envelope {
    fn of(envelope: &Message, recipient_variables: String) -> Self {
        let recipient_variables = Some(recipient_variables);
        let options = OptionHeaders { recipient_variables, ..options::from_mime(envelope) };
        Self { options, message_id: envelope.raw("message-id").next() }
    }
}

/// An envelope knows addresses alone: their names stand in the message's own `To` and `Cc`.
fn name_recipients(recipients: &mut [Mailbox], message: &Message, max: usize) {
    let shown = ["to", "cc"].into_iter().flat_map(|field| message.mailboxes(field, max).unwrap_or_default());
    let names: HashMap<String, String> =
        shown.filter_map(|mailbox| Some((mailbox.address.key(), mailbox.name?))).collect();
    for recipient in recipients.iter_mut().filter(|recipient| recipient.name.is_none()) {
        recipient.name = names.get(&recipient.address.key()).cloned();
    }
}

/// Patches the MIME for one copy, with what events tell of it. In batch mode (`template`) the variables
/// of `to` are put in first.
pub(crate) fn build(
    order: &Order,
    message: &Message,
    template: Option<&MimeTemplate>,
    to: Option<&Mailbox>,
    substitution: &Substitution<'_>,
    common: &Common<'_>,
) -> Result<Built, SendError> {
    let rendered = match template {
        None => None,
        Some(template) => substitution.render(template)?,
    };
    let rendered = rendered.map(|mime| Message::read(mime, &limits(common.config)));
    let rendered = rendered.transpose().map_err(refused)?;
    let message = rendered.as_ref().unwrap_or(message);
    let variables = substitution.apply_all(&order.variables.merged)?;
    let mut set = substitution.apply_all(&order.headers)?;
    set.extend(changed_own_headers(order, &variables));
    if let Some(to) = to {
        let shown = set.iter().any(|(name, _)| name.eq_ignore_ascii_case("to"));
        if !shown {
            set.push(("To".into(), to.to_string()));
        }
    }
    if message.first("sender").is_none()
        && let Some(from) = message.mailboxes("from", MOST_FROM).ok().and_then(|from| from.into_iter().next())
        && let Some(sender) = parts::sender(&from, &order.domain.name)
    {
        set.push(("Sender".into(), sender.to_string()));
    }
    let hidden: Vec<&str> =
        OWN_HEADERS.into_iter().filter(|name| order.options.hidden_headers.hides(name)).collect();
    let patch = Patch { set: &set, remove: &hidden, message_id: common.message_id, date: common.now };
    let patched = message.patch(&patch).map_err(refused)?;
    let summary = inspect::summary(&patched.mime);
    Ok(Built {
        from: summary.from.unwrap_or_default(),
        to: summary.to.unwrap_or_default(),
        subject: summary.subject.unwrap_or_default(),
        message_id: patched.message_id,
        attachments: summary
            .attachments
            .into_iter()
            .filter(|file| !file.inline)
            .map(|file| AttachmentInfo {
                filename: file.name,
                content_type: file.content_type,
                size: file.size,
            })
            .collect(),
        nature: Nature::of(message),
        variables,
        mime: patched.mime,
    })
}

/// Our headers, where what was given beside the message changes what the message says itself.
fn changed_own_headers(order: &Order, variables: &[(String, String)]) -> Vec<(String, String)> {
    let mut headers = order.own_headers(variables);
    headers.retain(|(name, _)| match name.as_str() {
        // Those of a batch may hold what was put in for the recipient: they are written anew.
        "X-Mailgun-Variables" => order.variables.beside || order.batch.is_some(),
        "X-Mailgun-Tag" => order.variables.tags_beside,
        _ => true,
    });
    headers
}

fn limits(config: &SendingConfig) -> Limits {
    Limits { size: config.max_message_bytes, ..Limits::default() }
}

fn unwrapped(error: WrapperError) -> SendError {
    match error {
        WrapperError::Message(error) => refused(error),
        WrapperError::Parts | WrapperError::Nested => SendError::Invalid(error.to_string()),
    }
}

fn refused(error: MimeError) -> SendError {
    match error {
        MimeError::TooLarge { limit } => SendError::TooLarge { size: limit as u64 + 1, limit: limit as u64 },
        error => SendError::Invalid(error.to_string()),
    }
}

/// Headers of ours that a message may carry to its recipient.
const OWN_HEADERS: [&str; 3] = ["X-Mailgun-Variables", "X-Mailgun-Tag", "X-Mailgun-Track"];
/// Servers that passed a message on; one more and it is going in circles (RFC 5321 section 6.3).
const MOST_RECEIVED: usize = 50;
/// Authors of one message; RFC 5322 allows several.
pub(crate) const MOST_FROM: usize = 20;

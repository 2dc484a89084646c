//! What a door asks for: content, recipients, options. Doors parse; this crate decides.

use waxseal_accounts::caller::Caller;
use waxseal_store::domain::Domain;

/// One call to send.
pub struct SendRequest {
    /// Who calls.
    pub caller: Caller,
    /// The domain to send through: the account's own (looked up by the door with the caller's account).
    pub domain: Domain,
    /// `http` or `smtp`.
    pub via: Via,
    /// Content.
    pub content: Content,
    /// Options as name and value, in order: names without `o:` (`tag`, `deliverytime`, …).
    /// `X-Mailgun-*` headers of MIME content, and `h:X-Mailgun-*`, are read by this crate.
    pub options: Vec<(String, String)>,
    /// Custom variables (`v:`), name and value.
    pub variables: Vec<(String, String)>,
    /// `recipient-variables` as received: JSON text. Its presence switches batch mode on.
    pub recipient_variables: Option<String>,
    /// `template`, `t:version`, … as received, names included: templates come with later work, a clear 400 until
    /// then. `t:` fields without a template mean nothing, but count as what they take.
    pub template: Vec<(String, String)>,
    /// The caller's `Idempotency-Key`.
    pub idempotency: Option<String>,
    /// It is a report about TLS of the instance itself, which goes whatever TLS is like.
    pub tls_report: bool,
}

impl SendRequest {
    /// Whether the content is to come from a template.
    pub(crate) fn is_templated(&self) -> bool {
        self.template.iter().any(|(name, value)| name == "template" && !value.is_empty())
    }

    /// Bytes of the content.
    pub(crate) fn size(&self) -> usize {
        match &self.content {
            Content::Mime { mime, .. } => mime.len(),
            Content::Parts(parts) => parts.size(),
        }
    }
}

/// How a message came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// HTTP API.
    Http,
    /// SMTP submission.
    Smtp,
}

/// The content of a call.
pub enum Content {
    /// Parts, from which MIME is built.
    Parts(Parts),
    /// The customer's MIME, patched in place, with the complete list of recipients.
    Mime {
        /// The MIME as received.
        mime: Vec<u8>,
        /// Envelope recipients (`to` of `.mime`, RCPT TO of SMTP), as received: mailbox lists or addresses.
        to: Vec<String>,
        /// `h:` fields: replace or add headers.
        headers: Vec<(String, String)>,
        /// MAIL FROM of SMTP; empty for the null reverse-path.
        mail_from: Option<String>,
    },
}

/// The parts of `POST /v3/{domain}/messages`, as received.
#[derive(Default)]
pub struct Parts {
    /// `from` values (mailbox lists).
    pub from: Vec<String>,
    /// `to` values (mailbox lists).
    pub to: Vec<String>,
    /// `cc` values.
    pub cc: Vec<String>,
    /// `bcc` values.
    pub bcc: Vec<String>,
    /// `subject`.
    pub subject: Option<String>,
    /// `text`.
    pub text: Option<String>,
    /// `html`.
    pub html: Option<String>,
    /// `amp-html`.
    pub amp_html: Option<String>,
    /// `h:` fields in order: name without `h:`, value.
    pub headers: Vec<(String, String)>,
    /// `attachment` files.
    pub attachments: Vec<File>,
    /// `inline` files.
    pub inline: Vec<File>,
}

impl Parts {
    fn size(&self) -> usize {
        let texts = [&self.text, &self.html, &self.amp_html, &self.subject];
        let files = self.attachments.iter().chain(&self.inline);
        let lists = [&self.from, &self.to, &self.cc, &self.bcc];
        texts.iter().filter_map(|text| text.as_ref()).map(String::len).sum::<usize>()
            + files.map(|file| file.bytes.len()).sum::<usize>()
            + lists.iter().flat_map(|list| list.iter()).map(String::len).sum::<usize>()
    }
}

/// An uploaded file.
pub struct File {
    /// File name, decoded; may be a path. Of an inline file it is the Content-ID.
    pub name: String,
    /// Content type of the part; guessed from the name if absent.
    pub content_type: Option<String>,
    /// Bytes.
    pub bytes: Vec<u8>,
}

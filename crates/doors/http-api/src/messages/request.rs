//! From form fields to what the sending service takes.

use axum::http::HeaderMap;
use serde::Serialize;
use waxseal_sending::{
    request::{Content, Parts},
    send::Sent,
};

use crate::{error::ApiError, form::Form};

/// Longest `Idempotency-Key`.
const MAX_IDEMPOTENCY_KEY: usize = 255;

/// The answer to an accepted message.
#[derive(Serialize)]
pub(crate) struct SendAnswer {
    id: String,
    message: &'static str,
}

impl From<Sent> for SendAnswer {
    fn from(sent: Sent) -> Self {
        Self { id: sent.id, message: "Queued. Thank you." }
    }
}

/// What goes with any content.
pub(super) struct Common {
    pub(super) options: Vec<(String, String)>,
    pub(super) variables: Vec<(String, String)>,
    pub(super) recipient_variables: Option<String>,
    pub(super) template: Vec<(String, String)>,
}

impl Common {
    pub(super) fn take(form: &mut Form) -> Self {
        let name = form.take_first("template").map(|name| ("template".to_owned(), name));
        let more = form.take_prefixed("t:").into_iter().map(|(name, value)| (format!("t:{name}"), value));
        let template = name.into_iter().chain(more).collect();
        Self {
            options: form.take_prefixed("o:"),
            variables: form.take_prefixed("v:"),
            recipient_variables: form.take_first("recipient-variables"),
            template,
        }
    }
}

/// The parts that a message is built from.
pub(super) fn parts(form: &mut Form) -> Content {
    Content::Parts(Parts {
        from: form.take_all("from"),
        to: form.take_all("to"),
        cc: form.take_all("cc"),
        bcc: form.take_all("bcc"),
        subject: form.take_first("subject"),
        text: form.take_first("text"),
        html: form.take_first("html"),
        amp_html: form.take_first("amp-html"),
        headers: headers(form),
        attachments: form.take_files("attachment"),
        inline: form.take_files("inline"),
    })
}

/// The caller's MIME, whether it came as a file or as a plain field.
pub(super) fn mime(form: &mut Form) -> Result<Content, ApiError> {
    let mime = form.take_bytes("message").filter(|mime| !mime.is_empty());
    let mime = mime.ok_or_else(|| ApiError::bad_request("message parameter is missing"))?;
    Ok(Content::Mime { mime, to: form.take_all("to"), headers: headers(form), mail_from: None })
}

/// `h:` fields, and the one header that nodemailer's transport sends as a field of its own.
fn headers(form: &mut Form) -> Vec<(String, String)> {
    const BARE: &str = "X-Mailgun-Variables";
    let mut headers = form.take_prefixed("h:");
    headers.extend(form.take_all(BARE).into_iter().map(|value| (BARE.to_owned(), value)));
    headers
}

/// The caller's `Idempotency-Key`.
pub(crate) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let key = value.to_str().unwrap_or_default().trim();
    if key.is_empty() || key.len() > MAX_IDEMPOTENCY_KEY {
        return Err(ApiError::bad_request(format!(
            "Idempotency-Key header must have 1 to {MAX_IDEMPOTENCY_KEY} ASCII characters"
        )));
    }
    Ok(Some(key.to_owned()))
}

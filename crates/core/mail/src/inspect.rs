//! Reading a message back: for events, for stored-message retrieval, for attachments one by one.

#[cfg(test)]
mod tests;

use memchr::memmem;

use crate::{
    header::encoded_word,
    mime::{self, Part},
    patch,
};

/// What events tell of a message. Addresses and text: to be sealed where it rests.
#[derive(Default, Clone, PartialEq, Eq)]
pub struct Summary {
    /// `From`, decoded.
    pub from: Option<String>,
    /// `To`, decoded.
    pub to: Option<String>,
    /// `Subject`, decoded.
    pub subject: Option<String>,
    /// Message-ID without brackets.
    pub message_id: Option<String>,
    /// Files in the order of the message.
    pub attachments: Vec<AttachmentInfo>,
}

/// What is known of a file without its bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct AttachmentInfo {
    /// File name, decoded; empty if it has none.
    pub name: String,
    /// Content type without parameters.
    pub content_type: String,
    /// Decoded size in bytes.
    pub size: u64,
    /// Content-ID without brackets.
    pub content_id: Option<String>,
    /// Shown inside the text (`Content-Disposition: inline` with a Content-ID), not beside it.
    pub inline: bool,
}

/// A file.
pub struct Attachment {
    /// What it is.
    pub info: AttachmentInfo,
    /// Decoded bytes.
    pub bytes: Vec<u8>,
}

/// All that retrieval of a stored message tells.
#[derive(Default, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Headers and files.
    pub summary: Summary,
    /// The plain text.
    pub body_plain: String,
    /// The HTML, empty if there is none.
    pub body_html: String,
    /// The plain text. Telling quotations and signatures apart is not done yet: all of it is here.
    pub stripped_text: String,
    /// The HTML, likewise whole.
    pub stripped_html: String,
    /// Empty as long as signatures are not told apart.
    pub stripped_signature: String,
    /// Every header in order: name, and value unfolded and decoded.
    pub headers: Vec<(String, String)>,
    /// Content-ID (without brackets) and index in `summary.attachments`.
    pub content_ids: Vec<(String, usize)>,
}

/// Reads what events tell. Never fails: what cannot be read is missing.
pub fn summary(mime: &[u8]) -> Summary {
    summarise(&headers(mime), &mime::parts(mime))
}

/// Reads everything for retrieval.
pub fn stored(mime: &[u8]) -> Stored {
    let parts = mime::parts(mime);
    let headers = headers(mime);
    let summary = summarise(&headers, &parts);
    let body_plain = body(&parts, "text/plain");
    let body_html = body(&parts, "text/html");
    let content_ids = summary.attachments.iter().enumerate();
    let content_ids =
        content_ids.filter_map(|(index, info)| Some((info.content_id.clone()?, index))).collect();
    Stored {
        stripped_text: body_plain.clone(),
        stripped_html: body_html.clone(),
        stripped_signature: String::new(),
        headers,
        summary,
        body_plain,
        body_html,
        content_ids,
    }
}

/// The file with this index in [`Summary::attachments`].
pub fn attachment(mime: &[u8], index: usize) -> Option<Attachment> {
    let parts = mime::parts(mime);
    let part = files(&parts).nth(index)?;
    Some(Attachment { info: info(part), bytes: part.bytes().into_owned() })
}

/// The fields of the header block, spelled as in the message, unfolded and decoded.
fn headers(mime: &[u8]) -> Vec<(String, String)> {
    let ends =
        [memmem::find(mime, b"\r\n\r\n").map(|at| at + 2), memmem::find(mime, b"\n\n").map(|at| at + 1)];
    let end = ends.into_iter().flatten().min().unwrap_or(mime.len());
    let decoded = |value: &[u8]| encoded_word::decode(&patch::unfold(value)).into_owned();
    mime::fields(mime.get(..end).unwrap_or_default()).map(|(name, value)| (name, decoded(value))).collect()
}

fn summarise(headers: &[(String, String)], parts: &[Part<'_>]) -> Summary {
    let first = |name: &str| {
        headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.clone())
    };
    let id = first("message-id").map(|id| id.trim_matches(['<', '>', ' ']).to_owned());
    Summary {
        from: first("from"),
        to: first("to"),
        subject: first("subject"),
        message_id: id.filter(|id| !id.is_empty()),
        attachments: files(parts).map(info).collect(),
    }
}

/// Files: everything that is no text to read.
fn files<'p, 'm>(parts: &'p [Part<'m>]) -> impl Iterator<Item = &'p Part<'m>> {
    let read = ["text/plain", "text/html", "text/x-amp-html"];
    parts.iter().filter(move |part| !(part.is_body() && read.contains(&part.media.essence.as_str())))
}

fn info(part: &Part<'_>) -> AttachmentInfo {
    AttachmentInfo {
        name: part.file_name().unwrap_or_default(),
        content_type: part.media.essence.clone(),
        size: part.bytes().len() as u64,
        content_id: part.content_id.clone(),
        inline: part.is_inline(),
    }
}

/// The texts of a kind, one after the other: a footer may come after a file.
fn body(parts: &[Part<'_>], essence: &str) -> String {
    parts.iter().filter(|part| part.is_body() && part.media.essence == essence).map(Part::text).collect()
}

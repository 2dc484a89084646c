//! Reading a message back: for events, for stored-message retrieval, for attachments one by one.

#[cfg(test)]
mod tests;

use mail_parser::{Header, Message, MessageParser, MessagePart, MimeHeaders, PartType};

use crate::{header::encoded_word, patch};

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
    with_message(mime, summarise).unwrap_or_default()
}

/// Reads everything for retrieval.
pub fn stored(mime: &[u8]) -> Stored {
    let read = |message: &Message<'_>, headers: &[(String, String)]| {
        let summary = summarise(message, headers);
        let body_plain = text(message, &message.text_body, false).unwrap_or_default();
        let body_html = text(message, &message.html_body, true).unwrap_or_default();
        let content_ids = summary.attachments.iter().enumerate();
        let content_ids =
            content_ids.filter_map(|(index, info)| Some((info.content_id.clone()?, index))).collect();
        Stored {
            stripped_text: body_plain.clone(),
            stripped_html: body_html.clone(),
            stripped_signature: String::new(),
            headers: headers.to_vec(),
            summary,
            body_plain,
            body_html,
            content_ids,
        }
    };
    with_message(mime, read).unwrap_or_default()
}

/// The file with this index in [`Summary::attachments`].
pub fn attachment(mime: &[u8], index: usize) -> Option<Attachment> {
    with_message(mime, |message, _| {
        let part = files(message).nth(index)?;
        Some(Attachment { info: info(part), bytes: part.contents().to_vec() })
    })?
}

fn with_message<T>(mime: &[u8], read: impl FnOnce(&Message<'_>, &[(String, String)]) -> T) -> Option<T> {
    let message = MessageParser::new().with_mime_headers().parse(mime)?;
    let headers: Vec<_> = message.headers().iter().map(|field| decoded(mime, field)).collect();
    Some(read(&message, &headers))
}

/// A field as it is spelled in the message, its value unfolded and decoded.
fn decoded(mime: &[u8], field: &Header<'_>) -> (String, String) {
    let slice = |from: u32, to: u32| mime.get(from as usize..to as usize).unwrap_or_default();
    let name = String::from_utf8_lossy(slice(field.offset_field, field.offset_start));
    let value = patch::unfold(slice(field.offset_start, field.offset_end));
    (name.trim_end_matches([':', ' ', '\t']).to_owned(), encoded_word::decode(&value).into_owned())
}

fn summarise(message: &Message<'_>, headers: &[(String, String)]) -> Summary {
    let first = |name: &str| {
        headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.clone())
    };
    let id = first("message-id").map(|id| id.trim_matches(['<', '>', ' ']).to_owned());
    Summary {
        from: first("from"),
        to: first("to"),
        subject: first("subject"),
        message_id: id.filter(|id| !id.is_empty()),
        attachments: files(message).map(info).collect(),
    }
}

/// Files: what is attached, and inline parts that are not the text itself.
fn files<'m>(message: &'m Message<'_>) -> impl Iterator<Item = &'m MessagePart<'m>> {
    message.attachments.iter().filter_map(|index| message.parts.get(*index as usize)).filter(|part| {
        // A text alternative that no reader shows as text, such as AMP, is no file.
        let attached = part.content_disposition().is_some() || part.attachment_name().is_some();
        attached || !part.is_content_type("text", "x-amp-html")
    })
}

fn info(part: &MessagePart<'_>) -> AttachmentInfo {
    let content_type = part.content_type().map_or_else(
        || "application/octet-stream".to_owned(),
        |known| match &known.c_subtype {
            Some(subtype) => format!("{}/{subtype}", known.c_type).to_ascii_lowercase(),
            None => known.c_type.to_ascii_lowercase(),
        },
    );
    AttachmentInfo {
        name: part.attachment_name().map(|name| encoded_word::decode(name).into_owned()).unwrap_or_default(),
        content_type,
        size: part.contents().len() as u64,
        content_id: part.content_id().map(str::to_owned),
    }
}

/// The first body of the kind wanted: real HTML or real plain text, not one made from the other.
fn text(message: &Message<'_>, bodies: &[u32], html: bool) -> Option<String> {
    bodies.iter().filter_map(|index| message.parts.get(*index as usize)).find_map(|part| match &part.body {
        PartType::Html(text) if html => Some(text.to_string()),
        PartType::Text(text) if !html => Some(text.to_string()),
        _ => None,
    })
}

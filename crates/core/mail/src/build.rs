//! A message from its parts: the MIME tree, its headers, the encoding of each part.
//!
//! The tree is the usual one: files around (`multipart/mixed`) the alternatives (plain text, AMP, HTML),
//! and inline files beside the HTML that shows them (`multipart/related`).

mod content_id;
mod fields;
mod media;
#[cfg(test)]
mod tests;
pub(crate) mod transfer;
mod tree;

use thiserror::Error;
use waxseal_model::Timestamp;

use crate::{
    address::Mailbox,
    header::{HeaderError, check},
};
use tree::{Leaf, Node};

/// What a message is built from. All texts are as the caller gave them; [`Draft::build`] checks them.
#[derive(Clone, Copy)]
pub struct Draft<'a> {
    /// `From`: one mailbox, or several (RFC 5322 §3.6.2 then wants `sender`; the first is taken if not given).
    pub from: &'a [Mailbox],
    /// `Sender`.
    pub sender: Option<&'a Mailbox>,
    /// `To`.
    pub to: &'a [Mailbox],
    /// `Cc`.
    pub cc: &'a [Mailbox],
    /// `Subject`; no such header without it.
    pub subject: Option<&'a str>,
    /// Plain text.
    pub text: Option<&'a str>,
    /// HTML.
    pub html: Option<&'a str>,
    /// AMP (`text/x-amp-html`).
    pub amp_html: Option<&'a str>,
    /// Further headers, name and value, in order. One that the draft makes itself (`To`, `Subject`, `Date`,
    /// …) is replaced by it; those that only the builder may set (`Content-…`, `Message-Id`, …), that
    /// belong to the envelope (`Bcc`) or to the way of a message (`Received`, `Authentication-Results`, signatures), or
    /// that are options are left out.
    pub headers: &'a [(String, String)],
    /// Files to download.
    pub attachments: &'a [File<'a>],
    /// Files shown inside the HTML as `cid:NAME`, the name as it is given, a path with all its parts.
    pub inline: &'a [File<'a>],
    /// Message-ID without angle brackets.
    pub message_id: &'a str,
    /// `Date`.
    pub date: Timestamp,
}

/// A file of a message.
#[derive(Clone, Copy)]
pub struct File<'a> {
    /// File name; may be a path.
    pub name: &'a str,
    /// Content type; guessed from the name if absent or unusable.
    pub content_type: Option<&'a str>,
    /// Content.
    pub bytes: &'a [u8],
}

impl<'a> File<'a> {
    /// The name that readers see: the last part of a path, since clients that send whole paths mean the file.
    pub fn shown_name(&self) -> &'a str {
        let name = self.name.rsplit('/').next().unwrap_or_default();
        let drive = matches!(name.as_bytes(), [letter, b':', b'\\', ..] if letter.is_ascii_alphabetic());
        if drive || name.starts_with("\\\\") { name.rsplit('\\').next().unwrap_or_default() } else { name }
    }

    /// The content type that the file goes under: the given one if it is one, else one by its name.
    pub fn media_type(&self) -> String {
        media::of(self).content_type
    }
}

/// Why a message could not be built.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BuildError {
    /// A header, name or file name cannot stand in a message; the text names it.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The finished message is larger than allowed.
    #[error("message size exceeds the limit of {limit} bytes")]
    TooLarge {
        /// Limit in bytes.
        limit: usize,
    },
}

impl Draft<'_> {
    /// The message with CRLF line endings, unsigned. `seed` is random: the boundaries come from it.
    pub fn build(&self, seed: &[u8; 16], max_size: usize) -> Result<Vec<u8>, BuildError> {
        let too_large = BuildError::TooLarge { limit: max_size };
        let estimate = self.estimate();
        if self.least() > max_size {
            return Err(too_large);
        }
        for file in self.attachments.iter().chain(self.inline) {
            check("content type", file.content_type.unwrap_or_default())?;
        }
        let linked = content_id::link(self.html, self.inline, max_size)?;
        let root = self.tree(linked.html(), &linked.ids);
        let mut out = Vec::with_capacity(estimate.min(max_size + max_size / 2));
        fields::write(self, &mut out)?;
        root.write(&mut out, &mut tree::Boundaries::new(seed))?;
        if !out.ends_with(b"\r\n") {
            out.extend_from_slice(b"\r\n");
        }
        if out.len() > max_size { Err(too_large) } else { Ok(out) }
    }

    fn tree<'t>(&'t self, html: Option<&'t str>, ids: &'t [String]) -> Node<'t> {
        let file = |(index, file): (usize, &'t File<'t>), inline: bool| {
            Node::Leaf(Leaf::File { file, content_id: ids.get(index).filter(|_| inline).map(String::as_str) })
        };
        let mut inline: Vec<_> = self.inline.iter().enumerate().map(|item| file(item, true)).collect();
        let html = html.map(|html| {
            let html = Node::Leaf(Leaf::Text { subtype: "html", text: html });
            let mut related = vec![html];
            related.append(&mut inline);
            Node::group("related", related)
        });
        let text = |subtype, text: Option<&'t str>| text.map(|text| Node::Leaf(Leaf::Text { subtype, text }));
        let mut alternatives: Vec<_> = [text("plain", self.text), text("x-amp-html", self.amp_html), html]
            .into_iter()
            .flatten()
            .collect();
        if alternatives.is_empty() {
            alternatives.extend(text("plain", Some("")));
        }
        // Inline files of a message without HTML have nothing that shows them: they go with the others.
        let mut mixed = vec![Node::group("alternative", alternatives)];
        mixed.append(&mut inline);
        mixed.extend(self.attachments.iter().enumerate().map(|item| file(item, false)));
        Node::group("mixed", mixed)
    }

    fn texts(&self) -> usize {
        [self.text, self.html, self.amp_html].iter().flatten().map(|text| text.len()).sum()
    }

    /// No message can be smaller than this.
    fn least(&self) -> usize {
        let files = self.attachments.iter().chain(self.inline);
        self.texts() + files.map(|file| file.bytes.len()).sum::<usize>()
    }

    /// About how large the message gets, so that its buffer rarely grows.
    fn estimate(&self) -> usize {
        let files = self.attachments.iter().chain(self.inline);
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + value.len() + 16).sum();
        4_096
            + headers
            + 120 * (self.to.len() + self.cc.len())
            + self.texts() * 3 / 2
            + files.map(|file| file.bytes.len() / 57 * 78 + 1_024).sum::<usize>()
    }
}

//! Content-IDs of inline files: the file's name, as the HTML refers to it.

use std::borrow::Cow;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::File;
use crate::header::{HeaderError, check};

/// The HTML with its references, and a Content-ID for each inline file.
pub(super) struct Linked<'a> {
    html: Option<Cow<'a, str>>,
    pub(super) ids: Vec<String>,
}

impl Linked<'_> {
    pub(super) fn html(&self) -> Option<&str> {
        self.html.as_deref()
    }
}

/// Gives each inline file its Content-ID. A name that cannot be one (a space, a letter outside ASCII)
/// gets a plain one, and the references in the HTML are changed to it, written raw or percent-encoded.
pub(super) fn link<'a>(html: Option<&'a str>, inline: &[File<'_>]) -> Result<Linked<'a>, HeaderError> {
    let mut html = html.map(Cow::Borrowed);
    let mut ids = Vec::with_capacity(inline.len());
    for (index, file) in inline.iter().enumerate() {
        check("inline file name", file.name)?;
        if is_plain(file.name) {
            ids.push(file.name.to_owned());
            continue;
        }
        let safe: String =
            file.name.chars().map(|c| if is_plain_char(c) { c } else { '_' }).take(100).collect();
        let id = format!("inline{index}.{safe}");
        if let Some(text) = &mut html
            && !file.name.is_empty()
        {
            for spelling in spellings(file.name) {
                if text.contains(&spelling) {
                    *text = Cow::Owned(text.replace(&spelling, &format!("cid:{id}")));
                }
            }
        }
        ids.push(id);
    }
    Ok(Linked { html, ids })
}

fn is_plain_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.@:,".contains(c)
}

fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.len() <= 255 && name.chars().all(is_plain_char)
}

/// How HTML may write the reference to a name.
fn spellings(name: &str) -> [String; 3] {
    const PATH: &percent_encoding::AsciiSet =
        &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    [
        format!("cid:{name}"),
        format!("cid:{}", utf8_percent_encode(name, PATH)),
        format!("cid:{}", name.replace(' ', "%20")),
    ]
}

//! Content-IDs of inline files: the file's name, as the HTML refers to it.

use std::{borrow::Cow, collections::HashMap, ops::Range};

use percent_encoding::percent_decode_str;

use super::{BuildError, File};
use crate::header::check;

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
/// gets a plain one, and the references in the HTML are changed to it, written raw or percent-encoded. Of two files
/// with one name the first is meant; where a name is a path, its last part will do. HTML that this makes larger than
/// `max_size` bytes is refused.
pub(super) fn link<'a>(
    html: Option<&'a str>,
    inline: &[File<'_>],
    max_size: usize,
) -> Result<Linked<'a>, BuildError> {
    let mut ids = Vec::with_capacity(inline.len());
    for (index, file) in inline.iter().enumerate() {
        check("inline file name", file.name)?;
        ids.push(if is_plain(file.name) { file.name.to_owned() } else { plain(index, file.name) });
    }
    let mut by_name: HashMap<&str, &str> = HashMap::with_capacity(inline.len());
    let paths = inline.iter().map(|file| file.name);
    let names = paths.chain(inline.iter().map(File::shown_name));
    for (name, id) in names.zip(ids.iter().chain(&ids)) {
        by_name.entry(name).or_insert(id);
    }
    by_name.retain(|name, id| name != id && !name.is_empty());
    let html = match html {
        Some(html) if !by_name.is_empty() => Some(relink(html, &by_name, max_size)?),
        other => other.map(Cow::Borrowed),
    };
    Ok(Linked { html, ids })
}

fn is_plain_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.@:,".contains(c)
}

fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.len() <= 255 && name.chars().all(is_plain_char)
}

fn plain(index: usize, name: &str) -> String {
    let safe: String = name.chars().map(|c| if is_plain_char(c) { c } else { '_' }).take(100).collect();
    format!("inline{index}.{safe}")
}

/// The HTML with the references to these names changed. Reads each byte a fixed number of times, however many names
/// there are.
fn relink<'h>(
    html: &'h str,
    by_name: &HashMap<&str, &str>,
    max_size: usize,
) -> Result<Cow<'h, str>, BuildError> {
    let mut out = String::new();
    let mut copied = 0;
    for reference in references(html) {
        let found = reference.into_iter().find_map(|place| {
            let written = html.get(place.clone())?;
            Some((place, id_of(written, by_name)?))
        });
        let Some((place, id)) = found else { continue };
        out.push_str(html.get(copied..place.start).unwrap_or_default());
        out.push_str(id);
        copied = place.end;
        // A short reference may stand for a long name, again and again.
        if out.len() > max_size {
            return Err(BuildError::TooLarge { limit: max_size });
        }
    }
    if copied == 0 {
        return Ok(Cow::Borrowed(html));
    }
    out.push_str(html.get(copied..).unwrap_or_default());
    Ok(Cow::Owned(out))
}

/// The id of the name that this means: as it stands, percent-encoded, or with its ampersands as HTML has them.
fn id_of<'i>(written: &str, by_name: &HashMap<&str, &'i str>) -> Option<&'i str> {
    let known = |name: &str| by_name.get(name).copied();
    let decoded = || percent_decode_str(written).decode_utf8().ok();
    let unescaped = || written.contains("&amp;").then(|| written.replace("&amp;", "&"));
    known(written)
        .or_else(|| written.contains('%').then(decoded).flatten().and_then(|name| known(&name)))
        .or_else(|| unescaped().and_then(|name| known(&name)))
}

/// What follows `cid:` wherever HTML refers to something: first all of the value, up to what closes it; then, for
/// values that list several, up to a blank or comma. No stretch reaches into the next reference, so that no byte is
/// looked at again and again.
fn references(html: &str) -> impl Iterator<Item = [Range<usize>; 2]> {
    let bytes = html.as_bytes();
    let mut starts =
        memchr::memchr_iter(b':', bytes).filter(move |colon| is_scheme(bytes, *colon)).peekable();
    std::iter::from_fn(move || {
        let start = starts.next()? + 1;
        let limit = starts.peek().map_or(bytes.len(), |colon| colon - SCHEME.len());
        let stretch = bytes.get(start..limit).unwrap_or_default();
        let before = bytes.get(..start - SCHEME.len() - 1).unwrap_or_default().trim_ascii_end();
        let end = match before.last() {
            Some(quote @ (b'"' | b'\'')) => memchr::memchr(*quote, stretch),
            Some(b'(') => memchr::memchr(b')', stretch),
            _ => None,
        };
        let first = stretch.iter().position(|byte| byte.is_ascii_whitespace() || b"\"'(),<>".contains(byte));
        let place = |end: Option<usize>| {
            let value = stretch.get(..end.unwrap_or(stretch.len())).unwrap_or_default();
            start..start + value.trim_ascii_end().len()
        };
        Some([place(end.or(first)), place(first)])
    })
}

const SCHEME: &str = "cid";

/// Whether the colon ends the scheme `cid`, and not a longer word.
fn is_scheme(html: &[u8], colon: usize) -> bool {
    let Some((before, scheme)) = html.get(..colon).and_then(|text| text.split_last_chunk::<3>()) else {
        return false;
    };
    let longer = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
    scheme.eq_ignore_ascii_case(SCHEME.as_bytes()) && !before.last().is_some_and(longer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn linked(html: &str, names: &[&str]) -> (String, Vec<String>) {
        let files: Vec<_> = names.iter().map(|name| File { name, content_type: None, bytes: b"x" }).collect();
        let linked = link(Some(html), &files, 1 << 20).expect("names");
        (linked.html().expect("html").to_owned(), linked.ids)
    }

    #[test]
    fn a_plain_name_is_its_own_id() {
        let html = "<img src=\"cid:logo.png\"><img src='cid:abc/d@host'>";
        let names = ["logo.png", "abc/d@host"];
        assert_eq!(linked(html, &names), (html.to_owned(), names.map(str::to_owned).to_vec()));
    }

    #[test]
    fn a_name_that_begins_another_does_not_take_its_references() {
        let (html, ids) = linked(
            "<img src=\"cid:my logo\"><img src=\"cid:my logo 2\"><i style='background:url(cid:my logo 2)'>",
            &["my logo", "my logo 2"],
        );
        assert_eq!(ids, ["inline0.my_logo", "inline1.my_logo_2"]);
        assert_eq!(
            html,
            "<img src=\"cid:inline0.my_logo\"><img src=\"cid:inline1.my_logo_2\">\
             <i style='background:url(cid:inline1.my_logo_2)'>"
        );
    }

    #[test]
    fn references_are_found_in_every_spelling() {
        for (written, changed) in [
            ("src=\"cid:é & a\"", "src=\"cid:@@\""),
            ("src='CID:%C3%A9%20%26%20a'", "src='CID:@@'"),
            ("src=\"cid:é &amp; a\"", "src=\"cid:@@\""),
            ("src=cid:%C3%A9%20&%20a>", "src=cid:@@>"),
            ("src=\" cid:é & a \"", "src=\" cid:@@ \""),
            ("url( cid:é & a )", "url( cid:@@ )"),
            ("srcset=\"cid:b.png 1x, cid:%C3%A9%20%26%20a 2x\"", "srcset=\"cid:b.png 1x, cid:@@ 2x\""),
            ("cid:é & a", "cid:é & a"),
            ("src=\"acid:é & a\"", "src=\"acid:é & a\""),
            ("src=\"cid:é & a", "src=\"cid:é & a"),
            ("src=\"cid:é & b\" cid:", "src=\"cid:é & b\" cid:"),
            ("src=\"cid:%ff\"", "src=\"cid:%ff\""),
        ] {
            let (html, ids) = linked(written, &["é & a", "b.png"]);
            assert_eq!(html, changed.replace("@@", &ids[0]), "{written}");
        }
    }

    #[test]
    fn the_last_part_of_a_path_will_do_where_no_file_has_that_name() {
        let html = "<img src=\"cid:logo.png\">";
        assert_eq!(linked(html, &["img/logo.png"]).0, "<img src=\"cid:img/logo.png\">");
        assert_eq!(linked(html, &["img/logo.png", "logo.png"]).0, html);
    }

    #[test]
    fn references_that_grow_stop_at_the_size_of_a_message() {
        let name = format!("{}/e", "x".repeat(250));
        let files = [File { name: &name, content_type: None, bytes: b"x" }];
        let html = "cid:e,".repeat(10_000);
        let refused = link(Some(&html), &files, 1 << 20).err();
        assert_eq!(refused, Some(BuildError::TooLarge { limit: 1 << 20 }));
        assert!(link(Some(&html), &files, 4 << 20).is_ok());
    }

    /// What made a request cost minutes: many names, and references that nearly match.
    #[test]
    fn no_byte_is_looked_at_for_each_name() {
        for piece in ["cid:", "\"cid:", "(cid:é ", "<img src=\"cid:é1\">", "x ", "cid:é)cid:'"] {
            let html = piece.repeat(2_000);
            let (mut looked_at, mut end) = (0, 0);
            for [whole, first] in references(&html) {
                assert!(
                    whole.start >= end && first.start == whole.start && first.end <= html.len(),
                    "{piece}"
                );
                looked_at += whole.len() + first.len();
                end = whole.end.max(first.end);
            }
            assert!(looked_at <= 2 * html.len(), "{piece}");
        }
        let html = "<img src=\"cid:é 3999\">".repeat(1_000);
        let names: Vec<String> = (0..4_000).map(|number| format!("é {number}")).collect();
        let (html, _) = linked(&html, &names.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(html.matches("cid:inline3999.__3999\"").count(), 1_000);
    }
}

//! Encoded words (RFC 2047): UTF-8 in the shorter of B and Q on the way out, any charset on the way in.

use std::borrow::Cow;

use base64::{Engine, engine::general_purpose};
use encoding_rs::Encoding;

use crate::mime::decode::{LENIENT, hex};

/// What surrounds the text of a word: `=?UTF-8?B??=`.
const FRAME: usize = 12;
/// Longest word (RFC 2047 §2).
const MAX_WORD: usize = 75;
/// A first word on a line that has begun is not made shorter than this.
const MIN_WORD: usize = 32;
/// Longest words that are decoded: more generous than the rule, since writers break it.
const MAX_READ: usize = 4_000;

/// The text as encoded words, one space between them.
pub(crate) fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    each(text, 0, |word| {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    });
    out
}

/// Hands over the encoded words of a text one by one; no character is cut in two (RFC 2047 §5). The
/// first one is made to fit a line of which `column` characters are taken.
pub(crate) fn each(text: &str, column: usize, mut take: impl FnMut(&str)) {
    let q_total: usize = text.bytes().map(q_size).sum();
    let base64 = text.len().div_ceil(3) * 4 < q_total;
    let mut room = MAX_WORD.saturating_sub(column).max(MIN_WORD) - FRAME;
    let (mut start, mut q) = (0, 0);
    for (at, c) in text.char_indices() {
        let mut buffer = [0; 4];
        let more: usize = c.encode_utf8(&mut buffer).bytes().map(q_size).sum();
        let size = if base64 { (at + c.len_utf8() - start).div_ceil(3) * 4 } else { q + more };
        if size > room && at > start {
            take(&word(text.get(start..at).unwrap_or_default(), base64));
            (start, q, room) = (at, 0, MAX_WORD - FRAME);
        }
        q += more;
    }
    if start < text.len() {
        take(&word(text.get(start..).unwrap_or_default(), base64));
    }
}

fn word(text: &str, base64: bool) -> String {
    if base64 {
        return format!("=?UTF-8?B?{}?=", general_purpose::STANDARD.encode(text));
    }
    let mut out = String::with_capacity(MAX_WORD);
    out.push_str("=?UTF-8?Q?");
    for byte in text.bytes() {
        match byte {
            b' ' => out.push('_'),
            byte if is_q_plain(byte) => out.push(char::from(byte)),
            byte => out.push_str(&format!("={byte:02X}")),
        }
    }
    out.push_str("?=");
    out
}

/// Bytes that stand for themselves even in a phrase (RFC 2047 §5 rule 3).
const fn is_q_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'!' | b'*' | b'+' | b'-' | b'/')
}

const fn q_size(byte: u8) -> usize {
    if byte == b' ' || is_q_plain(byte) { 1 } else { 3 }
}

/// The text with its encoded words decoded; white space between two of them goes. A word that cannot be
/// decoded stays as it is.
pub(crate) fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains("=?") {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut run = Run::default();
    let mut rest = text;
    while let Some(at) = rest.find("=?") {
        let (before, from) = rest.split_at(at);
        match split(from) {
            Some((parts, after)) => {
                let only_space = before.chars().all(|c| matches!(c, ' ' | '\t' | '\r' | '\n'));
                if !(only_space && run.open) {
                    run.flush(&mut out);
                    out.push_str(before);
                }
                run.push(parts, &mut out);
                rest = after;
            }
            None => {
                run.flush(&mut out);
                out.push_str(before);
                out.push_str("=?");
                rest = from.get(2..).unwrap_or_default();
            }
        }
    }
    run.flush(&mut out);
    out.push_str(rest);
    Cow::Owned(out)
}

/// Bytes of neighbouring words in one charset: some writers cut characters in two between words.
#[derive(Default)]
struct Run {
    open: bool,
    charset: Option<&'static Encoding>,
    bytes: Vec<u8>,
}

impl Run {
    fn push(&mut self, (charset, bytes): (&'static Encoding, Vec<u8>), out: &mut String) {
        if self.charset != Some(charset) {
            self.flush(out);
        }
        self.open = true;
        self.charset = Some(charset);
        self.bytes.extend_from_slice(&bytes);
    }

    fn flush(&mut self, out: &mut String) {
        if let Some(charset) = self.charset.take() {
            let (text, _) = charset.decode_without_bom_handling(&self.bytes);
            out.push_str(&text);
        }
        self.bytes.clear();
        self.open = false;
    }
}

/// Reads one word at the start of `text`: charset and bytes, and what follows it.
fn split(text: &str) -> Option<((&'static Encoding, Vec<u8>), &str)> {
    let inner = text.strip_prefix("=?")?;
    let (charset, inner) = cut(inner, b"?", 40)?;
    let (encoding, inner) = cut(inner, b"?", 1)?;
    let (payload, after) = cut(inner, b"?=", MAX_READ)?;
    // RFC 2231 §5 allows a language after the charset.
    let label = charset.split('*').next().unwrap_or(charset);
    let charset = Encoding::for_label_no_replacement(label.as_bytes())?;
    let bytes = match encoding {
        "B" | "b" => {
            let payload: String = payload.chars().filter(|c| !c.is_whitespace() && *c != '=').collect();
            LENIENT.decode(payload).ok()?
        }
        "Q" | "q" => q_bytes(payload),
        _ => return None,
    };
    Some(((charset, bytes), after))
}

/// Cuts at the first `mark`, which must come within `limit` bytes: so a text full of beginnings is read
/// in linear time.
fn cut<'t>(text: &'t str, mark: &[u8], limit: usize) -> Option<(&'t str, &'t str)> {
    let window = text.as_bytes().get(..(limit + mark.len()).min(text.len()))?;
    let at = memchr::memmem::find(window, mark)?;
    Some((text.get(..at)?, text.get(at + mark.len()..)?))
}

/// The bytes of the Q encoding; an `=` without two hexadecimal digits stands for itself.
fn q_bytes(payload: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(payload.len());
    let mut bytes = payload.as_bytes();
    while let [byte, rest @ ..] = bytes {
        let (value, next) = match (byte, rest) {
            (b'=', [high, low, after @ ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => (high * 16 + low, after),
                _ => (b'=', rest),
            },
            (b'_', _) => (b' ', rest),
            (byte, _) => (*byte, rest),
        };
        out.push(value);
        bytes = next;
    }
    out
}

//! The forms in which a word could have been kept.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use data_encoding::{BASE64_NOPAD, BASE64URL_NOPAD, Encoding, HEXLOWER};
use md_5::{Digest as _, Md5};
use memchr::memmem;
use unicode_normalization::UnicodeNormalization as _;

/// Byte strings that betray a word. Those of the first list are looked for in text folded to lower case, those of the
/// second as they are.
#[derive(Default)]
pub(crate) struct Needles {
    pub(crate) folded: Vec<Vec<u8>>,
    pub(crate) exact: Vec<Vec<u8>>,
}

impl Needles {
    /// Adds a word, its letters composed and not: in any case, UTF-16 both ways, hex, base64 at each alignment, digests
    /// without salt.
    pub(crate) fn add_word(&mut self, word: &str) {
        for word in [word.to_owned(), word.nfc().collect(), word.nfd().collect()] {
            self.add_spelling(&word);
        }
        self.tidy();
    }

    fn add_spelling(&mut self, word: &str) {
        let lower = word.to_lowercase();
        for spelling in [word.to_owned(), lower, word.to_uppercase()] {
            let bytes = spelling.as_bytes();
            // Where they are looked for, letters of ASCII are of any case.
            self.folded.push(spelling.to_ascii_lowercase().into_bytes());
            for to_bytes in [u16::to_le_bytes, u16::to_be_bytes] {
                let wide = spelling.to_ascii_lowercase().encode_utf16().flat_map(to_bytes).collect();
                self.folded.push(wide);
            }
            self.folded.push(HEXLOWER.encode(bytes).into_bytes());
            self.add_base64(bytes);
            self.add_sum(&Md5::digest(bytes));
            for algorithm in [&SHA1_FOR_LEGACY_USE_ONLY, &SHA256] {
                self.add_sum(digest(algorithm, bytes).as_ref());
            }
        }
    }

    /// Adds bytes that are no word: as they are, hex, base64 at each alignment.
    pub(crate) fn add_bytes(&mut self, bytes: &[u8]) {
        self.exact.push(bytes.to_vec());
        self.folded.push(HEXLOWER.encode(bytes).into_bytes());
        self.add_base64(bytes);
        self.tidy();
    }

    /// The length of the longest.
    pub(crate) fn longest(&self) -> usize {
        self.folded.iter().chain(&self.exact).map(Vec::len).max().unwrap_or(0)
    }

    /// Adds a digest: raw, hex, base64.
    fn add_sum(&mut self, sum: &[u8]) {
        self.exact.push(sum.to_vec());
        self.folded.push(HEXLOWER.encode(sum).into_bytes());
        self.exact.push(BASE64_NOPAD.encode(sum).into_bytes());
    }

    fn add_base64(&mut self, bytes: &[u8]) {
        for alphabet in [&BASE64_NOPAD, &BASE64URL_NOPAD] {
            for before in 0..3 {
                self.exact.push(aligned(alphabet, bytes, before));
            }
        }
    }

    fn tidy(&mut self) {
        for list in [&mut self.folded, &mut self.exact] {
            list.sort();
            list.dedup();
        }
    }
}

/// What stays the same of base64 when `before` other bytes stand in front, whatever follows.
fn aligned(alphabet: &Encoding, bytes: &[u8], before: usize) -> Vec<u8> {
    let mut padded = vec![0; before];
    padded.extend_from_slice(bytes);
    let coded = alphabet.encode(&padded).into_bytes();
    let (first, last) = ((before * 8).div_ceil(6), padded.len() * 8 / 6);
    coded.get(first..last).unwrap_or_default().to_vec()
}

/// Text with its escapes read: `\u0061`, `&#97;`, `%61`, `=61` and broken lines; each on its own, and only those of which
/// there are any.
pub(crate) fn views(bytes: &[u8]) -> Vec<Vec<u8>> {
    let has = |mark: &[u8]| memmem::find(bytes, mark).is_some();
    let mut views = Vec::new();
    if has(b"\\u") {
        views.push(unescape(bytes, b"\\u", 4, b""));
    }
    if has(b"%") {
        views.push(unescape(bytes, b"%", 2, b""));
    }
    if has(b"&#") {
        views.push(unescape(&decimal(bytes), b"&#x", 0, b";"));
    }
    if has(b"=") {
        views.push(soft_breaks(bytes));
    }
    if has(b"\n") {
        views.push(bytes.iter().copied().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect());
    }
    views
}

/// Reads escapes of `digits` hex digits (as many as there are before `end` if 0).
fn unescape(bytes: &[u8], start: &[u8], digits: usize, end: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&first, after)) = rest.split_first() {
        if let Some(tail) = rest.strip_prefix(start) {
            let count = if digits > 0 {
                digits
            } else {
                tail.iter().take(6).take_while(|byte| byte.is_ascii_hexdigit()).count()
            };
            let read = tail.get(..count).filter(|digits| !digits.is_empty());
            let read = read.and_then(|digits| std::str::from_utf8(digits).ok());
            let read = read.and_then(|digits| u32::from_str_radix(digits, 16).ok());
            let tail = tail.get(count..).and_then(|tail| tail.strip_prefix(end));
            if let (Some(code), Some(tail)) = (read, tail) {
                push(code, digits == 2, &mut out);
                rest = tail;
                continue;
            }
        }
        out.push(first);
        rest = after;
    }
    out
}

/// Reads `&#97;`.
fn decimal(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&first, after)) = rest.split_first() {
        if let Some(tail) = rest.strip_prefix(b"&#") {
            let count = tail.iter().take(7).take_while(|byte| byte.is_ascii_digit()).count();
            let code = tail.get(..count).and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
            if let (Some(code), Some(b';')) = (code, tail.get(count)) {
                push(code, false, &mut out);
                rest = tail.get(count + 1..).unwrap_or_default();
                continue;
            }
        }
        out.push(first);
        rest = after;
    }
    out
}

fn push(code: u32, is_byte: bool, out: &mut Vec<u8>) {
    match (is_byte, char::from_u32(code)) {
        (true, _) => out.push(code as u8),
        (false, Some(character)) => out.extend_from_slice(character.to_string().as_bytes()),
        (false, None) => {}
    }
}

/// Quoted-printable with its soft line breaks taken out, then its escapes read.
fn soft_breaks(bytes: &[u8]) -> Vec<u8> {
    let mut joined = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&first, after)) = rest.split_first() {
        let tail = rest.strip_prefix(b"=\r\n").or_else(|| rest.strip_prefix(b"=\n"));
        match tail {
            Some(tail) => rest = tail,
            None => {
                joined.push(first);
                rest = after;
            }
        }
    }
    unescape(&joined, b"=", 2, b"")
}

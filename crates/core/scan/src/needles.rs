//! The byte strings that betray a word, whatever surrounds it.

use aws_lc_rs::digest;
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use md_5::{Digest as _, Md5};
use unicode_normalization::UnicodeNormalization as _;

use crate::counts::Form;

/// A byte string to look for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Needle {
    pub(crate) bytes: Vec<u8>,
    /// Its index in [`Form::ALL`].
    pub(crate) form: Form,
    /// Whether letters may be of any case.
    pub(crate) folded: bool,
}

/// All needles of a word.
pub(crate) fn of(word: &str) -> Vec<Needle> {
    let mut needles = Vec::new();
    for spelling in spellings(word) {
        let bytes = spelling.as_bytes();
        push(&mut needles, Form::Plain, true, bytes.to_vec());
        for wide in wide(&spelling) {
            push(&mut needles, Form::Utf16, true, wide);
        }
        push(&mut needles, Form::Hex, true, hex::encode(bytes).into_bytes());
        for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
            for shift in 0..3 {
                push(&mut needles, Form::Base64, false, shifted(engine, bytes, shift));
            }
        }
        for sum in digests(bytes) {
            push(&mut needles, Form::Digest, true, hex::encode(&sum).into_bytes());
            push(&mut needles, Form::Digest, false, STANDARD_NO_PAD.encode(&sum).into_bytes());
            push(&mut needles, Form::Digest, false, sum);
        }
    }
    // The case of letters makes no other needle where it does not matter.
    needles.sort();
    needles.dedup();
    needles
}

/// All needles of bytes that are no word, such as an id.
pub(crate) fn of_bytes(bytes: &[u8]) -> Vec<Needle> {
    let mut needles = Vec::new();
    push(&mut needles, Form::Plain, false, bytes.to_vec());
    push(&mut needles, Form::Hex, true, hex::encode(bytes).into_bytes());
    for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
        for shift in 0..3 {
            push(&mut needles, Form::Base64, false, shifted(engine, bytes, shift));
        }
    }
    needles.sort();
    needles.dedup();
    needles
}

fn push(needles: &mut Vec<Needle>, form: Form, folded: bool, bytes: Vec<u8>) {
    let bytes = if folded { bytes.to_ascii_lowercase() } else { bytes };
    needles.push(Needle { bytes, form, folded });
}

/// A word as it was given, in lower and in upper case, its letters composed and not.
fn spellings(word: &str) -> Vec<String> {
    let cases = [word.to_owned(), word.to_lowercase(), word.to_uppercase()];
    let mut all: Vec<String> =
        cases.iter().flat_map(|word| [word.clone(), word.nfc().collect(), word.nfd().collect()]).collect();
    all.sort();
    all.dedup();
    all
}

/// UTF-16; of ASCII what both byte orders share, so that nothing is counted twice.
fn wide(word: &str) -> Vec<Vec<u8>> {
    let mut little: Vec<u8> = word.encode_utf16().flat_map(u16::to_le_bytes).collect();
    if word.is_ascii() {
        little.pop();
        return vec![little];
    }
    vec![little, word.encode_utf16().flat_map(u16::to_be_bytes).collect()]
}

/// What stays the same of base64 with `shift` bytes before the word in its group of three.
fn shifted(engine: &impl base64::Engine, word: &[u8], shift: usize) -> Vec<u8> {
    let mut padded = vec![0; shift];
    padded.extend_from_slice(word);
    let coded = engine.encode(&padded).into_bytes();
    let first = (shift * 8).div_ceil(6);
    let last = (padded.len() * 8) / 6;
    coded.get(first..last).unwrap_or_default().to_vec()
}

fn digests(word: &[u8]) -> [Vec<u8>; 3] {
    let of = |algorithm| digest::digest(algorithm, word).as_ref().to_vec();
    [Md5::digest(word).to_vec(), of(&digest::SHA1_FOR_LEGACY_USE_ONLY), of(&digest::SHA256)]
}

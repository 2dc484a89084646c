//! Leaks to be planted: a word in every form in which it could have been kept, to show that a search finds each.

use std::io::Write as _;

use aws_lc_rs::digest;
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use flate2::{
    Compression,
    write::{DeflateEncoder, GzEncoder, ZlibEncoder},
};
use md_5::{Digest as _, Md5};

use crate::counts::Form;

/// The word in every form, with the form under which it is to be found. `before` and `after` stand around it where it is
/// encoded together with them, so that base64 has another alignment for each length of `before`.
pub fn of(word: &str, before: &[u8], after: &[u8]) -> Vec<(Form, Vec<u8>)> {
    let bytes = word.as_bytes();
    let around = [before, bytes, after].concat();
    let middle = word.char_indices().nth(word.chars().count() / 2).map_or(0, |(at, _)| at);
    let (left, right) = word.split_at(middle);
    let split = |with: &str| format!("{left}{with}{right}").into_bytes();
    let sha = |algorithm| digest::digest(algorithm, bytes).as_ref().to_vec();
    let (sha1, sha256) = (sha(&digest::SHA1_FOR_LEGACY_USE_ONLY), sha(&digest::SHA256));
    vec![
        (Form::Plain, bytes.to_vec()),
        (Form::Plain, word.to_uppercase().into_bytes()),
        (Form::Utf16, word.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        (Form::Utf16, word.encode_utf16().flat_map(u16::to_be_bytes).collect()),
        (Form::Hex, hex::encode(bytes).into_bytes()),
        (Form::Hex, hex::encode_upper(bytes).into_bytes()),
        (Form::Base64, STANDARD.encode(&around).into_bytes()),
        (Form::Base64, URL_SAFE_NO_PAD.encode(&around).into_bytes()),
        (Form::Broken, lines(&STANDARD.encode(around.repeat(9)), 20)),
        (Form::Broken, split("\r\n")),
        (Form::Json, escaped(word, |letter| format!("\\u{:04x}", u32::from(letter)))),
        (Form::Html, escaped(word, |letter| format!("&#{};", u32::from(letter)))),
        (Form::Html, escaped(word, |letter| format!("&#x{:x};", u32::from(letter)))),
        (Form::Percent, bytes.iter().flat_map(|byte| format!("%{byte:02X}").into_bytes()).collect()),
        (Form::QuotedPrintable, bytes.iter().flat_map(|byte| format!("={byte:02X}").into_bytes()).collect()),
        (Form::QuotedPrintable, split("=\r\n")),
        (Form::Packed, gzip(bytes)),
        (Form::Packed, gzip(&gzip(STANDARD.encode(&around).as_bytes()))),
        (Form::Packed, zlib(bytes)),
        (Form::Packed, zip(bytes)),
        (Form::Digest, Md5::digest(bytes).to_vec()),
        (Form::Digest, hex::encode(&sha1).into_bytes()),
        (Form::Digest, STANDARD.encode(&sha256).into_bytes()),
        (Form::Digest, sha256),
    ]
}

fn escaped(word: &str, each: impl Fn(char) -> String) -> Vec<u8> {
    word.chars().map(each).collect::<String>().into_bytes()
}

fn lines(text: &str, width: usize) -> Vec<u8> {
    text.as_bytes().chunks(width).collect::<Vec<_>>().join(&b"\r\n"[..])
}

/// Packs into memory, which does not fail.
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    let _ = packed.write_all(bytes);
    packed.finish().unwrap_or_default()
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::default());
    let _ = packed.write_all(bytes);
    packed.finish().unwrap_or_default()
}

/// A zip's local file header with its file, deflated.
fn zip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = DeflateEncoder::new(Vec::new(), Compression::default());
    let _ = packed.write_all(bytes);
    let packed = packed.finish().unwrap_or_default();
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes();
    let mut file = b"PK\x03\x04\x14\0\0\0\x08\0\0\0\0\0".to_vec();
    file.extend_from_slice(&[0; 4]);
    file.extend_from_slice(&length(&packed));
    file.extend_from_slice(&length(bytes));
    file.extend_from_slice(&[5, 0, 0, 0]);
    [file.as_slice(), b"a.txt", &packed].concat()
}

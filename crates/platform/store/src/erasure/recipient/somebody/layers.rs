//! A text with one layer of writing taken off: escapes, encoded words, base64, hex.

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use waxseal_scan::views;

/// The shortest run of letters that can hold an address: `a@b.de` in base64.
const SHORTEST: usize = 8;

/// Takes escapes off; `None` if there are none.
type Read = fn(&[u8]) -> Option<Vec<u8>>;

/// What the text says once what it is written in is read; only what differs.
pub(super) fn layers(text: &[u8]) -> Vec<String> {
    let mut layers: Vec<Vec<u8>> = Vec::new();
    let escapes: [Read; 5] =
        [views::percent, views::json, views::html, views::quoted_printable, views::joined];
    layers.extend(escapes.iter().filter_map(|read| read(text)));
    if let Ok(text) = std::str::from_utf8(text)
        && text.contains("=?")
    {
        layers.push(waxseal_mail::header::decoded(text).into_owned().into_bytes());
    }
    let is_of_word = |byte: &u8| byte.is_ascii_alphanumeric();
    let is_of_code = |byte: &u8| is_of_word(byte) || matches!(byte, b'+' | b'/' | b'-' | b'_');
    layers.extend(text.split(|byte| !is_of_code(byte)).filter_map(decoded));
    layers.extend(text.split(|byte| !is_of_word(byte)).filter_map(decoded));
    layers.iter().map(|layer| String::from_utf8_lossy(layer).into_owned()).collect()
}

/// What a run of letters decodes to, if it may be an address.
fn decoded(run: &[u8]) -> Option<Vec<u8>> {
    if run.len() < SHORTEST {
        return None;
    }
    let of_hex = hex::decode(run).ok();
    let of_base64 = || {
        let is_for_urls = run.contains(&b'-') || run.contains(&b'_');
        if is_for_urls { URLS.decode(run).ok() } else { COMMON.decode(run).ok() }
    };
    let found = of_hex.filter(|bytes| bytes.contains(&b'@')).or_else(of_base64);
    found.filter(|bytes| bytes.contains(&b'@'))
}

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_allow_trailing_bits(true)
    .with_decode_padding_mode(DecodePaddingMode::Indifferent);
const COMMON: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URLS: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

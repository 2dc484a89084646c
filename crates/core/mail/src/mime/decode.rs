//! Transfer encodings and charsets, as tolerant as mail readers are.

use base64::{
    Engine,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use encoding_rs::{Encoding, UTF_8};

/// Base64 with or without padding, whose last character may carry stray bits.
pub(crate) const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Base64 whatever stands between its characters; padding may come in the middle, where a writer put
/// pieces together. A last character that is too few for a byte is dropped.
pub(crate) fn base64(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len() / 4 * 3);
    let mut plain = Vec::with_capacity(raw.len());
    for piece in raw.split(|byte| *byte == b'=').filter(|piece| !piece.is_empty()) {
        plain.clear();
        let known = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
        plain.extend(piece.iter().copied().filter(known));
        if plain.len() % 4 == 1 {
            plain.pop();
        }
        // Only characters of the alphabet are left, in a number that can be decoded.
        let _ = LENIENT.decode_vec(&plain, &mut out);
    }
    out
}

/// Quoted-printable; an `=` that starts nothing stands for itself, blanks before a line end go.
pub(crate) fn quoted_printable(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len());
    for line in raw.split_inclusive(|byte| *byte == b'\n') {
        let text = line.trim_ascii_end();
        let end: &[u8] = match line {
            [.., b'\r', b'\n'] => b"\r\n",
            [.., b'\n'] => b"\n",
            _ => b"",
        };
        // At the very end of a body there is no line end for blanks to stand before, but they go as well.
        let (text, end) = text.strip_suffix(b"=").map_or((text, end), |text| (text, &b""[..]));
        unescape(text, &mut out);
        out.extend_from_slice(end);
    }
    out
}

fn unescape(text: &[u8], out: &mut Vec<u8>) {
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'=', rest) {
        let (plain, escaped) = rest.split_at(at);
        out.extend_from_slice(plain);
        let digits =
            escaped.get(1..3).and_then(|digits| Some((hex(*digits.first()?)?, hex(*digits.get(1)?)?)));
        rest = match digits {
            Some((high, low)) => {
                out.push(high * 16 + low);
                escaped.get(3..).unwrap_or_default()
            }
            None => {
                out.push(b'=');
                escaped.get(1..).unwrap_or_default()
            }
        };
    }
    out.extend_from_slice(rest);
}

/// The value of a hexadecimal digit.
pub(crate) fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// Text in a charset (UTF-8 if it is unknown); what is no text in it is replaced.
pub(crate) fn text(bytes: &[u8], charset: Option<&str>) -> String {
    let charset = charset.and_then(|label| Encoding::for_label(label.trim().as_bytes())).unwrap_or(UTF_8);
    charset.decode(bytes).0.into_owned()
}

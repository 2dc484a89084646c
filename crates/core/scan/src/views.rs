//! Bytes with one layer of escapes taken off. Whatever is no escape stays as it is; no view is longer than its source.

use memchr::memchr;

/// `%61` as the byte it stands for.
pub fn percent(bytes: &[u8]) -> Option<Vec<u8>> {
    replaced(bytes, b'%', |rest| Some((byte(rest.get(1..3)?)?, 3)))
}

/// `=61` as the byte it stands for; soft line breaks taken out (RFC 2045, section 6.7).
pub fn quoted_printable(bytes: &[u8]) -> Option<Vec<u8>> {
    replaced(bytes, b'=', |rest| match rest {
        [_, b'\r', b'\n', ..] => Some((Unit::none(), 3)),
        [_, b'\n', ..] => Some((Unit::none(), 2)),
        _ => Some((byte(rest.get(1..3)?)?, 3)),
    })
}

/// Escapes of a JSON string (RFC 8259, section 7) as what they stand for, in UTF-8.
pub fn json(bytes: &[u8]) -> Option<Vec<u8>> {
    replaced(bytes, b'\\', |rest| {
        let plain = |byte: u8| Some((Unit::byte(byte), 2));
        match rest.get(1)? {
            // Escaped twice, or a stray byte before an escape: the escape counts.
            b'\\' if rest.get(2) == Some(&b'u') => None,
            quoted @ (b'"' | b'\\' | b'/') => plain(*quoted),
            b'n' => plain(b'\n'),
            b'r' => plain(b'\r'),
            b't' => plain(b'\t'),
            b'u' => {
                let high = number(rest.get(2..6)?, 16)?;
                let low = rest.get(6..12).filter(|next| next.starts_with(b"\\u"));
                let low = low.and_then(|next| number(next.get(2..)?, 16));
                match (high, low) {
                    (0xD800..=0xDBFF, Some(low @ 0xDC00..=0xDFFF)) => {
                        Some((Unit::letter(0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00))?, 12))
                    }
                    _ => Some((Unit::letter(high)?, 6)),
                }
            }
            _ => None,
        }
    })
}

/// Character references of HTML as what they stand for, in UTF-8: numbers, and the names that escaping makes.
pub fn html(bytes: &[u8]) -> Option<Vec<u8>> {
    replaced(bytes, b'&', |rest| {
        let end = memchr(b';', rest.get(..LONGEST_REFERENCE.min(rest.len()))?)?;
        let letter = match rest.get(1..end)? {
            b"amp" => u32::from('&'),
            b"lt" => u32::from('<'),
            b"gt" => u32::from('>'),
            b"quot" => u32::from('"'),
            b"apos" => u32::from('\''),
            [b'#', b'x' | b'X', digits @ ..] => number(digits, 16)?,
            [b'#', digits @ ..] => number(digits, 10)?,
            _ => return None,
        };
        Some((Unit::letter(letter)?, end + 1))
    })
}

/// Without line ends.
pub fn joined(bytes: &[u8]) -> Option<Vec<u8>> {
    replaced(bytes, b'\n', |_| Some((Unit::none(), 1))).map(|mut view| {
        view.retain(|byte| *byte != b'\r');
        view
    })
}

/// The longest character reference that is read: `&#x10FFFF;` with zeros before it.
const LONGEST_REFERENCE: usize = 16;

/// What an escape stands for: at most four bytes.
struct Unit {
    bytes: [u8; 4],
    length: usize,
}

impl Unit {
    const fn none() -> Self {
        Self { bytes: [0; 4], length: 0 }
    }

    const fn byte(byte: u8) -> Self {
        Self { bytes: [byte, 0, 0, 0], length: 1 }
    }

    fn letter(number: u32) -> Option<Self> {
        let mut bytes = [0; 4];
        let length = char::from_u32(number)?.encode_utf8(&mut bytes).len();
        Some(Self { bytes, length })
    }
}

/// The bytes with each escape replaced by what it stands for; `None` if there is none.
fn replaced(bytes: &[u8], mark: u8, read: impl Fn(&[u8]) -> Option<(Unit, usize)>) -> Option<Vec<u8>> {
    let mut view = Vec::new();
    let mut copied = 0;
    let mut at = 0;
    let mut any = false;
    while let Some(next) = bytes.get(at..).and_then(|rest| memchr(mark, rest)) {
        at += next;
        match bytes.get(at..).and_then(&read) {
            Some((unit, length)) => {
                any = true;
                view.extend_from_slice(bytes.get(copied..at).unwrap_or_default());
                view.extend_from_slice(unit.bytes.get(..unit.length).unwrap_or_default());
                at += length;
                copied = at;
            }
            None => at += 1,
        }
    }
    any.then(|| {
        view.extend_from_slice(bytes.get(copied..).unwrap_or_default());
        view
    })
}

fn byte(digits: &[u8]) -> Option<Unit> {
    u8::try_from(number(digits, 16)?).ok().map(Unit::byte)
}

fn number(digits: &[u8], radix: u32) -> Option<u32> {
    if digits.is_empty() || digits.len() > 10 {
        return None;
    }
    digits
        .iter()
        .try_fold(0u32, |sum, digit| sum.checked_mul(radix)?.checked_add(char::from(*digit).to_digit(radix)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_read_and_the_rest_stays() {
        assert_eq!(percent(b"a%40b%4 100%").as_deref(), Some(&b"a@b%4 100%"[..]));
        assert_eq!(quoted_printable(b"so=\r\nft=3D=C3=BC =x").as_deref(), Some("soft=\u{fc} =x".as_bytes()));
        assert_eq!(
            json(br#"\u00fc\ud83d\ude00\"\x\u12"#).as_deref(),
            Some("\u{fc}\u{1f600}\"\\x\\u12".as_bytes())
        );
        assert_eq!(html(b"&#97;&#x62;&amp;&what;&#99").as_deref(), Some(&b"ab&&what;&#99"[..]));
        assert_eq!(joined(b"a\r\nb\nc").as_deref(), Some(&b"abc"[..]));
        assert_eq!(percent(b"nothing"), None);
    }
}

//! TLS-RPT (RFC 8460): where a domain wants to be told how connections to its servers went, read strictly and without I/O.

use crate::path::Mailbox;

/// Places of one record that are looked at, at most.
const PLACES: usize = 8;
/// The longest place.
const LONGEST: usize = 2_048;

/// Where a report goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// To this URL by POST, as the record spells it.
    Https(String),
    /// To this address by mail.
    Mailto(String),
}

/// The places in the TXT records of `_smtp._tls.DOMAIN` (section 3), in their order: of schemes that are known, each once.
/// `None` if the domain wants no reports: there is no such record or more than one, or it is not valid.
pub fn places<'a>(records: impl IntoIterator<Item = &'a str>) -> Option<Vec<Place>> {
    let mut ours =
        records.into_iter().filter_map(|record| record.strip_prefix("v=TLSRPTv1")).filter(|rest| {
            // Other records of the same name, `v=TLSRPTv10` for instance, are not ours.
            rest.trim_start_matches(is_space).starts_with(';')
        });
    let (Some(record), None) = (ours.next(), ours.next()) else { return None };
    let mut places = Vec::new();
    // What stands before the first semicolon is nothing, and what stands behind the last may be.
    let mut fields = record.split(';').skip(1).peekable();
    while let Some(field) = fields.next() {
        let field = trim(field);
        if field.is_empty() && fields.peek().is_none() {
            break;
        }
        let (name, value) = field.split_once('=')?;
        if name != "rua" {
            is_extension(name, value).then_some(())?;
            continue;
        }
        for uri in value.split(',').map(trim) {
            let place = place(uri)?;
            if let Some(place) = place.filter(|place| places.len() < PLACES && !places.contains(place)) {
                places.push(place);
            }
        }
    }
    (!places.is_empty()).then_some(places)
}

/// The place that a URI names: `None` if it is no URI, `Some(None)` if nobody can go there.
fn place(uri: &str) -> Option<Option<Place>> {
    let (scheme, rest) = uri.split_once(':')?;
    if uri.len() > LONGEST || !is_scheme(scheme) || rest.is_empty() || !rest.bytes().all(is_of_uri) {
        return None;
    }
    Some(if scheme.eq_ignore_ascii_case("https") {
        rest.starts_with("//").then(|| Place::Https(uri.to_owned()))
    } else if scheme.eq_ignore_ascii_case("mailto") {
        mailbox(rest).map(Place::Mailto)
    } else {
        None
    })
}

/// The one address of a `mailto` URI (RFC 6068); headers that it may have are passed over.
fn mailbox(rest: &str) -> Option<String> {
    let address = rest.split('?').next().unwrap_or_default();
    let mailbox = Mailbox::parse(&decoded(address)?, false).ok()?;
    // A report about TLS with a literal address would be about nobody's domain.
    (!mailbox.is_literal()).then(|| mailbox.into_string())
}

/// With its percent-encodings resolved; `None` if what they stand for is not text of one line.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|digit| char::from(digit).to_digit(16));
        let (high, low) = (digit()?, digit()?);
        bytes.push(u8::try_from(high * 16 + low).ok()?);
    }
    let text = String::from_utf8(bytes).ok()?;
    (!text.chars().any(char::is_control)).then_some(text)
}

/// What may stand in a URI (RFC 3986 section 2): commas, semicolons and exclamation marks have to be encoded here.
const fn is_of_uri(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'-' | b'.'
                | b'_'
                | b'~'
                | b':'
                | b'/'
                | b'?'
                | b'#'
                | b'['
                | b']'
                | b'@'
                | b'$'
                | b'&'
                | b'\''
                | b'('
                | b')'
                | b'*'
                | b'+'
                | b'='
                | b'%'
        )
}

fn is_scheme(scheme: &str) -> bool {
    let mut bytes = scheme.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
}

/// Whether it is a field of a later version, which is passed over.
fn is_extension(name: &str, value: &str) -> bool {
    let mut bytes = name.bytes();
    name.len() <= 32
        && bytes.next().is_some_and(|first| first.is_ascii_alphanumeric())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
        && !value.is_empty()
        && value.bytes().all(|byte| matches!(byte, 0x21..=0x3a | 0x3c | 0x3e..=0x7e))
}

const fn is_space(char: char) -> bool {
    matches!(char, ' ' | '\t')
}

fn trim(text: &str) -> &str {
    text.trim_matches(is_space)
}

#[cfg(test)]
mod tests;

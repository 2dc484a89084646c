//! The address parser: one pass that cuts the list into mailboxes, then each mailbox by itself.

use idna::AsciiDenyList;

use super::{
    Address, MAX_DOMAIN, MAX_LOCAL, Mailbox, ParseAddressError,
    print::{is_atext, is_dot_atom},
};
use crate::header::{encoded_word, is_forbidden};

/// Reads a comma-separated list of mailboxes with at most `max` of them. Groups are flattened; empty
/// items (`a@b,,c@d,`) and semicolons as separators are tolerated; duplicates are kept.
pub fn parse_list(text: &str, max: usize) -> Result<Vec<Mailbox>, ParseAddressError> {
    if text.chars().any(is_forbidden) {
        return Err(ParseAddressError::ControlCharacter);
    }
    let mut list = Vec::new();
    for item in items(text)? {
        if item.trim().is_empty() {
            continue;
        }
        if list.len() == max {
            return Err(ParseAddressError::TooMany { max });
        }
        list.push(mailbox(item)?);
    }
    Ok(list)
}

/// Cuts at commas, semicolons and group names that stand outside quotes, comments and brackets.
fn items(text: &str) -> Result<Vec<&str>, ParseAddressError> {
    let mut items = Vec::new();
    let mut start = 0;
    let mut group = false;
    let last_semicolon = text.rfind(';');
    let mut scan = Scan::default();
    for (at, c) in text.char_indices() {
        if !scan.step(c) {
            continue;
        }
        match c {
            // A colon names a group only if the group ends; else it is a careless display name.
            ':' if !group && last_semicolon.is_some_and(|end| end > at) => {
                group = true;
                start = at + 1;
            }
            ',' | ';' => {
                items.push(text.get(start..at).unwrap_or_default());
                start = at + 1;
                group = group && c == ',';
            }
            _ => {}
        }
    }
    if group || !scan.closed() {
        return Err(ParseAddressError::Unclosed);
    }
    items.push(text.get(start..).unwrap_or_default());
    Ok(items)
}

/// Knows whether a character stands at the top level of a mailbox list.
#[derive(Default)]
struct Scan {
    quote: bool,
    escape: bool,
    comments: u32,
    angle: bool,
    bracket: bool,
}

impl Scan {
    /// Takes the next character; true if it is a plain one at the top level.
    fn step(&mut self, c: char) -> bool {
        if self.escape {
            self.escape = false;
            return false;
        }
        if self.quote || self.comments > 0 {
            match c {
                '\\' => self.escape = true,
                '"' if self.quote => self.quote = false,
                '(' if !self.quote => self.comments += 1,
                ')' if !self.quote => self.comments -= 1,
                _ => {}
            }
            return false;
        }
        match c {
            '"' => self.quote = true,
            '(' => self.comments = 1,
            '<' => self.angle = true,
            '>' => self.angle = false,
            '[' => self.bracket = true,
            ']' => self.bracket = false,
            _ => return !self.angle && !self.bracket,
        }
        false
    }

    const fn closed(&self) -> bool {
        !self.quote && self.comments == 0 && !self.angle && !self.bracket
    }
}

fn mailbox(item: &str) -> Result<Mailbox, ParseAddressError> {
    let (plain, comment) = without_comments(item)?;
    let plain = plain.trim();
    let Some(open) = find_unquoted(plain, '<') else {
        let name = comment.map(|text| words(&text)).transpose()?.flatten();
        return Ok(Mailbox { name, address: addr_spec(plain)? });
    };
    let (before, rest) = plain.split_at(open);
    let rest = rest.get(1..).unwrap_or_default();
    let close = find_unquoted(rest, '>').ok_or(ParseAddressError::Unclosed)?;
    let (inside, after) = rest.split_at(close);
    if !after.get(1..).unwrap_or_default().trim().is_empty() {
        return Err(ParseAddressError::TrailingText);
    }
    Ok(Mailbox { name: display_name(before)?, address: addr_spec(inside)? })
}

/// The text without its comments, and the content of the last comment.
fn without_comments(text: &str) -> Result<(String, Option<String>), ParseAddressError> {
    let mut plain = String::with_capacity(text.len());
    let mut comment = None;
    let mut current = String::new();
    let (mut depth, mut quote, mut escape) = (0u32, false, false);
    for c in text.chars() {
        let starts_or_ends = !escape && !quote && matches!(c, '(' | ')');
        if starts_or_ends && c == '(' {
            depth += 1;
            if depth == 1 {
                current.clear();
                continue;
            }
        }
        if starts_or_ends && c == ')' && depth > 0 {
            depth -= 1;
            if depth == 0 {
                // A comment is white space: it does not join what stands around it.
                plain.push(' ');
                comment = Some(std::mem::take(&mut current));
                continue;
            }
        }
        quote ^= depth == 0 && c == '"' && !escape;
        let escapes = !escape && c == '\\' && (quote || depth > 0);
        if depth == 0 {
            plain.push(c);
        } else if !escapes {
            current.push(c);
        }
        escape = escapes;
    }
    if depth > 0 || quote { Err(ParseAddressError::Unclosed) } else { Ok((plain, comment)) }
}

fn find_unquoted(text: &str, wanted: char) -> Option<usize> {
    let (mut quote, mut escape) = (false, false);
    for (at, c) in text.char_indices() {
        if escape {
            escape = false;
        } else if c == '\\' && quote {
            escape = true;
        } else if c == '"' {
            quote = !quote;
        } else if c == wanted && !quote {
            return Some(at);
        }
    }
    None
}

/// A display name: quoted strings and words, quotes and escapes undone, encoded words decoded.
fn display_name(text: &str) -> Result<Option<String>, ParseAddressError> {
    let mut name = String::with_capacity(text.len());
    let (mut quote, mut escape) = (false, false);
    for c in text.trim().chars() {
        if escape {
            escape = false;
            name.push(c);
        } else if quote && c == '\\' {
            escape = true;
        } else if c == '"' {
            quote = !quote;
        } else if !quote && c.is_whitespace() {
            // A run of spaces between words is one space.
            if !name.ends_with(' ') {
                name.push(' ');
            }
        } else {
            name.push(c);
        }
    }
    words(&name)
}

fn words(text: &str) -> Result<Option<String>, ParseAddressError> {
    let decoded = encoded_word::decode(text);
    if decoded.chars().any(is_forbidden) {
        return Err(ParseAddressError::ControlCharacter);
    }
    Ok((!decoded.trim().is_empty()).then(|| decoded.into_owned()))
}

pub(super) fn addr_spec(text: &str) -> Result<Address, ParseAddressError> {
    if text.chars().any(is_forbidden) {
        return Err(ParseAddressError::ControlCharacter);
    }
    let (plain, _) = without_comments(text)?;
    let plain = plain.trim();
    if plain.is_empty() {
        return Err(ParseAddressError::Empty);
    }
    let at = plain.rfind('@').ok_or(ParseAddressError::MissingAt)?;
    let (local, domain) = plain.split_at(at);
    let domain = domain.get(1..).unwrap_or_default();
    match local.strip_prefix('"') {
        Some(rest) => address(&unquoted(rest)?, domain),
        None if is_dot_atom(local) => address(local, domain),
        None => Err(ParseAddressError::BadLocal),
    }
}

/// The content of a quoted string whose opening quote is gone already; it must end with the text.
fn unquoted(rest: &str) -> Result<String, ParseAddressError> {
    let mut out = String::with_capacity(rest.len());
    let mut chars = rest.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' if chars.as_str().is_empty() => return Ok(out),
            '"' => return Err(ParseAddressError::BadLocal),
            '\\' => out.push(chars.next().ok_or(ParseAddressError::Unclosed)?),
            c => out.push(c),
        }
    }
    Err(ParseAddressError::Unclosed)
}

pub(super) fn address(local: &str, domain: &str) -> Result<Address, ParseAddressError> {
    if local.chars().chain(domain.chars()).any(is_forbidden) {
        return Err(ParseAddressError::ControlCharacter);
    }
    if local.is_empty() || !local.chars().all(|c| is_atext(c) || (c.is_ascii() && c != '\t')) {
        return Err(ParseAddressError::BadLocal);
    }
    if local.len() > MAX_LOCAL || domain.len() > MAX_DOMAIN {
        return Err(ParseAddressError::TooLong);
    }
    Ok(Address { local: local.to_owned(), domain: domain_name(domain)? })
}

/// The domain as lower-case A-labels (UTS 46), checked as a host name. An address literal is refused:
/// mail goes to domains, never to a number that a stranger chose.
fn domain_name(domain: &str) -> Result<String, ParseAddressError> {
    let ascii = idna::domain_to_ascii_cow(domain.as_bytes(), AsciiDenyList::STD3)
        .map_err(|_| ParseAddressError::BadDomain)?
        .into_owned();
    if ascii.len() > MAX_DOMAIN {
        return Err(ParseAddressError::TooLong);
    }
    let label =
        |label: &str| (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-');
    let numeric = ascii.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
    if numeric || !ascii.split('.').all(label) {
        return Err(ParseAddressError::BadDomain);
    }
    Ok(ascii)
}

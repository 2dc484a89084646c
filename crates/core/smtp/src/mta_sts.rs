//! MTA-STS (RFC 8461): what a domain asks of those who send to it, read strictly and without I/O.

use thiserror::Error;

/// The longest time that a policy may hold (RFC 8461 section 3.2): about a year.
const LONGEST_AGE: u64 = 31_557_600;
/// Patterns of one policy.
const PATTERNS: usize = 200;
/// The longest id of a record.
const ID: usize = 32;
/// The longest domain name.
const NAME: usize = 253;

/// What a policy asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Nothing is sent but over TLS with a good certificate, to a server that the policy names.
    Enforce,
    /// It is sent all the same; what would have failed is noted.
    Testing,
    /// There is no policy any more.
    None,
}

/// A server, or all servers one label below a name.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pattern {
    name: String,
    wildcard: bool,
}

/// A domain's policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    mode: Mode,
    patterns: Vec<Pattern>,
    max_age: u64,
}

/// The text is no policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PolicyError {
    /// A line that is not `key: value`, or characters that no policy has.
    #[error("a line is not `key: value`")]
    Syntax,
    /// The version is missing or another one.
    #[error("the version is not STSv1")]
    Version,
    /// The mode is missing or none that is known.
    #[error("the mode is not enforce, testing or none")]
    Mode,
    /// A pattern is not a host name, or there are too many.
    #[error("an mx pattern is not a host name")]
    Pattern,
    /// Servers are asked for, and none is named.
    #[error("no mx pattern")]
    NoPattern,
    /// The time is missing or not a number.
    #[error("max_age is not a number")]
    Age,
}

impl Policy {
    /// Reads the text of `/.well-known/mta-sts.txt`. Of fields that stand twice the first one counts; fields that are not
    /// known are passed over.
    pub fn parse(text: &[u8]) -> Result<Self, PolicyError> {
        let text = std::str::from_utf8(text).map_err(|_| PolicyError::Syntax)?;
        let (mut version, mut mode, mut age) = (None, None, None);
        let mut patterns = Vec::new();
        for line in text.split('\n') {
            let line = trim(line.strip_suffix('\r').unwrap_or(line));
            if line.is_empty() {
                continue;
            }
            let (key, value) = line.split_once(':').ok_or(PolicyError::Syntax)?;
            let value = trim(value);
            if !is_key(key) || value.chars().any(char::is_control) {
                return Err(PolicyError::Syntax);
            }
            match key {
                "version" => _ = version.get_or_insert(value),
                "mode" => _ = mode.get_or_insert(value),
                "max_age" => _ = age.get_or_insert(value),
                "mx" if patterns.len() < PATTERNS => patterns.push(pattern(value)?),
                "mx" => return Err(PolicyError::Pattern),
                _ => {}
            }
        }
        if version != Some("STSv1") {
            return Err(PolicyError::Version);
        }
        let mode = match mode {
            Some("enforce") => Mode::Enforce,
            Some("testing") => Mode::Testing,
            Some("none") => Mode::None,
            _ => return Err(PolicyError::Mode),
        };
        if patterns.is_empty() && mode != Mode::None {
            return Err(PolicyError::NoPattern);
        }
        let max_age = age.and_then(seconds).ok_or(PolicyError::Age)?;
        Ok(Self { mode, patterns, max_age })
    }

    /// What it asks for.
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// For how many seconds it holds; a year at most.
    pub const fn max_age(&self) -> u64 {
        self.max_age
    }

    /// Whether mail for the domain may go to this server.
    pub fn allows(&self, host: &str) -> bool {
        let host = host.strip_suffix('.').unwrap_or(host);
        self.patterns.iter().any(|pattern| {
            let name = match host.split_once('.') {
                // The star stands for one label, and for no more.
                Some((first, rest)) if pattern.wildcard && !first.is_empty() => rest,
                _ if pattern.wildcard => return false,
                _ => host,
            };
            name.eq_ignore_ascii_case(&pattern.name)
        })
    }
}

/// The id in the TXT records of `_mta-sts.DOMAIN`; `None` if they do not say that there is a policy (RFC 8461
/// section 3.1: exactly one record, and a valid one).
pub fn record_id<'a>(records: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let mut ours = records.into_iter().filter_map(|record| record.strip_prefix("v=STSv1")).filter(|rest| {
        // Other records of the same name, `v=STSv10` for instance, are not ours.
        rest.trim_start_matches(is_space).starts_with(';')
    });
    let (Some(record), None) = (ours.next(), ours.next()) else { return None };
    let mut id = None;
    for field in record.split(';').map(trim).filter(|field| !field.is_empty()) {
        let (key, value) = field.split_once('=')?;
        if key == "id" {
            id = id.or(Some(value));
        }
    }
    let id = id?;
    let is_id = (1..=ID).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_id.then_some(id)
}

fn is_space(char: char) -> bool {
    matches!(char, ' ' | '\t')
}

fn trim(text: &str) -> &str {
    text.trim_matches(is_space)
}

fn is_key(key: &str) -> bool {
    let mut bytes = key.bytes();
    key.len() <= 32
        && bytes.next().is_some_and(|first| first.is_ascii_alphanumeric())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
}

fn seconds(text: &str) -> Option<u64> {
    let is_number = (1..=10).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number {
        return None;
    }
    text.parse::<u64>().ok().map(|age| age.min(LONGEST_AGE))
}

fn pattern(text: &str) -> Result<Pattern, PolicyError> {
    let (name, wildcard) = match text.strip_prefix("*.") {
        Some(name) => (name, true),
        None => (text, false),
    };
    if name.len() > NAME || !name.split('.').all(is_label) {
        return Err(PolicyError::Pattern);
    }
    Ok(Pattern { name: name.to_ascii_lowercase(), wildcard })
}

fn is_label(label: &str) -> bool {
    let hyphen_outside = label.starts_with('-') || label.ends_with('-');
    let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=63).contains(&label.len()) && !hyphen_outside && label.bytes().all(known)
}

#[cfg(test)]
mod tests;

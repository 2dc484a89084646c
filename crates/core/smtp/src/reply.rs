//! Replies: what a server says, as one side writes it and the other reads it.

pub mod reader;

use std::{borrow::Cow, fmt};

/// An enhanced status code (RFC 3463): `5.7.1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EnhancedCode {
    /// 2 success, 4 temporary failure, 5 permanent failure.
    pub class: u8,
    /// What it is about: 1 address, 2 mailbox, 3 system, 4 network, 5 protocol, 6 content, 7 policy.
    pub subject: u16,
    /// The particular condition.
    pub detail: u16,
}

impl EnhancedCode {
    /// The code `class.subject.detail`.
    pub const fn new(class: u8, subject: u16, detail: u16) -> Self {
        Self { class, subject, detail }
    }

    /// Reads `class.subject.detail`: class 2, 4 or 5, the others at most three digits.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let (class, subject, detail) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() || !matches!(class, "2" | "4" | "5") {
            return None;
        }
        let number = |part: &str| {
            let digits = (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
            if digits { part.parse::<u16>().ok() } else { None }
        };
        Some(Self { class: class.parse().ok()?, subject: number(subject)?, detail: number(detail)? })
    }
}

impl fmt::Display for EnhancedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

/// What a reply means for the command it answers, by the first digit of its code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// 2xx: done.
    Success,
    /// 3xx: go on.
    Continue,
    /// 4xx: not now.
    Temporary,
    /// 5xx: never.
    Permanent,
}

/// A reply: a code and one or more lines of text.
///
/// The text may quote an address (servers echo recipients), so `Debug` shows the codes alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Reply {
    code: u16,
    enhanced: Option<EnhancedCode>,
    lines: Vec<Cow<'static, str>>,
}

/// The longest text written in one line: RFC 5321 section 4.5.3.1.5 allows 512 octets with code and CRLF.
const TEXT_MAX: usize = 480;

impl Reply {
    /// A reply of one line without an enhanced code (greeting, EHLO, 334, 354).
    pub fn plain(code: u16, text: impl Into<Cow<'static, str>>) -> Self {
        Self { code, enhanced: None, lines: vec![text.into()] }
    }

    /// A reply of one line with the enhanced code `class.subject.detail`, its class taken from `code`.
    pub fn new(code: u16, subject: u16, detail: u16, text: impl Into<Cow<'static, str>>) -> Self {
        let class = u8::try_from(code / 100).unwrap_or(5);
        Self { code, enhanced: Some(EnhancedCode::new(class, subject, detail)), lines: vec![text.into()] }
    }

    /// A reply of several lines; an empty list counts as one empty line.
    pub fn multiline(code: u16, enhanced: Option<EnhancedCode>, lines: Vec<Cow<'static, str>>) -> Self {
        let lines = if lines.is_empty() { vec![Cow::Borrowed("")] } else { lines };
        Self { code, enhanced, lines }
    }

    /// The three-digit code, 200 to 599.
    pub const fn code(&self) -> u16 {
        self.code
    }

    /// The enhanced code, if there is one and it does not contradict the code.
    pub const fn enhanced(&self) -> Option<EnhancedCode> {
        self.enhanced
    }

    /// The lines without codes. At least one.
    pub fn lines(&self) -> &[Cow<'static, str>] {
        &self.lines
    }

    /// All lines joined by a space.
    pub fn text(&self) -> String {
        self.lines.join(" ")
    }

    /// What it means.
    pub const fn class(&self) -> Class {
        match self.code {
            0..300 => Class::Success,
            300..400 => Class::Continue,
            400..500 => Class::Temporary,
            500.. => Class::Permanent,
        }
    }

    /// Whether the command was done (2xx).
    pub fn is_success(&self) -> bool {
        self.class() == Class::Success
    }

    /// Appends the reply as it goes over the wire. Whatever is not printable ASCII becomes `?` and
    /// lines are cut at 480 characters, so no text can end a line or start another reply.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        let last = self.lines.len().saturating_sub(1);
        for (index, line) in self.lines.iter().enumerate() {
            let separator = if index == last { ' ' } else { '-' };
            out.extend_from_slice(format!("{:03}{separator}", self.code).as_bytes());
            if let Some(enhanced) = self.enhanced {
                out.extend_from_slice(format!("{enhanced} ").as_bytes());
            }
            out.extend(line.chars().take(TEXT_MAX).map(printable));
            out.extend_from_slice(b"\r\n");
        }
    }
}

fn printable(char: char) -> u8 {
    match u8::try_from(char) {
        Ok(byte @ b' '..=b'~') => byte,
        Ok(_) | Err(_) => b'?',
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply")
            .field("code", &self.code)
            .field("enhanced", &self.enhanced)
            .field("lines", &self.lines.len())
            .finish()
    }
}

#[cfg(test)]
mod tests;

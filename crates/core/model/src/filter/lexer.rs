//! From text to tokens.

use super::{Comparison, FilterError, Kind, MAX_LENGTH, Phrase, words};

/// A token and where it starts (characters, from 1).
pub(super) struct Placed {
    pub(super) token: Token,
    pub(super) at: usize,
}

pub(super) enum Token {
    Open,
    Close,
    And,
    Or,
    Not,
    Phrase(Phrase),
    Compare(Comparison, f64),
}

/// All tokens. Terms without a letter or digit separate words and say nothing: they are left out.
pub(super) fn tokens(text: &str, kind: Kind) -> Result<Vec<Placed>, FilterError> {
    if text.len() > MAX_LENGTH {
        return Err(FilterError::TooLong);
    }
    let chars: Vec<char> = text.chars().collect();
    let mut found = Vec::new();
    let mut next = 0;
    while let Some(c) = chars.get(next).copied() {
        let at = next + 1;
        let token = match c {
            c if c.is_whitespace() => {
                next += 1;
                continue;
            }
            '(' => single(&mut next, Token::Open),
            ')' => single(&mut next, Token::Close),
            '"' => quoted(&chars, &mut next)?,
            '<' | '>' if kind == Kind::Number => comparison(&chars, &mut next)?,
            _ => bare(&chars, &mut next, kind),
        };
        found.extend(token.map(|token| Placed { token, at }));
    }
    Ok(found)
}

fn single(next: &mut usize, token: Token) -> Option<Token> {
    *next += 1;
    Some(token)
}

fn quoted(chars: &[char], next: &mut usize) -> Result<Option<Token>, FilterError> {
    let start = *next;
    let rest = chars.get(start + 1..).unwrap_or_default();
    let length = rest.iter().position(|c| *c == '"').ok_or(FilterError::OpenQuote(start + 1))?;
    *next = start + length + 2;
    Ok(phrase(&rest.iter().take(length).collect::<String>()))
}

fn comparison(chars: &[char], next: &mut usize) -> Result<Option<Token>, FilterError> {
    let start = *next;
    let above = chars.get(start) == Some(&'>');
    let or_equal = chars.get(start + 1) == Some(&'=');
    *next += if or_equal { 2 } else { 1 };
    while chars.get(*next).is_some_and(|c| c.is_whitespace()) {
        *next += 1;
    }
    let number: String =
        chars.iter().skip(*next).take_while(|c| c.is_ascii_digit() || matches!(c, '.' | '-')).collect();
    *next += number.len();
    let number: f64 = number.parse().map_err(|_| FilterError::Number(start + 1))?;
    let comparison = match (above, or_equal) {
        (true, false) => Comparison::Above,
        (true, true) => Comparison::AtLeast,
        (false, false) => Comparison::Below,
        (false, true) => Comparison::AtMost,
    };
    Ok(Some(Token::Compare(comparison, number)))
}

fn bare(chars: &[char], next: &mut usize, kind: Kind) -> Option<Token> {
    let term: String = chars
        .iter()
        .skip(*next)
        .take_while(|c| {
            let ends = match c {
                '(' | ')' | '"' => true,
                '<' | '>' => kind == Kind::Number,
                c => c.is_whitespace(),
            };
            !ends
        })
        .collect();
    *next += term.chars().count();
    match term.as_str() {
        "AND" => Some(Token::And),
        "OR" => Some(Token::Or),
        "NOT" => Some(Token::Not),
        term => phrase(term),
    }
}

fn phrase(text: &str) -> Option<Token> {
    let words = words::lower(text);
    if words.is_empty() {
        return None;
    }
    Some(Token::Phrase(Phrase { words, address: address(text) }))
}

/// The term without angle brackets, if it has the shape of one whole address.
fn address(text: &str) -> Option<String> {
    let text = text.trim();
    let text = text.strip_prefix('<').and_then(|text| text.strip_suffix('>')).unwrap_or(text);
    let (local, domain) = text.rsplit_once('@')?;
    let plain = |part: &str| {
        !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || matches!(c, ',' | '<' | '>'))
    };
    (plain(local) && plain(domain)).then(|| text.to_owned())
}

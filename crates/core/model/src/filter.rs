//! The filter language of the events API: `event=rejected OR failed`, `to=alice AND NOT bob`,
//! `size=>10000 <20000`.
//!
//! A term is one or more words, matched whole and without regard to case; a text is the sequence of its
//! words, so that `a@b.org` matches where these three words stand in a row. Terms side by side or joined
//! by `AND` must all match; `OR`, `NOT` and parentheses work as everywhere (`NOT` binds tightest, then
//! `AND`). Double quotes make a phrase of several words. Fields that are numbers also take `>n`, `<n`,
//! `>=n` and `<=n`.

mod lexer;
mod parser;
mod words;

use std::fmt;

use thiserror::Error;

pub use words::Words;

use crate::comparable;

/// Longest expression, in bytes.
pub const MAX_LENGTH: usize = 2_048;
/// Most terms in an expression.
pub const MAX_TERMS: usize = 128;
/// Deepest nesting of parentheses and `NOT`.
pub const MAX_DEPTH: usize = 16;

/// A parsed expression. The empty one matches everything.
#[derive(Clone, PartialEq)]
pub struct Filter {
    root: Option<Expression>,
}

/// Why a text is no filter expression. Positions count characters from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FilterError {
    /// The expression is too long.
    #[error("the expression is longer than {MAX_LENGTH} bytes")]
    TooLong,
    /// Too many terms.
    #[error("the expression has more than {MAX_TERMS} terms")]
    TooManyTerms,
    /// Nested too deeply.
    #[error("the expression is nested more than {MAX_DEPTH} levels deep at position {0}")]
    TooDeep(usize),
    /// A quote without its partner.
    #[error("the quote at position {0} is not closed")]
    OpenQuote(usize),
    /// A parenthesis without its partner.
    #[error("the parenthesis at position {0} has no partner")]
    Parenthesis(usize),
    /// An operator without a term.
    #[error("a term is missing at position {0}")]
    TermMissing(usize),
    /// A comparison without a number.
    #[error("the comparison at position {0} needs a number")]
    Number(usize),
}

/// One node of an expression.
#[derive(Clone, PartialEq)]
enum Expression {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    Phrase(Phrase),
    Compare(Comparison, f64),
}

/// Words that stand in a row.
#[derive(Clone, PartialEq, Eq)]
struct Phrase {
    words: Vec<String>,
    /// The whole address, if the term is one.
    address: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Above,
    AtLeast,
    Below,
    AtMost,
}

/// What a field of an event holds, for matching.
pub enum Value<'a> {
    /// Texts: a phrase matches if it is in any of them.
    Texts(Vec<Words<'a>>),
    /// Whole addresses: a term that is an address matches only as a whole.
    Addresses(Vec<&'a str>),
    /// A number.
    Number(f64),
}

/// What the field of a filter holds: only numbers can be compared, elsewhere `<a@b.org>` is a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// A number.
    Number,
}

impl Filter {
    /// Parses an expression for a field of this kind.
    pub fn parse(text: &str, kind: Kind) -> Result<Self, FilterError> {
        parser::parse(text, kind).map(|root| Self { root })
    }

    /// Whether a field with this value matches.
    pub fn matches(&self, value: &Value<'_>) -> bool {
        self.root.as_ref().is_none_or(|root| root.matches(value))
    }

    /// Whether everything matches.
    pub const fn is_empty(&self) -> bool {
        self.root.is_none()
    }

    /// The address, if the expression is just one: what an index can find.
    pub fn as_address(&self) -> Option<&str> {
        match &self.root {
            Some(Expression::Phrase(phrase)) => phrase.address.as_deref(),
            _ => None,
        }
    }
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Filter(…)")
    }
}

impl Expression {
    fn matches(&self, value: &Value<'_>) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.matches(value)),
            Self::Any(parts) => parts.iter().any(|part| part.matches(value)),
            Self::Not(part) => !part.matches(value),
            Self::Phrase(phrase) => phrase.matches(value),
            Self::Compare(comparison, bound) => match value {
                Value::Number(number) => comparison.holds(*number, *bound),
                Value::Texts(_) | Value::Addresses(_) => false,
            },
        }
    }
}

impl Phrase {
    fn matches(&self, value: &Value<'_>) -> bool {
        match (value, &self.address) {
            (Value::Addresses(addresses), Some(wanted)) => {
                let wanted = comparable(wanted);
                addresses.iter().any(|address| comparable(address) == wanted)
            }
            (Value::Addresses(addresses), None) => {
                addresses.iter().any(|address| Words::of(address).contain(&self.words))
            }
            (Value::Texts(texts), _) => texts.iter().any(|text| text.contain(&self.words)),
            (Value::Number(number), _) => {
                self.words.join(".").parse::<f64>().is_ok_and(|wanted| wanted == *number)
            }
        }
    }
}

impl Comparison {
    fn holds(self, number: f64, bound: f64) -> bool {
        match self {
            Self::Above => number > bound,
            Self::AtLeast => number >= bound,
            Self::Below => number < bound,
            Self::AtMost => number <= bound,
        }
    }
}

#[cfg(test)]
mod tests;

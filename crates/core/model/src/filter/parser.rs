//! From tokens to an expression, by recursive descent with a bound on its depth.

use std::iter::Peekable;

use super::{
    Expression, FilterError, Kind, MAX_DEPTH, MAX_TERMS,
    lexer::{Placed, Token, tokens},
};

pub(super) fn parse(text: &str, kind: Kind) -> Result<Option<Expression>, FilterError> {
    let tokens = tokens(text, kind)?;
    let terms =
        tokens.iter().filter(|placed| matches!(placed.token, Token::Phrase(_) | Token::Compare(..))).count();
    if terms > MAX_TERMS {
        return Err(FilterError::TooManyTerms);
    }
    if tokens.is_empty() {
        return Ok(None);
    }
    let mut parser = Parser { end: text.chars().count() + 1, tokens: tokens.into_iter().peekable() };
    let root = parser.any(0)?;
    match parser.tokens.next() {
        None => Ok(Some(root)),
        Some(placed) => Err(FilterError::Parenthesis(placed.at)),
    }
}

struct Parser<I: Iterator<Item = Placed>> {
    tokens: Peekable<I>,
    end: usize,
}

impl<I: Iterator<Item = Placed>> Parser<I> {
    /// `all OR all …`
    fn any(&mut self, depth: usize) -> Result<Expression, FilterError> {
        let mut parts = vec![self.all(depth)?];
        while self.tokens.next_if(|placed| matches!(placed.token, Token::Or)).is_some() {
            parts.push(self.all(depth)?);
        }
        Ok(joined(parts, Expression::Any))
    }

    /// `one one …`, `one AND one …`
    fn all(&mut self, depth: usize) -> Result<Expression, FilterError> {
        let mut parts = vec![self.one(depth)?];
        loop {
            let by_and = self.tokens.next_if(|placed| matches!(placed.token, Token::And)).is_some();
            let ended = match self.tokens.peek() {
                None => true,
                Some(placed) => matches!(placed.token, Token::Or | Token::Close),
            };
            if ended && !by_and {
                break;
            }
            parts.push(self.one(depth)?);
        }
        Ok(joined(parts, Expression::All))
    }

    /// A term, `NOT one`, `( any )`
    fn one(&mut self, depth: usize) -> Result<Expression, FilterError> {
        let Some(Placed { token, at }) = self.tokens.next() else {
            return Err(FilterError::TermMissing(self.end));
        };
        if depth >= MAX_DEPTH {
            return Err(FilterError::TooDeep(at));
        }
        match token {
            Token::Phrase(phrase) => Ok(Expression::Phrase(phrase)),
            Token::Compare(comparison, number) => Ok(Expression::Compare(comparison, number)),
            Token::Not => Ok(Expression::Not(Box::new(self.one(depth + 1)?))),
            Token::Open => {
                let inner = self.any(depth + 1)?;
                match self.tokens.next() {
                    Some(Placed { token: Token::Close, .. }) => Ok(inner),
                    _ => Err(FilterError::Parenthesis(at)),
                }
            }
            Token::Close => Err(FilterError::Parenthesis(at)),
            Token::And | Token::Or => Err(FilterError::TermMissing(at)),
        }
    }
}

fn joined(mut parts: Vec<Expression>, join: fn(Vec<Expression>) -> Expression) -> Expression {
    if parts.len() == 1 { parts.remove(0) } else { join(parts) }
}

//! Values of parameters: what each may be, and what a caller is told who writes something else.

use std::str::FromStr;

use super::Form;
use crate::error::ApiError;

/// A form that is asked for values of a kind.
pub(crate) struct Asked(pub(crate) Form);

impl Asked {
    /// Yes or no.
    pub(crate) fn flag(&mut self, name: &str) -> Result<Option<bool>, ApiError> {
        let Some(value) = self.0.take_word(name) else { return Ok(None) };
        match value.to_ascii_lowercase().as_str() {
            "yes" | "true" | "1" | "on" => Ok(Some(true)),
            "no" | "false" | "0" | "off" => Ok(Some(false)),
            _ => Err(ApiError::bad_request(format!("{name} parameter must be yes or no"))),
        }
    }

    /// Yes or no, which has to be there.
    pub(crate) fn needed_flag(&mut self, name: &str) -> Result<bool, ApiError> {
        self.flag(name)?.ok_or_else(|| missing(name))
    }

    /// A whole number within bounds.
    pub(crate) fn number<T>(&mut self, name: &str, least: T, most: T) -> Result<Option<T>, ApiError>
    where
        T: FromStr + PartialOrd + std::fmt::Display,
    {
        let Some(value) = self.0.take_word(name) else { return Ok(None) };
        match value.parse() {
            Ok(number) if number >= least && number <= most => Ok(Some(number)),
            _ => Err(ApiError::bad_request(format!(
                "{name} parameter must be a number from {least} to {most}"
            ))),
        }
    }

    /// One of several words.
    pub(crate) fn choice<T: Copy>(&mut self, name: &str, all: &[(&str, T)]) -> Result<Option<T>, ApiError> {
        let Some(value) = self.0.take_word(name) else { return Ok(None) };
        let found = all.iter().find(|(word, _)| word.eq_ignore_ascii_case(&value));
        let words = || all.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ");
        match found {
            Some((_, meant)) => Ok(Some(*meant)),
            None => Err(ApiError::bad_request(format!("{name} parameter must be one of: {}", words()))),
        }
    }

    /// A text that has to be there.
    pub(crate) fn needed(&mut self, name: &str) -> Result<String, ApiError> {
        self.0.take_word(name).ok_or_else(|| missing(name))
    }

    /// A text of so many characters at most, which may be empty.
    pub(crate) fn text(&mut self, name: &str, most: usize) -> Result<Option<String>, ApiError> {
        match self.0.take_first(name) {
            Some(text) if text.chars().count() > most => {
                Err(ApiError::bad_request(format!("{name} parameter is longer than {most} characters")))
            }
            text => Ok(text),
        }
    }
}

fn missing(name: &str) -> ApiError {
    ApiError::bad_request(format!("{name} parameter is missing"))
}

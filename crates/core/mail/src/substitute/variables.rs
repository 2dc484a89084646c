//! `recipient-variables`: a JSON object of objects, by address.

use std::{collections::HashMap, fmt};

use serde_json::value::RawValue;
use thiserror::Error;

use crate::address::{Address, Mailbox};

/// Why `recipient-variables` was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum VariablesError {
    /// Not a JSON object of objects.
    #[error("'recipient-variables' parameter is not a valid JSON")]
    NotJson,
    /// Too many recipients in it.
    #[error("Too many recipients, max is {max}")]
    TooMany {
        /// How many are allowed.
        max: usize,
    },
}

/// The variables of one recipient: text by key.
#[derive(Default, Clone, PartialEq, Eq)]
pub struct Variables(HashMap<String, String>);

impl Variables {
    /// The text of a variable.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }
}

impl FromIterator<(String, String)> for Variables {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Self {
        Self(pairs.into_iter().collect())
    }
}

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Variables({})", self.0.len())
    }
}

/// The variables of all recipients.
#[derive(Default, Clone)]
pub struct RecipientVariables {
    by_key: HashMap<String, Variables>,
    none: Variables,
}

impl RecipientVariables {
    /// The variables of this recipient; none if there are none.
    pub fn get(&self, address: &Address) -> &Variables {
        self.by_key.get(&address.key()).unwrap_or(&self.none)
    }

    /// How many recipients have variables.
    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    /// Whether nobody has variables.
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }
}

/// Reads the parameter: `{address: {name: value}}` with at most `max` addresses. Text is taken as it is, a
/// number as its JSON text to the digit, `null` as nothing, arrays and objects as JSON.
pub fn parse_variables(json: &str, max: usize) -> Result<RecipientVariables, VariablesError> {
    let json = if json.trim().is_empty() { "{}" } else { json };
    let all: HashMap<String, HashMap<String, Box<RawValue>>> =
        serde_json::from_str(json).map_err(|_| VariablesError::NotJson)?;
    if all.len() > max {
        return Err(VariablesError::TooMany { max });
    }
    let mut by_key = HashMap::with_capacity(all.len());
    for (address, raw) in all {
        let key = Mailbox::parse(&address)
            .map_or_else(|_| address.trim().to_lowercase(), |mailbox| mailbox.address.key());
        let pairs = raw.into_iter().map(|(name, value)| Ok((name, text(value.get())?)));
        by_key.insert(key, pairs.collect::<Result<Variables, _>>()?);
    }
    Ok(RecipientVariables { by_key, none: Variables::default() })
}

fn text(json: &str) -> Result<String, VariablesError> {
    match json.as_bytes().first() {
        Some(b'"') => serde_json::from_str(json).map_err(|_| VariablesError::NotJson),
        _ if json == "null" => Ok(String::new()),
        _ => Ok(json.to_owned()),
    }
}

//! Page tokens of the events API: a whole request in one path segment, because clients send nothing else
//! with it.
//!
//! A token is JSON in URL-safe base64. It comes back from strangers, so what it says is checked like
//! parameters are; it is neither signed nor secret.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

/// Longest token that is looked at, in bytes.
const MAX_TOKEN: usize = 16 * 1024;
/// The form of tokens written today.
const VERSION: u8 = 1;

/// A request and the page of it; written with short names, because it travels in URLs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PageToken {
    #[serde(rename = "v")]
    version: u8,
    /// Older end of the range, in microseconds since the epoch.
    #[serde(rename = "o", default, skip_serializing_if = "Option::is_none")]
    pub oldest: Option<i64>,
    /// Newer end of the range, likewise.
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    pub newest: Option<i64>,
    /// Oldest first.
    #[serde(rename = "a")]
    pub ascending: bool,
    /// Most events of a page.
    #[serde(rename = "l")]
    pub limit: usize,
    /// Answers are indented.
    #[serde(rename = "y", default, skip_serializing_if = "std::ops::Not::not")]
    pub pretty: bool,
    /// Filters: name and expression, as they came.
    #[serde(rename = "f", default, skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<(String, String)>,
    /// Which page.
    #[serde(rename = "p")]
    pub page: Page,
}

/// A page of a request. Positions are microseconds since the epoch and the place in the account's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Page {
    /// The first page.
    #[serde(rename = "f")]
    First,
    /// The last page.
    #[serde(rename = "l")]
    Last,
    /// What follows the event at this position, up to which this place of the log had been seen.
    #[serde(rename = "a")]
    After(i64, u64, u64),
    /// What comes before the event at this position.
    #[serde(rename = "b")]
    Before(i64, u64),
}

impl PageToken {
    /// The token of a page of a request without ends and filters.
    pub fn new(ascending: bool, limit: usize, page: Page) -> Self {
        let filters = Vec::new();
        Self { version: VERSION, oldest: None, newest: None, ascending, limit, pretty: false, filters, page }
    }

    /// The token as it stands in URLs.
    pub fn write(&self) -> String {
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    /// Reads a token; `None` if it is not one of ours, or asks for pages of no or more than `max` events.
    pub fn read(token: &str, max: usize) -> Option<Self> {
        if token.len() > MAX_TOKEN {
            return None;
        }
        let read: Self = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
        (read.version == VERSION && (1..=max).contains(&read.limit)).then_some(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(json: &str) -> String {
        URL_SAFE_NO_PAD.encode(json)
    }

    #[test]
    fn a_token_brings_back_the_request() {
        for page in [Page::First, Page::Last, Page::After(-1, 2, 3), Page::Before(i64::MAX, u64::MAX)] {
            let mut asked = PageToken::new(true, 300, page);
            assert_eq!(PageToken::read(&asked.write(), 300).as_ref(), Some(&asked));
            asked.oldest = Some(-5);
            asked.newest = Some(7);
            asked.pretty = true;
            asked.filters = vec![("event".into(), "failed OR delivered".into())];
            assert_eq!(PageToken::read(&asked.write(), 300), Some(asked));
        }
    }

    #[test]
    fn other_texts_are_no_tokens() {
        for json in [
            "",
            "{}",
            "[]",
            r#"{"v":2,"a":true,"l":1,"p":"f"}"#,
            r#"{"v":1,"a":true,"l":0,"p":"f"}"#,
            r#"{"v":1,"a":true,"l":301,"p":"f"}"#,
            r#"{"v":1,"a":true,"l":1,"p":"x"}"#,
            r#"{"v":1,"a":true,"l":1,"p":"f","account":"other"}"#,
        ] {
            assert_eq!(PageToken::read(&token(json), 300), None, "{json}");
        }
        assert!(PageToken::read(&token(r#"{"v":1,"a":true,"l":1,"p":"f"}"#), 300).is_some());
        let long = format!(r#"{{"v":1,"a":true,"l":1,"p":"f","f":[["a","{}"]]}}"#, "b".repeat(MAX_TOKEN));
        assert_eq!(PageToken::read(&token(&long), 300), None);
    }
}

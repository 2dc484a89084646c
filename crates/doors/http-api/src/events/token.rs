//! Page tokens: a whole request in one path segment, because clients send nothing else with it.
//!
//! Invariant: a token asks for nothing that its bearer could not ask for with parameters. Account and
//! domain come from the authentication and the path; what a token says is checked as parameters are.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use waxseal_insight::{
    range::Range,
    search::{MAX_PAGE, Place},
};
use waxseal_model::Timestamp;
use waxseal_store::event_log::EventPosition;

use super::parameters::Asked;

/// Longest token that is looked at.
const MAX_TOKEN: usize = 16 * 1024;

/// The token's content; short names, because it travels in URLs.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    /// Version.
    v: u8,
    /// Older end of the range, in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    o: Option<i64>,
    /// Newer end of the range.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    n: Option<i64>,
    /// Ascending.
    a: bool,
    /// Limit.
    l: usize,
    /// Pretty.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    y: bool,
    /// Filters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    f: Vec<(String, String)>,
    /// Page.
    p: WirePlace,
}

#[derive(Serialize, Deserialize)]
enum WirePlace {
    #[serde(rename = "f")]
    First,
    #[serde(rename = "l")]
    Last,
    #[serde(rename = "a")]
    After(i64, u64, u64),
    #[serde(rename = "b")]
    Before(i64, u64),
}

/// The token of a page of a request.
pub(super) fn write(asked: &Asked, place: Place) -> String {
    let wire = Wire {
        v: 1,
        o: asked.range.oldest.map(Timestamp::as_micros),
        n: asked.range.newest.map(Timestamp::as_micros),
        a: asked.range.ascending,
        l: asked.limit,
        y: asked.pretty,
        f: asked.filters.clone(),
        p: match place {
            Place::First => WirePlace::First,
            Place::Last => WirePlace::Last,
            Place::After { position, seen } => WirePlace::After(position.at.as_micros(), position.seq, seen),
            Place::Before(position) => WirePlace::Before(position.at.as_micros(), position.seq),
        },
    };
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(&wire).unwrap_or_default())
}

/// The request and page of a token; `None` if it is not one of ours.
pub(super) fn read(token: &str) -> Option<(Asked, Place)> {
    if token.len() > MAX_TOKEN {
        return None;
    }
    let wire: Wire = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
    if wire.v != 1 || wire.l == 0 || wire.l > MAX_PAGE {
        return None;
    }
    let position = |at, seq| EventPosition { at: Timestamp::from_micros(at), seq };
    let place = match wire.p {
        WirePlace::First => Place::First,
        WirePlace::Last => Place::Last,
        WirePlace::After(at, seq, seen) => Place::After { position: position(at, seq), seen },
        WirePlace::Before(at, seq) => Place::Before(position(at, seq)),
    };
    let range = Range {
        oldest: wire.o.map(Timestamp::from_micros),
        newest: wire.n.map(Timestamp::from_micros),
        ascending: wire.a,
    };
    Some((Asked { range, limit: wire.l, pretty: wire.y, filters: wire.f }, place))
}

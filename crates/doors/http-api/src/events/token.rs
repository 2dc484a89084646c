//! The tokens in the links of pages.
//!
//! Invariant: a token asks for nothing that its bearer could not ask for with parameters. Account and
//! domain come from the authentication and the path; what a token says is checked as parameters are.

use waxseal_form::page_token::{Page, PageToken};
use waxseal_insight::{
    range::Range,
    search::{MAX_PAGE, Place},
};
use waxseal_model::Timestamp;
use waxseal_store::event_log::EventPosition;

use super::parameters::Asked;

/// The token of a page of a request.
pub(super) fn write(asked: &Asked, place: Place) -> String {
    let page = match place {
        Place::First => Page::First,
        Place::Last => Page::Last,
        Place::After { position, seen } => Page::After(position.at.as_micros(), position.seq, seen),
        Place::Before(position) => Page::Before(position.at.as_micros(), position.seq),
    };
    let mut token = PageToken::new(asked.range.ascending, asked.limit, page);
    token.oldest = asked.range.oldest.map(Timestamp::as_micros);
    token.newest = asked.range.newest.map(Timestamp::as_micros);
    token.pretty = asked.pretty;
    token.filters.clone_from(&asked.filters);
    token.write()
}

/// The request and page of a token; `None` if it is not one of ours.
pub(super) fn read(token: &str) -> Option<(Asked, Place)> {
    let token = PageToken::read(token, MAX_PAGE)?;
    let position = |at, seq| EventPosition { at: Timestamp::from_micros(at), seq };
    let place = match token.page {
        Page::First => Place::First,
        Page::Last => Place::Last,
        Page::After(at, seq, seen) => Place::After { position: position(at, seq), seen },
        Page::Before(at, seq) => Place::Before(position(at, seq)),
    };
    let range = Range {
        oldest: token.oldest.map(Timestamp::from_micros),
        newest: token.newest.map(Timestamp::from_micros),
        ascending: token.ascending,
    };
    Some((Asked { range, limit: token.limit, pretty: token.pretty, filters: token.filters }, place))
}

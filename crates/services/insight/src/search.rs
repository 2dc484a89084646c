//! Searching the event log: what an index can answer goes to the store, the rest is looked at event by
//! event, up to a budget; a search that spends it ends early with a place to go on from.

use std::time::Duration;

use thiserror::Error;
use waxseal_model::{
    Access, AccountId, DomainId, Opens, Timestamp, category,
    event::EventKind,
    filter::{Filter, FilterError},
};
use waxseal_store::{
    Store, StoreError,
    event_log::{EventPosition, EventQuery, StoredEvent},
};

use crate::{field::Field, range::Range};

/// Most events of a page.
pub const MAX_PAGE: usize = 300;
/// Events of a page if nothing is said.
pub const DEFAULT_PAGE: usize = 100;
/// Most filters of a search.
pub const MAX_FILTERS: usize = 32;

/// Events looked at for one page.
const SCAN_BUDGET: usize = 20_000;
/// Events fetched at a time where most may not match.
const SCAN_CHUNK: usize = 500;
/// How far back an event may lie that is committed after later ones were read.
const LATENESS: Duration = Duration::from_secs(120);

/// Searches the event log. Cheap to clone.
#[derive(Clone)]
pub struct Insight {
    pub(crate) store: Store,
    scan_budget: usize,
}

/// A question to the event log.
#[derive(Debug, Clone)]
pub struct Search {
    /// Whose events: from the authentication, never from input.
    pub account: AccountId,
    /// Of this domain; of all the account's otherwise.
    pub domain: Option<DomainId>,
    /// Time range and direction.
    pub range: Range,
    /// Conditions; all must hold.
    pub filters: Vec<(Field, Filter)>,
    /// Which page.
    pub place: Place,
    /// At most this many events; between 1 and [`MAX_PAGE`].
    pub limit: usize,
}

/// Which page of a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The first.
    First,
    /// The last.
    Last,
    /// The one after this event, in the direction of reading.
    After {
        /// The event.
        position: EventPosition,
        /// The end of the log when it was read: what was committed behind it is new, wherever its time.
        seen: u64,
    },
    /// The one before this event.
    Before(EventPosition),
}

/// A page of events in the direction of reading.
pub struct Page {
    /// The events.
    pub events: Vec<StoredEvent>,
    /// The page after this one; later it may hold events that are new by then.
    pub next: Place,
    /// The page before this one.
    pub previous: Place,
}

/// Why a search is wrong; the texts name the parameter.
#[derive(Debug, Error)]
pub enum SearchError {
    /// Events have no such field.
    #[error("{0} parameter is not a field of events")]
    UnknownField(String),
    /// The expression is wrong.
    #[error("{field} parameter is not a valid filter expression: {error}")]
    Filter {
        /// Field.
        field: String,
        /// What is wrong.
        error: FilterError,
    },
    /// More filters than allowed.
    #[error("too many filters, max is {MAX_FILTERS}")]
    TooManyFilters,
}

/// Reads a filter as it came in.
pub fn filter(name: &str, expression: &str) -> Result<(Field, Filter), SearchError> {
    let field = Field::named(name).ok_or_else(|| SearchError::UnknownField(shortened(name)))?;
    match Filter::parse(expression, field.kind()) {
        Ok(filter) => Ok((field, filter)),
        Err(error) => Err(SearchError::Filter { field: field.name().to_owned(), error }),
    }
}

impl Insight {
    /// Searches the events of `store`.
    pub const fn new(store: Store) -> Self {
        Self { store, scan_budget: SCAN_BUDGET }
    }

    /// The same with a budget of its own: how many events a search may look at for one page.
    pub fn with_scan_budget(self, scan_budget: usize) -> Self {
        Self { scan_budget, ..self }
    }

    /// One page. `access` opens the details that conditions look at.
    ///
    /// Who follows `next` oldest first gets each event once, also one that is committed after later
    /// ones were read: all of a page is read up to the same place in the log, and the next page begins
    /// with what came late.
    pub async fn search<P: Opens<category::Email>>(
        &self,
        search: &Search,
        access: &Access<P>,
    ) -> Result<Page, StoreError> {
        let Some(query) = plan(search) else {
            return Ok(Page { events: Vec::new(), next: search.place, previous: Place::Last });
        };
        let end = self.store.log_end().await?;
        let query = EventQuery { until_seq: Some(end), ..query };
        let mut walk = Walk { search, access, events: Vec::new(), near: None, far: None, scanned: 0 };
        if let Some(late) = latecomers(search, &query) {
            if let Some(seen) = self.scan_late(&mut walk, late).await? {
                return Ok(walk.into_late_page(seen));
            }
            walk.forget_place();
        }
        self.scan(&mut walk, query).await?;
        Ok(walk.into_page(end))
    }

    /// Reads what came late in the order of the log, so that a full page says up to where: the next one goes on behind
    /// it. `None` if nothing is left.
    async fn scan_late<P: Opens<category::Email>>(
        &self,
        walk: &mut Walk<'_, P>,
        mut query: EventQuery,
    ) -> Result<Option<u64>, StoreError> {
        query.limit = SCAN_CHUNK as u64;
        loop {
            let (rows, last) = self.store.events_in_log_order(&query).await?;
            let Some(last) = last else { return Ok(None) };
            if let Some(seen) = walk.take(rows) {
                return Ok(Some(seen));
            }
            if walk.scanned >= self.scan_budget {
                return Ok(Some(last));
            }
            query.after_seq = Some(last);
        }
    }

    /// Reads on until the page is full, the budget spent, or nothing is left.
    async fn scan<P: Opens<category::Email>>(
        &self,
        walk: &mut Walk<'_, P>,
        mut query: EventQuery,
    ) -> Result<(), StoreError> {
        let limit = walk.search.limit;
        let chunk = if walk.search.filters.is_empty() { limit } else { SCAN_CHUNK.max(limit) };
        query.limit = chunk as u64;
        loop {
            let rows = self.store.events(&query).await?;
            // A short answer is no end: events whose key was destroyed are passed over.
            let exhausted = rows.is_empty();
            walk.take(rows);
            if exhausted || walk.events.len() >= limit || walk.scanned >= self.scan_budget {
                return Ok(());
            }
            query.beyond = walk.far.or(query.beyond);
        }
    }
}

/// A walk through the log in one direction.
struct Walk<'a, P> {
    search: &'a Search,
    access: &'a Access<P>,
    events: Vec<StoredEvent>,
    near: Option<EventPosition>,
    far: Option<EventPosition>,
    scanned: usize,
}

impl<P: Opens<category::Email>> Walk<'_, P> {
    /// Takes what matches; once the page is full, the place in the log of the last that was looked at.
    fn take(&mut self, rows: Vec<StoredEvent>) -> Option<u64> {
        for row in rows {
            let seq = row.seq;
            let position = EventPosition { at: row.at, seq: row.seq };
            self.near.get_or_insert(position);
            self.far = Some(position);
            self.scanned += 1;
            if matches(&row, &self.search.filters, self.access) {
                self.events.push(row);
            }
            if self.events.len() >= self.search.limit {
                return Some(seq);
            }
        }
        None
    }

    /// A page of events that came late. The place stays where it was: what stands behind it comes when they are through.
    fn into_late_page(mut self, seen: u64) -> Page {
        self.forget_place();
        self.events.sort_by_key(|event| (event.at, event.seq));
        let place = self.search.place;
        let mut page = self.into_page(seen);
        if let Place::After { position, .. } = place {
            page.previous = Place::Before(position);
        }
        page
    }

    /// Latecomers are no place to go on from.
    const fn forget_place(&mut self) {
        self.near = None;
        self.far = None;
    }

    fn into_page(mut self, end: u64) -> Page {
        let place = self.search.place;
        let after = |position| Place::After { position, seen: end };
        if place.is_backwards() {
            self.events.reverse();
            let next = self.near.map_or(Place::First, after);
            return Page { events: self.events, next, previous: self.far.map_or(place, Place::Before) };
        }
        let previous = self.near.map_or(Place::Last, Place::Before);
        let next = match (self.far, place) {
            (Some(position), _) | (None, Place::After { position, .. }) => after(position),
            (None, place) => place,
        };
        Page { events: self.events, next, previous }
    }
}

impl Place {
    const fn is_backwards(self) -> bool {
        matches!(self, Self::Last | Self::Before(_))
    }
}

/// What a page that goes on oldest first has to look for again: events before its place that were
/// committed after it was read.
fn latecomers(search: &Search, query: &EventQuery) -> Option<EventQuery> {
    let Place::After { position, seen } = search.place else { return None };
    if !search.range.ascending {
        return None;
    }
    let earliest = position.at - LATENESS;
    Some(EventQuery {
        from: Some(search.range.oldest.map_or(earliest, |oldest| oldest.max(earliest))),
        // Events of the very same time that came later stand behind the place: they are not late.
        until: Some(position.at),
        beyond: None,
        after_seq: Some(seen),
        ..query.clone()
    })
}

/// The part of a search that the store answers; `None` if nothing can match.
fn plan(search: &Search) -> Option<EventQuery> {
    let kinds: Vec<EventKind> =
        EventKind::ALL.into_iter().filter(|kind| possible(*kind, &search.filters)).collect();
    if kinds.is_empty() {
        return None;
    }
    let address_of = |names: &[&str]| {
        let mut filters = search.filters.iter().filter(|(field, _)| names.contains(&field.name()));
        filters.find_map(|(_, filter)| filter.as_address()).map(str::to_owned)
    };
    Some(EventQuery {
        account: search.account,
        domain: search.domain,
        from: search.range.oldest,
        until: search.range.newest.map(|newest| Timestamp::from_micros(newest.as_micros().saturating_add(1))),
        beyond: match search.place {
            Place::First | Place::Last => None,
            Place::After { position, .. } | Place::Before(position) => Some(position),
        },
        after_seq: None,
        until_seq: None,
        ascending: search.range.ascending != search.place.is_backwards(),
        kinds: if kinds.len() == EventKind::ALL.len() { Vec::new() } else { kinds },
        ending: false,
        recipient: address_of(&["recipient"]),
        header_message_id: address_of(&["message-id", "message.headers.message-id"]),
        limit: 0,
    })
}

fn possible(kind: EventKind, filters: &[(Field, Filter)]) -> bool {
    filters.iter().all(|(field, filter)| field.of_kind(kind).is_none_or(|value| filter.matches(&value)))
}

fn matches<P: Opens<category::Email>>(
    event: &StoredEvent,
    filters: &[(Field, Filter)],
    access: &Access<P>,
) -> bool {
    if filters.is_empty() {
        return true;
    }
    let details = event.details.open(access);
    let key = event.message.map(|message| message.to_string()).unwrap_or_default();
    filters.iter().all(|(field, filter)| filter.matches(&field.read(event, details, &key)))
}

/// At most 64 characters of a name that came in, for an error text.
fn shortened(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(64).collect()
}

//! Why a message is where it is: for every recipient what it waits for, whose limit that is, and what would end it.
//!
//! Sentences are for people, fields for programs; both say the same. No address is in them, and no name of another
//! customer.

mod words;

use std::collections::HashSet;

use serde::Serialize;
use waxseal_model::{AccountId, Clock, MessageId, Timestamp, event::EventKind};
use waxseal_store::{
    Store, StoreError,
    event_log::{EventPosition, EventQuery, StoredEvent},
    queue::{Leaving, Pause, QueueEntry, QueueFilter},
};

use crate::{
    outcome::ACCESS,
    view::{Seen, View},
};

/// Recipients of a message that are told of, at most; the others stand in further pages of `queue list`.
const MOST: u64 = 1_000;
/// Events that are asked for at once.
const PAGE: u64 = 200;
/// Pages of events: of whoever gives many messages one Message-ID not all is looked through.
const PAGES: usize = 100;

/// A recipient of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Recipient {
    /// Its entry in the queue, while it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The recipient's domain.
    pub recipient_domain: String,
    /// `waiting`, `attempted`, `delivered` or `failed`.
    pub state: &'static str,
    /// The state in a sentence.
    pub words: String,
    /// Attempts that have ended.
    pub attempts: u32,
    /// What the recipient's server said last.
    pub last_reply: Option<String>,
    /// When the next attempt is due, if that is known.
    pub next_attempt_at: Option<String>,
    /// When it is given up.
    pub give_up_at: Option<String>,
    /// What it waits for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<WaitsFor>,
}

/// What somebody waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WaitsFor {
    /// What kind of thing.
    pub kind: &'static str,
    /// Which limit, in the word of the configuration or of the table of providers.
    pub limit: Option<&'static str>,
    /// Whose limit.
    pub whose: Option<String>,
    /// How much of it is used.
    pub used: Option<u64>,
    /// How much there is.
    pub most: Option<u64>,
    /// Since when.
    pub since: Option<String>,
    /// Until when, at most or as far as is known.
    pub until: Option<String>,
    /// The pause.
    pub pause: Option<Paused>,
    /// What it comes from, in others' words.
    pub reason: Option<String>,
    /// What would end the wait, in a sentence.
    pub freed_by: String,
}

/// A pause as it is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Paused {
    /// Its number.
    pub number: u64,
    /// What it is of, in words.
    pub of: String,
    /// Since when.
    pub since: String,
    /// When it ends by itself.
    pub until: Option<String>,
    /// Why, in an operator's words.
    pub reason: String,
}

/// What an event says of its recipient.
pub struct Told {
    /// The recipient.
    pub recipient: String,
    /// What the recipient's server said.
    pub reply: Option<String>,
    /// Attempts.
    pub attempts: u32,
}

/// Every recipient of a message of this account: those that wait, and those that have ended as far as the events of its
/// Message-ID tell, oldest first. `tell` opens an event.
///
/// # Errors
/// The store does not answer.
pub async fn recipients(
    (store, view, clock): (&Store, Option<&View>, &dyn Clock),
    (account, message, header_id): (AccountId, MessageId, &str),
    tell: impl Fn(&StoredEvent) -> Option<Told>,
) -> Result<Vec<Recipient>, StoreError> {
    let filter = QueueFilter { account: Some(account), message: Some(message), ..QueueFilter::default() };
    let entries = store.queue_entries(&filter, MOST).await?;
    let mut waiting = HashSet::new();
    let mut all = Vec::with_capacity(entries.len());
    for entry in &entries {
        waiting.insert(entry.envelope.open(&ACCESS).recipient.clone());
        all.push(of_entry(store, view, clock.now(), entry));
    }
    // However many attempts were made before: only what came in the end is asked for.
    let all_of_it = EventQuery::of_message(account, header_id.to_owned());
    let mut ended = EventQuery { ascending: true, ending: true, limit: PAGE, ..all_of_it };
    let mut pages = 0;
    while all.len() < MOST as usize && pages < PAGES {
        pages += 1;
        let events = store.events(&ended).await?;
        for event in events.iter().filter(|event| event.message == Some(message)) {
            if let Some(told) = tell(event)
                && all.len() < MOST as usize
                // An entry that ends between the two questions ends once.
                && !waiting.contains(&told.recipient)
            {
                let how = if event.kind == EventKind::Delivered { "delivered" } else { "failed" };
                all.push(ended_as(how, event.at, told));
            }
        }
        let Some(last) = events.last().filter(|_| events.len() as u64 == PAGE) else { break };
        ended.beyond = Some(EventPosition { at: last.at, seq: last.seq });
    }
    Ok(all)
}

fn ended_as(state: &'static str, at: Timestamp, told: Told) -> Recipient {
    let domain = told.recipient.rsplit_once('@').map_or("", |(_, domain)| domain).to_owned();
    Recipient {
        id: None,
        words: format!("{state} at {}", shown(at)),
        recipient_domain: domain,
        state,
        attempts: told.attempts,
        last_reply: told.reply,
        next_attempt_at: None,
        give_up_at: None,
        waits_for: None,
    }
}

/// What an entry of the queue waits for.
pub fn of_entry(store: &Store, view: Option<&View>, now: Timestamp, entry: &QueueEntry) -> Recipient {
    let timed = !entry.is_held() && !entry.is_cleared();
    let (state, words, waits_for) = standing(store, view, now, entry);
    Recipient {
        id: Some(entry.id.to_string()),
        recipient_domain: entry.recipient_domain.clone(),
        state,
        words,
        attempts: entry.attempts,
        last_reply: entry.last_reply.clone(),
        next_attempt_at: timed.then(|| shown(entry.next_attempt_at)),
        give_up_at: Some(shown(entry.give_up_at)),
        waits_for,
    }
}

/// State, sentence and what it waits for. What an operator decided comes first, then time, then limits.
fn standing(
    store: &Store,
    view: Option<&View>,
    now: Timestamp,
    entry: &QueueEntry,
) -> (&'static str, String, Option<WaitsFor>) {
    let waits = |(words, waits_for): (String, WaitsFor)| ("waiting", words, Some(waits_for));
    let seen = view.and_then(|view| view.see(entry, now));
    if entry.is_cleared() {
        return waits(words::cleared());
    }
    if let Some(Seen::Attempted(attempted)) = &seen {
        return ("attempted", words::attempted(attempted), None);
    }
    if store.closed_until_erased(entry.account).is_some() {
        return waits(words::closed());
    }
    if entry.is_held() {
        return waits(words::held(entry));
    }
    if let Some(pause) = pause_on(store, view, now, entry) {
        return waits(words::paused(entry, &pause));
    }
    if !entry.in_flight && entry.next_attempt_at > now {
        return waits(words::time(entry));
    }
    match seen {
        None => waits(words::nobody_delivers()),
        Some(Seen::Full(full)) => waits(words::memory(full)),
        Some(Seen::Next) => waits(words::next()),
        Some(Seen::Waits(standing, by_relay)) => waits(words::standing(entry, standing, by_relay)),
        Some(Seen::Attempted(_) | Seen::Strange) => waits(words::in_hands()),
    }
}

/// The pause that an entry waits for. Where it is not known here whose mail servers it goes to, and it was found paused
/// by them before, pauses of providers are tried one by one.
fn pause_on(store: &Store, view: Option<&View>, now: Timestamp, entry: &QueueEntry) -> Option<Pause> {
    let known = view.and_then(|view| view.provider(entry, now));
    let recipient = &entry.envelope.open(&ACCESS).recipient;
    let asked = |provider: Option<&str>| {
        let (account, domain, to) = (entry.account, entry.domain, entry.recipient_domain.as_str());
        store.pause_on(&Leaving { account, domain, to, recipient, provider }).map(|hold| hold.pause)
    };
    asked(known.as_deref()).or_else(|| {
        let all = if entry.paused && known.is_none() { store.pauses() } else { Vec::new() };
        all.iter().filter_map(|pause| pause.provider.as_deref()).find_map(|provider| asked(Some(provider)))
    })
}

/// A time as it is told.
pub(crate) fn shown(at: Timestamp) -> String {
    at.to_jiff().to_string()
}

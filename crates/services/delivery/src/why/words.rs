//! The sentences and fields of each kind of wait.

use std::net::IpAddr;

use waxseal_store::queue::{Pause, QueueEntry};

use super::{Paused, WaitsFor, shown};
use crate::{
    board::{Full, Standing, Whose},
    sources::Wait,
    under_way::Attempted,
    view::ByRelay,
    warm_up::Spent,
};

/// The beginning of what stands in a reply when a domain's policy forbade a server.
const POLICY: &str = "The MTA-STS policy of ";
/// The same when it was what the DNS tells of a server's certificate.
const DANE: &str = "The DANE records of ";

fn wait(kind: &'static str, freed_by: impl Into<String>) -> WaitsFor {
    WaitsFor {
        kind,
        limit: None,
        whose: None,
        used: None,
        most: None,
        since: None,
        until: None,
        pause: None,
        reason: None,
        freed_by: freed_by.into(),
    }
}

fn count(number: usize) -> Option<u64> {
    u64::try_from(number).ok()
}

pub(super) fn attempted(attempted: &Attempted) -> String {
    let since = shown(attempted.since);
    match &attempted.host {
        Some(host) => format!("being attempted at {host} since {since}"),
        None => format!("being attempted since {since}: its server is being connected to"),
    }
}

pub(super) fn cleared() -> (String, WaitsFor) {
    let freed_by = "whoever has it in hands lets go of it; then it ends with a `failed` event";
    ("its queue was cleared".into(), wait("cleared", freed_by))
}

pub(super) fn closed() -> (String, WaitsFor) {
    let freed_by = "opening the account again, as long as its erasure has not begun";
    ("its account is closed, to be erased".into(), wait("closed-account", freed_by))
}

pub(super) fn held(entry: &QueueEntry) -> (String, WaitsFor) {
    let words = match entry.reply_unknown {
        true => "held: it may have been delivered when the server ended last",
        false => "held: it was taken over from elsewhere",
    };
    (words.into(), wait("hold", "an operator's `waxseal queue retry` of this message"))
}

pub(super) fn paused(entry: &QueueEntry, pause: &Pause) -> (String, WaitsFor) {
    let of = pause_of(pause, Some(&entry.recipient_domain));
    let shown_pause = told(pause, of.clone());
    let until = shown_pause.until.clone().map(|until| format!(", until {until}")).unwrap_or_default();
    let reason = if pause.reason.is_empty() { String::new() } else { format!(": {}", pause.reason) };
    let words = format!("paused by an operator since {}{until} ({of}){reason}", shown_pause.since);
    let by_itself = shown_pause.until.as_ref().map(|until| format!(", or {until}")).unwrap_or_default();
    let freed_by = format!("`waxseal queue resume --pause {}`{by_itself}", pause.number);
    let waits_for = WaitsFor {
        limit: Some("pause"),
        whose: Some(of),
        since: Some(shown_pause.since.clone()),
        until: shown_pause.until.clone(),
        reason: (!pause.reason.is_empty()).then(|| pause.reason.clone()),
        pause: Some(shown_pause),
        ..wait("pause", freed_by)
    };
    (words, waits_for)
}

/// A pause with what it is of.
pub(crate) fn told(pause: &Pause, of: String) -> Paused {
    Paused {
        number: pause.number,
        of,
        since: shown(pause.since),
        until: pause.until.map(shown),
        reason: pause.reason.clone(),
    }
}

/// What a pause is of, in words that name nobody but the entry's own.
pub(crate) fn pause_of(pause: &Pause, to: Option<&str>) -> String {
    let mut parts = Vec::new();
    if pause.recipient {
        parts.push("this recipient".to_owned());
    }
    if pause.to {
        parts.push(to.map_or_else(|| "a recipients' domain".into(), |to| format!("mail to {to}")));
    }
    if let Some(provider) = &pause.provider {
        parts.push(format!("provider {provider}"));
    }
    match (pause.account.is_some(), pause.domain.is_some()) {
        (_, true) => parts.push("this sending domain".into()),
        (true, false) => parts.push("this account".into()),
        (false, false) => {}
    }
    if parts.is_empty() { "all mail".into() } else { parts.join(", ") }
}

pub(super) fn time(entry: &QueueEntry) -> (String, WaitsFor) {
    let (next, end) = (shown(entry.next_attempt_at), shown(entry.give_up_at));
    if let Some(told) = entry.last_reply.as_deref().and_then(|reason| address(reason, &next)) {
        return told;
    }
    let waits_for = WaitsFor { until: Some(next.clone()), ..wait("time", "") };
    if entry.attempts == 0 && entry.last_reply.is_none() {
        let words = format!("to leave at {next}, as its sender wants");
        let freed_by = format!("{next}, or `waxseal queue retry` of this message");
        return (words, WaitsFor { limit: Some("scheduled"), freed_by, ..waits_for });
    }
    let reply = entry.last_reply.clone();
    let said = reply.as_ref().map(|reply| format!("; the last reply was: {reply}")).unwrap_or_default();
    let tries = if entry.attempts == 1 { "1 attempt" } else { &format!("{} attempts", entry.attempts) };
    let words = format!("waits for its next attempt at {next}, after {tries}; given up at {end}{said}");
    let says = |words| reply.as_ref().is_some_and(|reply| reply.contains(words));
    let domain = &entry.recipient_domain;
    let (limit, freed_by) = if says(POLICY) {
        ("MTA-STS policy", format!("servers of {domain} as its policy asks, or another policy"))
    } else if says(DANE) {
        (
            "DANE",
            format!(
                "a server of {domain} with a certificate that its TLSA records tell of, or other records"
            ),
        )
    } else {
        ("retry schedule", format!("{next}, or `waxseal queue retry` of this message"))
    };
    let waits_for = WaitsFor {
        limit: Some(limit),
        whose: (limit != "retry schedule").then(|| domain.clone()),
        reason: reply,
        freed_by,
        ..waits_for
    };
    (words, waits_for)
}

/// What waits for an address that may take it, by the reason that was written down.
fn address(reason: &str, next: &str) -> Option<(String, WaitsFor)> {
    let until = Some(next.to_owned());
    if let Some(Spent { address, provider, used, budget }) = Spent::read(reason) {
        let words = format!(
            "waits until {next} for the warm-up of {address}: {used} of {budget} recipients went to {provider} that day, and \
             nothing else of its pool may take it"
        );
        let freed_by = format!(
            "{next}, or a larger budget (`waxseal source warm-up {address}`) or another address in its pool, and then \
             `waxseal queue retry` of this message"
        );
        let waits_for = WaitsFor {
            limit: Some("warm-up"),
            whose: Some(format!("{address} to {provider}")),
            used: Some(used.into()),
            most: Some(budget.into()),
            until,
            ..wait("warm-up", freed_by)
        };
        return Some((words, waits_for));
    }
    let pool = Wait::pool_in(reason)?;
    let words = format!("no address of {pool} may be used; it is looked at again at {next}");
    let freed_by = format!("an address of {pool} that is not paused");
    Some((words, WaitsFor { whose: Some(pool.to_owned()), until, ..wait("source", freed_by) }))
}

pub(super) fn nobody_delivers() -> (String, WaitsFor) {
    let words = "nothing is delivered: no server with the role `delivery` runs here";
    (words.into(), wait("delivery", "`waxseal serve` with the role `delivery`"))
}

pub(super) fn memory(Full { most, of_account }: Full) -> (String, WaitsFor) {
    let (words, whose) = if of_account {
        let words = format!(
            "waits for room in memory: {most} recipients of the account are in it, as many as its share is for now"
        );
        (words, "the account")
    } else {
        let words = format!("waits for room in memory: {most} recipients are in it, as many as there may be");
        (words, "this server")
    };
    let waits_for = WaitsFor {
        limit: Some("memory"),
        whose: Some(whose.into()),
        used: count(most),
        most: count(most),
        ..wait("memory", "the end of attempts for others")
    };
    (words, waits_for)
}

pub(super) fn next() -> (String, WaitsFor) {
    ("due: it is taken from the queue next".into(), wait("turn", "its turn, in a moment"))
}

pub(super) fn in_hands() -> (String, WaitsFor) {
    let words = "in somebody's hands: an attempt has just begun or ended";
    (words.into(), wait("turn", "the end of the attempt"))
}

/// What a destination waits for.
pub(super) fn standing(entry: &QueueEntry, standing: Standing, by_relay: ByRelay) -> (String, WaitsFor) {
    let to = match (entry.capture, by_relay) {
        (true, _) => "the inbox",
        (false, true) => "the relay",
        (false, false) => entry.recipient_domain.as_str(),
    };
    let from = |from: &Option<IpAddr>| from.map(|from| format!(" from {from}")).unwrap_or_default();
    let name = |whose: &Whose| match whose {
        Whose::Provider(name, ours) => format!("provider {name}{}", from(ours)),
        Whose::Destination(ours) => format!("{to}{}", from(ours)),
    };
    match standing {
        Standing::Unreachable { until, words } => {
            let waits_for = WaitsFor {
                limit: Some("unreachable"),
                whose: Some(to.into()),
                until: Some(shown(until)),
                reason: (!words.is_empty()).then_some(words),
                ..wait("unreachable", format!("a server of {to} that answers"))
            };
            (
                format!("{to} could not be reached a moment ago; it is left alone until {}", shown(until)),
                waits_for,
            )
        }
        Standing::Trying => {
            let waits_for = WaitsFor {
                whose: Some(to.into()),
                ..wait("unreachable", format!("a server of {to} that answers"))
            };
            (format!("{to} could not be reached; one connection at a time tries"), waits_for)
        }
        Standing::PutOff => {
            let waits_for = WaitsFor {
                limit: Some("put_off"),
                whose: Some(to.into()),
                ..wait("connections", format!("a server of {to} that takes a message"))
            };
            (format!("{to} puts everything off; one connection at a time asks"), waits_for)
        }
        Standing::LookedUp => {
            let waits_for = WaitsFor { whose: Some(to.into()), ..wait("dns", "an answer of the DNS") };
            (format!("the mail servers of {to} are being looked up"), waits_for)
        }
        Standing::Rate { whose, per_minute, next } => {
            let whose = name(&whose);
            let words =
                format!("{whose} gets {per_minute} messages a minute; the next may go at {}", shown(next));
            let waits_for = WaitsFor {
                limit: Some("messages_per_minute"),
                whose: Some(whose),
                most: Some(per_minute.into()),
                until: Some(shown(next)),
                ..wait("rate", "its turn, or a larger `messages_per_minute` in `delivery.shaping`")
            };
            (words, waits_for)
        }
        Standing::RateTurn { whose, per_minute } => {
            let whose = name(&whose);
            let words = format!("{whose} gets {per_minute} messages a minute; others have their turn before");
            let waits_for = WaitsFor {
                limit: Some("messages_per_minute"),
                whose: Some(whose),
                most: Some(per_minute.into()),
                ..wait("rate", "its turn, or a larger `messages_per_minute` in `delivery.shaping`")
            };
            (words, waits_for)
        }
        Standing::Connections { whose, open, allowed, most, slowed_until } => {
            let whose = name(&whose);
            let slowed = match (allowed < most, slowed_until) {
                (false, _) => String::new(),
                (true, None) => format!("; it asked for less, otherwise it gets {most}"),
                (true, Some(until)) => {
                    format!("; it asked for less, and gets more again after {}, up to {most}", shown(until))
                }
            };
            let words = format!("{whose}: {open} of {allowed} connections are open and busy{slowed}");
            let freed_by = match (allowed < most, by_relay) {
                (true, _) => "its turn on one of them; the provider taking what it gets",
                (false, true) => "its turn on one of them, or more `delivery.relay_connections`",
                (false, false) => "its turn on one of them, or more `connections` in `delivery.shaping`",
            };
            let waits_for = WaitsFor {
                limit: Some("connections"),
                whose: Some(whose),
                used: count(open),
                most: count(allowed),
                until: slowed_until.filter(|_| allowed < most).map(shown),
                ..wait("connections", freed_by)
            };
            (words, waits_for)
        }
        Standing::AllConnections { open, most } => {
            let waits_for = WaitsFor {
                limit: Some("connections"),
                whose: Some("this server".into()),
                used: count(open),
                most: count(most),
                ..wait("all-connections", "the end of a connection to somebody else")
            };
            (format!("all {open} of {most} connections of this server are taken"), waits_for)
        }
        Standing::Turn { ahead } => {
            let waits_for = WaitsFor { whose: Some(to.into()), ..wait("turn", "its turn, in a moment") };
            (
                format!("waits for its turn: {ahead} other messages of the account for the same destination"),
                waits_for,
            )
        }
    }
}

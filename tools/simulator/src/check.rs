//! What must hold of every history, whatever went wrong in it.

use std::{collections::BTreeMap, time::Duration};

use waxseal_delivery::schedule::base_wait;
use waxseal_model::event::{EventKind, Severity};

use crate::{
    clock::START,
    history::{Remains, Told},
    ledger::{State, Taken},
    plan::{Action, Plan},
};

/// No dialogue takes longer to tell how it ended.
const SLOWEST: Duration = Duration::from_secs(800);

/// What does not hold.
pub(crate) fn all(plan: &Plan, state: &State, remains: &Remains) -> Vec<String> {
    let mut found = state.broken.clone();
    empty(plan, remains, &mut found);
    let mut told: BTreeMap<&str, Vec<&Told>> = BTreeMap::new();
    for event in &remains.events {
        told.entry(&event.recipient).or_default().push(event);
    }
    let mut taken: BTreeMap<&str, Vec<&Taken>> = BTreeMap::new();
    for one in &state.taken {
        taken.entry(&one.recipient).or_default().push(one);
    }
    for unknown in told.keys().chain(taken.keys()).filter(|name| !state.owed.contains_key(**name)) {
        found.push(format!("{unknown} was never written to"));
    }
    for name in state.owed.keys() {
        let events = told.remove(name.as_str()).unwrap_or_default();
        let taken = taken.remove(name.as_str()).unwrap_or_default();
        let case = Case { name, state, events, taken };
        case.check(&mut found);
    }
    rate(plan, state, &mut found);
    found
}

fn empty(plan: &Plan, remains: &Remains, found: &mut Vec<String>) {
    let Remains { waiting, in_flight, load, uncertain, bodies, .. } = remains;
    // Content is kept until the time at which it was accepted, which a clock that was set back has still before it.
    let set_back = plan.actions.iter().any(|(_, action)| matches!(action, Action::Jump(by) if *by < 0));
    let bodies = if set_back { &0 } else { bodies };
    if (waiting + in_flight, *load, *uncertain, *bodies) != (0, (0, 0), 0, 0) {
        found.push(format!(
            "at the end there are {waiting} waiting, {in_flight} in flight, {load:?} connections and recipients in \
             memory, {uncertain} uncertain, {bodies} bodies"
        ));
    }
}

/// Everything about one recipient.
struct Case<'a> {
    name: &'a str,
    state: &'a State,
    events: Vec<&'a Told>,
    taken: Vec<&'a Taken>,
}

impl Case<'_> {
    fn check(&self, found: &mut Vec<String>) {
        let Some(owed) = self.state.owed.get(self.name) else { return };
        let mut broken = |what: String| found.push(format!("{}: {what}", self.name));
        if !owed.certain && self.events.is_empty() && self.taken.is_empty() {
            return;
        }
        let terminal: Vec<_> =
            self.events.iter().filter(|event| event.severity != Some(Severity::Temporary)).collect();
        if terminal.len() != 1 {
            broken(format!("{} terminal events", terminal.len()));
            return;
        }
        if self.events.last().is_some_and(|last| last.severity == Some(Severity::Temporary)) {
            broken("an event after the terminal one".into());
        }
        if self.taken.iter().any(|taken| taken.content != owed.content) {
            broken("what arrived is not what was sent".into());
        }
        let is_delivered = terminal[0].kind == EventKind::Delivered;
        if is_delivered && !self.taken.iter().any(|taken| taken.was_heard()) {
            broken("delivered, and nobody has said so".into());
        }
        let heard = self.taken.last().is_some_and(|last| last.was_heard() && !self.died_after(last));
        if heard && !is_delivered && !owed.expired {
            broken("taken, and not delivered".into());
        }
        self.copies(&mut broken);
        self.attempts(&mut broken);
        if self.state.jumps.is_empty() {
            self.times(&mut broken);
            self.names(&mut broken);
        }
    }

    /// Whether the process that had it taken died before it can have told how that ended.
    fn died_after(&self, taken: &Taken) -> bool {
        self.state
            .deaths
            .iter()
            .any(|(life, at)| *life == taken.life && *at >= taken.at && *at - taken.at <= SLOWEST)
    }

    fn copies(&self, broken: &mut impl FnMut(String)) {
        for pair in self.taken.windows(2) {
            // What a dead process had on its way may be taken later than what the next one sends.
            let sent_later = pair[1].life >= pair[0].life;
            if sent_later && pair[0].was_heard() && !self.died_after(pair[0]) {
                broken("a second copy although the first was answered".into());
            }
        }
    }

    fn attempts(&self, broken: &mut impl FnMut(String)) {
        let mut before = 0;
        for event in self.events.iter().filter(|event| event.code < 600 || event.code == 602) {
            if event.attempt != before + 1 && event.code != 602 {
                broken(format!("attempt {} after {before}", event.attempt));
            }
            before = event.attempt;
        }
    }

    fn times(&self, broken: &mut impl FnMut(String)) {
        let Some(owed) = self.state.owed.get(self.name) else { return };
        let give_up_at = owed.not_before + owed.give_up_after;
        for event in &self.events {
            if event.code == 602 && !owed.expired && event.at < give_up_at {
                broken(format!("too old {} s before its time", give_up_at.since(event.at).as_secs()));
            }
            if let Some(retry) = event.retry {
                let base = base_wait(event.attempt).as_secs();
                let last = event.at + Duration::from_secs(retry + 1) >= give_up_at;
                // Refused together with others at the first try, or one too many for it: then it goes alone, at once.
                let goes_alone = event.attempt == 1 && (matches!(event.code, 500..600) || event.code == 452);
                let is_due = retry == 0 && goes_alone;
                if !(base - base / 10..=base + base / 10).contains(&retry) && !is_due && !last {
                    broken(format!("the wait after attempt {} is {retry} s", event.attempt));
                }
            }
        }
        if owed.hastened || owed.expired {
            return;
        }
        for pair in self.events.windows(2) {
            let due = pair[0].at + Duration::from_secs(pair[0].retry.unwrap_or(0));
            let begun = pair[1].at - Duration::from_secs_f64(pair[1].took.max(0.0));
            if begun + Duration::from_secs(1) < due {
                broken(format!("attempt {} is {} s early", pair[1].attempt, due.since(begun).as_secs()));
            }
        }
    }

    /// What may be a second copy because a process died, or waited no longer, is called so until it has ended.
    fn names(&self, broken: &mut impl FnMut(String)) {
        let mut since: Option<Duration> = None;
        for (life, died) in self.state.deaths.iter().chain(&self.state.cut) {
            let Some(last) = self.taken.iter().rfind(|taken| taken.life == *life && taken.at <= *died) else {
                continue;
            };
            let settled = self.events.iter().any(|event| (last.at..=*died).contains(&event.at.since(START)));
            if !settled {
                since = Some(since.map_or(*died, |before| before.min(*died)));
            }
        }
        for event in self.events.iter().filter(|event| event.code < 600) {
            let after = since.is_some_and(|died| event.at.since(START) > died);
            if after && !event.possible_duplicate {
                broken(format!("attempt {} may be a second copy and is not called one", event.attempt));
            }
        }
        let ended = !self.state.deaths.is_empty() || !self.state.cut.is_empty();
        if !ended && self.events.iter().any(|event| event.possible_duplicate) {
            broken("called a second copy, and no process died or was cut short".into());
        }
    }
}

/// No provider gets more messages in a minute than it is to get.
fn rate(plan: &Plan, state: &State, found: &mut Vec<String>) {
    let said = plan.actions.iter().filter_map(|(_, action)| match action {
        Action::Shape(Some((_, per_minute))) => Some(*per_minute),
        _ => None,
    });
    let per_minute = said.chain([plan.provider.1]).max().unwrap_or(0) as usize;
    // A token may be used a while after it was taken; whoever starts, or changes a limit, begins with a full bucket.
    let shapes = plan.actions.iter().filter(|(_, action)| matches!(action, Action::Shape(_))).count();
    let restarts = plan.actions.iter().filter(|(_, action)| matches!(action, Action::Restart)).count();
    let begins = 1 + state.deaths.len() + restarts + shapes + state.jumps.len();
    let most = per_minute + begins * per_minute.div_ceil(60) + 4;
    for (index, at) in state.begun.iter().enumerate() {
        let within = state.begun[index..].iter().take_while(|later| **later < *at + Duration::from_secs(60));
        let count = within.count();
        if count > most {
            found.push(format!(
                "{count} messages within a minute to a provider that gets {per_minute}, from {} s on",
                at.as_secs()
            ));
            return;
        }
    }
}

//! Commits outcomes in groups: what comes while one commit is under way, or shortly after it, goes into the next.

use std::{collections::HashSet, sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};
use waxseal_model::{RecipientId, Timestamp, event::EventKind};
use waxseal_store::{
    StoreError,
    message::NewEvent,
    queue::{Hold, LeaseId, Outcome, Settled, Settlement},
    sent_notes::SentNote,
    suppression::NewSuppression,
};

use crate::service::Shared;

/// Settlements in one commit, at most.
const GROUP: usize = 256;
/// From the beginning of one commit to that of the next: a commit of four outcomes costs nearly what one of forty does.
const GATHER: Duration = Duration::from_millis(5);
/// The same where all that came is to be tried again later: each commit is in the way of what can be delivered. A connection waits
/// for it, so one that hears nothing else has forty refusals a second at most.
const GATHER_PUT_OFF: Duration = Duration::from_millis(25);
/// Pause before a failed commit is tried again.
const PAUSE: Duration = Duration::from_millis(500);

/// How an attempt ended for one entry, to be committed with its events.
#[derive(Clone)]
pub(crate) struct Decision {
    pub(crate) entry: RecipientId,
    /// The lease it was taken with; a newer one on the board counts instead.
    pub(crate) lease: LeaseId,
    /// Attempts that were settled before this one.
    pub(crate) attempts: u32,
    pub(crate) ending: Decided,
    pub(crate) events: Vec<NewEvent>,
}

/// What becomes of the entry.
#[derive(Clone)]
pub(crate) enum Decided {
    Done(Option<NewSuppression>),
    Deferred { next_attempt_at: Timestamp, first_attempt_at: Timestamp, last_reply: String },
    Captured { expires_at: Timestamp },
    PutOff { until: Timestamp, why: String },
    Released,
    Paused(Hold),
}

/// Decisions that are committed together, and who waits for it.
pub(crate) struct Request {
    decisions: Vec<Decision>,
    done: Option<oneshot::Sender<()>>,
}

impl Request {
    /// Whether all of it is to be tried again, and not at once.
    fn is_put_off(&self, now: Timestamp) -> bool {
        self.decisions.iter().all(|decision| decision.put_off_until().is_some_and(|until| now < until))
    }
}

/// The way to the settler.
#[derive(Clone)]
pub(crate) struct Settler {
    requests: mpsc::Sender<Request>,
}

impl Settler {
    /// The way to a settler that [`run`] makes.
    pub(crate) fn new() -> (Self, mpsc::Receiver<Request>) {
        let (requests, receiver) = mpsc::channel(1_024);
        (Self { requests }, receiver)
    }

    /// Commits the decisions; returns when they are on stable storage (or the service is gone).
    pub(crate) async fn settle(&self, decisions: Vec<Decision>) {
        let (done, committed) = oneshot::channel();
        if self.requests.send(Request { decisions, done: Some(done) }).await.is_ok() {
            let _ = committed.await;
        }
    }

    /// Leaves decisions of which a note is kept ([`Store::note_delivered`]): nobody waits for their commit.
    pub(crate) async fn leave(&self, decisions: Vec<Decision>) {
        let _ = self.requests.send(Request { decisions, done: None }).await;
    }
}

/// Commits until nobody can ask any more.
pub(crate) async fn run(shared: Arc<Shared>, mut requests: mpsc::Receiver<Request>) {
    let mut last = None;
    while let Some(first) = requests.recv().await {
        let group = gather(first, &mut requests, last, shared.clock.now()).await;
        last = Some(Instant::now());
        let (decisions, waiting): (Vec<_>, Vec<_>) =
            group.into_iter().map(|request| (request.decisions, request.done)).unzip();
        let decisions = decisions.concat();
        commit(&shared, &decisions).await;
        waiting.into_iter().flatten().for_each(|done| {
            let _ = done.send(());
        });
    }
}

/// What goes into one commit, which does not begin too soon after the `last` unless it is full.
async fn gather(
    first: Request,
    requests: &mut mpsc::Receiver<Request>,
    last: Option<Instant>,
    now: Timestamp,
) -> Vec<Request> {
    let mut size = first.decisions.len();
    let mut put_off = first.is_put_off(now);
    let mut group = vec![first];
    while let Some(last) = last
        && size < GROUP
    {
        let then = last + if put_off { GATHER_PUT_OFF } else { GATHER };
        let next = match requests.try_recv() {
            Ok(next) => next,
            Err(_) if Instant::now() >= then => break,
            Err(_) => match tokio::time::timeout_at(then, requests.recv()).await {
                Ok(Some(next)) => next,
                Ok(None) | Err(_) => break,
            },
        };
        size += next.decisions.len();
        put_off &= next.is_put_off(now);
        group.push(next);
    }
    group
}

/// Commits, however long the store takes to come back: an outcome that is not on record would be
/// attempted again.
async fn commit(shared: &Shared, decisions: &[Decision]) {
    let mut again = false;
    loop {
        match settle(shared, decisions, again).await {
            Ok(()) => return,
            Err(StoreError::Unavailable(_) | StoreError::Full) if !shared.hurry.is_cancelled() => {
                tracing::error!(entries = decisions.len(), "outcomes cannot be committed now, trying again");
                again = true;
                let pause = tokio::time::sleep(PAUSE);
                tokio::select! {
                    biased;
                    () = pause => {}
                    () = shared.hurry.cancelled() => {}
                }
            }
            Err(error)
                if decisions.len() > 1 && !matches!(error, StoreError::Unavailable(_) | StoreError::Full) =>
            {
                // One of them is broken: the others shall not suffer from it.
                for decision in decisions {
                    let alone = std::slice::from_ref(decision);
                    if let Err(error) = settle(shared, alone, again).await {
                        tracing::error!(entry = %decision.entry, %error, "an outcome cannot be committed");
                        shared.forget([decision.entry]);
                    }
                }
                return;
            }
            Err(error) => {
                tracing::error!(entries = decisions.len(), %error, "outcomes are not committed");
                return shared.forget(decisions.iter().map(|decision| decision.entry));
            }
        }
    }
}

/// Commits once; what is settled is nobody's business here any more. `again`: it may be on stable storage since a try whose answer
/// did not come, so that what is not ours any more need not be somebody else's.
async fn settle(shared: &Shared, decisions: &[Decision], again: bool) -> Result<(), StoreError> {
    let store = &shared.store;
    let _taking = shared.taking.lock().await;
    let settlements: Vec<_> = {
        let board = shared.board();
        decisions
            .iter()
            .map(|decision| decision.to_settlement(board.lease(decision.entry).unwrap_or(decision.lease)))
            .collect()
    };
    let staying: Vec<_> = decisions.iter().filter_map(|decision| decision.staying_note(shared)).collect();
    if !staying.is_empty()
        && let Err(error) = store.note_sent(&staying).await
    {
        // The outcome counts for more: it is committed all the same.
        tracing::error!(entries = staying.len(), %error, "possible second copies cannot be noted on");
    }
    let settled = store.settle(settlements).await?;
    let of_others = of_others(shared, decisions, &settled, again).await;
    let is_ours = |decision: &&Decision| !of_others.contains(&decision.entry);
    let is_over = |decision: &&Decision| !decision.is_release() && decision.staying_note(shared).is_none();
    // A note of what somebody else tries now is theirs, or says that theirs may be a second copy.
    let over = decisions.iter().filter(is_over).filter(is_ours).map(|decision| decision.entry);
    let over: Vec<_> = over.collect();
    store.drop_notes(&over);
    for decision in decisions.iter().filter(|decision| decision.ends_it()).filter(is_ours) {
        shared.second_copies.forget(decision.entry);
    }
    if let Some(due) = decisions.iter().filter_map(Decision::put_off_until).min() {
        shared.soonest.note(due);
    }
    shared.forget(decisions.iter().map(|decision| decision.entry));
    Ok(())
}

/// Entries that were not ours to settle any more (the clock jumped past the end of their leases), and went out here.
async fn of_others(
    shared: &Shared,
    decisions: &[Decision],
    settled: &[Settled],
    again: bool,
) -> HashSet<RecipientId> {
    let store = &shared.store;
    let sent = sent_and_taken(decisions, settled, again, |entry| store.is_noted(entry));
    match shared.second_copies.of_others(store, &sent).await {
        Ok(of_others) => of_others,
        Err(error) => {
            tracing::error!(entries = sent.len(), %error, "possible second copies cannot be named");
            sent.into_iter().collect()
        }
    }
}

/// Entries that went out here and are not ours to settle. None after a try whose answer did not come: what it settled is not ours
/// any more either.
fn sent_and_taken(
    decisions: &[Decision],
    settled: &[Settled],
    again: bool,
    is_noted: impl Fn(RecipientId) -> bool,
) -> Vec<RecipientId> {
    let not_ours = decisions.iter().zip(settled).filter(|(_, settled)| **settled == Settled::NotOurs);
    let sent = not_ours.filter(|(decision, _)| !decision.is_release() && is_noted(decision.entry));
    sent.map(|(decision, _)| decision.entry).filter(|_| !again).collect()
}

impl Decision {
    /// Nothing came of it: what was unknown before still is.
    const fn is_release(&self) -> bool {
        matches!(self.ending, Decided::Released | Decided::PutOff { .. } | Decided::Paused(_))
    }

    /// The note that outlives this outcome: the entry may have been delivered unseen, and is tried again.
    fn staying_note(&self, shared: &Shared) -> Option<SentNote> {
        let is_deferred = matches!(self.ending, Decided::Deferred { .. });
        let stays = is_deferred && shared.second_copies.contains(self.entry);
        stays.then_some(SentNote { entry: self.entry, attempts: self.attempts.saturating_add(1) })
    }

    /// The recipient's server said yes.
    pub(crate) fn is_delivery(&self) -> bool {
        matches!(self.ending, Decided::Done(None))
            && self.events.iter().all(|event| event.kind == EventKind::Delivered)
    }

    /// When it is tried again, if the queue has it until then.
    const fn put_off_until(&self) -> Option<Timestamp> {
        match self.ending {
            Decided::Deferred { next_attempt_at: until, .. } | Decided::PutOff { until, .. } => Some(until),
            _ => None,
        }
    }

    const fn ends_it(&self) -> bool {
        matches!(self.ending, Decided::Done(_) | Decided::Captured { .. })
    }

    fn to_settlement(&self, lease: LeaseId) -> Settlement {
        let outcome = match self.ending.clone() {
            Decided::Done(suppress) => Outcome::Done { suppress },
            Decided::Deferred { next_attempt_at, first_attempt_at, last_reply } => {
                Outcome::Deferred { next_attempt_at, first_attempt_at, last_reply }
            }
            Decided::Captured { expires_at } => Outcome::Captured { expires_at },
            Decided::PutOff { until, why } => Outcome::PutOff { until, why },
            Decided::Released => Outcome::Released,
            Decided::Paused(hold) => Outcome::Paused(hold),
        };
        Settlement { entry: self.entry, lease: Some(lease), outcome, events: self.events.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decision(entry: u128, ending: Decided) -> Decision {
        let entry = RecipientId::from_u128(entry);
        Decision { entry, lease: LeaseId(1), attempts: 0, ending, events: Vec::new() }
    }

    #[test]
    fn what_somebody_else_took_is_a_second_copy_and_what_an_unanswered_commit_settled_is_not() {
        let deferred = Decided::Deferred {
            next_attempt_at: Timestamp::from_secs(2_000),
            first_attempt_at: Timestamp::from_secs(1_000),
            last_reply: "451 later".into(),
        };
        let decisions = [
            decision(1, Decided::Done(None)),
            decision(2, deferred),
            decision(3, Decided::Done(None)),
            decision(4, Decided::Released),
            decision(5, Decided::Done(None)),
        ];
        let settled = [Settled::NotOurs, Settled::NotOurs, Settled::Yes, Settled::NotOurs, Settled::NotOurs];
        let named = |again| {
            let is_noted = |entry| entry != RecipientId::from_u128(5);
            let named = sent_and_taken(&decisions, &settled, again, is_noted);
            named.into_iter().map(RecipientId::as_u128).collect::<Vec<_>>()
        };
        assert_eq!(named(false), [1, 2], "what did not go out is none");
        assert!(named(true).is_empty(), "they may be settled: nobody else has them");
    }
}

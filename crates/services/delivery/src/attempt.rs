//! One attempt: load the message, get a connection, hand it over, commit what came of it.

use std::{slice, time::Duration};

use bytes::Bytes;
use waxseal_model::{Timestamp, event::EventDetails, options::DeliveryOptions};
use waxseal_net::RouteError;
use waxseal_smtp::client::{Stage, Transaction, Verdict};
use waxseal_store::{
    StoreError,
    queue::{HandedMessage, LeasedEntry},
};

use crate::{
    board::{Follows, Job, LaneKey, Route, Said},
    capture,
    dane::Told,
    line::{Contact, Line},
    open::{NoLine, TlsNeed, Wish, open},
    outcome::{ACCESS, Attempt, release},
    policies::Asked,
    recall::Recall,
    report::{Ending, Report, Speaker},
    second_copy::EndNote,
    service::Shared,
    settler::Decision,
    suppressed,
    tls_reports::note_session,
    under_way::Turn,
    warm_up::Share,
};

/// How long everybody shares the news that a destination cannot be reached.
const DOWN_FOR: Duration = Duration::from_secs(5);
/// Pause after the store did not answer.
const STORE_PAUSE: Duration = Duration::from_millis(500);
/// Pause after the end of a message could not be noted: longer, because all of it goes over the wire each time.
const NOTE_PAUSE: Duration = Duration::from_secs(1);

/// A message as an attempt needs it.
pub(crate) struct Loaded {
    pub(crate) template: EventDetails,
    pub(crate) options: DeliveryOptions,
    size: u64,
}

/// Where a message goes, and over whose connections.
#[derive(Clone, Copy)]
pub(crate) struct Way<'a> {
    pub(crate) lane: &'a LaneKey,
    pub(crate) route: &'a Route,
    /// So many messages go over one connection.
    pub(crate) most: u32,
    /// Its part of the budget of the address that it leaves from.
    pub(crate) share: Option<&'a Share<'a>>,
    /// Why it is not known where it goes, if that was asked just now.
    pub(crate) no_route: Option<RouteError>,
    /// Tells whoever asks how far it is.
    pub(crate) turn: &'a Turn<'a>,
}

/// Makes an attempt for every entry of the job. `line` is the worker's connection, if it has one;
/// afterwards it is the one to use next.
pub(crate) async fn attempt(shared: &Shared, way: Way<'_>, line: &mut Option<Line>, job: &Job) {
    let started = Started::now(shared);
    let Some(loaded) = load(shared, job).await else { return };
    match suppressed::verdicts(shared, &loaded.template, job).await {
        Ok(verdicts) if verdicts.iter().all(Option::is_none) => {}
        Ok(verdicts) => return suppressed::end(shared, &started, &loaded.template, job, &verdicts).await,
        Err(error) => return not_now(shared, job, &error).await,
    }
    let recall = Recall::new(&shared.store, &job.entries);
    if *way.route == Route::Captured && !recall.is_due() {
        return capture::capture(shared, &loaded.template, job).await;
    }
    let _permit = tokio::select! {
        biased;
        () = recall.due() => return give_back(shared, job).await,
        permit = shared.reserve(loaded.size) => permit,
    };
    let content = match body(shared, job).await {
        Body::Here(content) => content,
        Body::Gone => return gone(shared, &started, &loaded.template, job).await,
        Body::NotNow => return,
    };
    let transaction = transaction(job, content);
    let utf8 = transaction.needs_utf8();
    let sent = tokio::select! {
        biased;
        // The connection goes with it: there is no other way to end what has begun.
        () = recall.due() => None,
        sent = send(shared, way, line, &loaded.options, (job, transaction, &recall)) => Some(sent),
    };
    match sent.filter(|_| !recall.is_due()) {
        None => give_back(shared, job).await,
        Some(Ok((contact, verdicts))) => {
            let speaker = Speaker { rules: &shared.config.bounces, host: &contact.host };
            let reports = Report::of_verdicts(speaker, &verdicts);
            heed(shared, way.lane, &reports);
            settle(shared, &started, &loaded.template, job, (&contact, Some(utf8)), reports.into_iter())
                .await;
        }
        Some(Err(Unsent::NoLine(no_line))) => {
            if no_line.report.class.slows_down() {
                heed(shared, way.lane, slice::from_ref(&no_line.report));
            }
            fail(shared, &started, &loaded.template, job, &no_line).await;
        }
        Some(Err(Unsent::Withheld)) => free_later(shared, job, NOTE_PAUSE).await,
    }
}

/// Gives a provider less at once if it asks for that or takes nothing, and more again when it takes what it gets.
fn heed(shared: &Shared, lane: &LaneKey, reports: &[Report]) {
    let has = |ending: Ending| reports.iter().any(|report| report.ending == ending);
    let asks_for_less = |report: &Report| report.ending != Ending::Delivered && report.class.slows_down();
    let said = if reports.iter().any(asks_for_less) {
        Said::Less
    } else if has(Ending::Delivered) {
        Said::Taken
    } else if reports.iter().all(|report| report.ending == Ending::Temporary) {
        Said::Later
    } else {
        Said::Never
    };
    let follows = shared.board().heard(lane, said, shared.clock.now());
    match follows {
        Follows::Nothing => {}
        Follows::Half => {
            metrics::counter!("waxseal_delivery_slowdowns_total").increment(1);
            tracing::info!("a provider asked for less: it gets half as many connections for now");
        }
        Follows::One => {
            metrics::counter!("waxseal_delivery_slowdowns_total").increment(1);
            tracing::info!("mail servers put everything off: one connection at a time asks them");
        }
        Follows::More => shared.replan.notify_one(),
    }
}

/// Frees a job that was recalled: the store ends it.
async fn give_back(shared: &Shared, job: &Job) {
    shared.settler.settle(job.entries.iter().map(release).collect()).await;
}

/// Why nothing was handed over.
enum Unsent {
    /// There is no connection to be had.
    NoLine(NoLine),
    /// Its end could not be noted here, so it was kept back.
    Withheld,
}

/// Settles a job whose destination was found unreachable a moment ago.
pub(crate) async fn give_up(shared: &Shared, route: &Route, job: &Job, no_line: NoLine) {
    let started = Started::now(shared);
    let no_line = &NoLine { report: no_line.report.about(route.told()), ..no_line };
    if let Some(loaded) = load(shared, job).await {
        fail(shared, &started, &loaded.template, job, no_line).await;
    }
}

/// When an attempt began.
pub(crate) struct Started {
    pub(crate) at: Timestamp,
    steady: Duration,
}

impl Started {
    pub(crate) fn now(shared: &Shared) -> Self {
        Self { at: shared.clock.now(), steady: shared.clock.monotonic() }
    }

    pub(crate) fn took(&self, shared: &Shared) -> Duration {
        shared.clock.monotonic().saturating_sub(self.steady)
    }
}

/// Hands the message over on the worker's connection, or on a new one.
async fn send(
    shared: &Shared,
    Way { lane, route, most, share, no_route, turn }: Way<'_>,
    line: &mut Option<Line>,
    options: &DeliveryOptions,
    (job, transaction, recall): (&Job, Transaction, &Recall),
) -> Result<(Contact, Vec<Verdict>), Unsent> {
    let wish = wish(options, shared.policies.of(shared, route).await);
    let note = |contact: Option<&Contact>| {
        if let Some(policy) = &wish.policy {
            policy.note(contact);
        }
    };
    if let Some(mut kept) = line.take() {
        let usable = kept.used < most && is_fit(shared, route, &wish, &mut kept).await;
        if usable && kept.is_ready().await {
            turn.meets(&kept.contact.host);
            let end_note = EndNote::new(&shared.store, &job.entries);
            let verdicts = kept.transact(transaction.clone(), end_note, recall.clone()).await;
            let verdicts = verdicts.ok_or(Unsent::Withheld)?;
            let contact = kept.contact.clone();
            let hung_up = verdicts.iter().all(is_hung_up);
            keep(line, kept);
            if !hung_up {
                share.inspect(|share| share.used());
                note(Some(&contact));
                return Ok((contact, verdicts));
            }
            // It ended between two messages: that says nothing about this one.
        } else {
            kept.quit().await;
        }
    }
    let mut fresh = match open(shared, route, &wish, no_route).await {
        Ok(fresh) => fresh,
        Err(no_line) => {
            // A message that asks for more than others, or whose domain does, says nothing about the destination, and
            // what is final is said to every message by itself.
            let is_news = wish.is_ordinary() && !no_line.of_policy;
            if is_news && no_line.report.ending == Ending::Temporary {
                let until = shared.clock.now() + DOWN_FOR;
                shared.board().reached(lane, Some((until, no_line.clone())));
            }
            if no_line.of_policy {
                note(None);
            }
            return Err(Unsent::NoLine(no_line));
        }
    };
    shared.board().reached(lane, None);
    turn.meets(&fresh.contact.host);
    let end_note = EndNote::new(&shared.store, &job.entries);
    let verdicts = fresh.transact(transaction, end_note, recall.clone()).await.ok_or(Unsent::Withheld)?;
    let contact = fresh.contact.clone();
    share.inspect(|share| share.used());
    note(Some(&contact));
    keep(line, fresh);
    Ok((contact, verdicts))
}

/// Whether an open connection will do for a message, whichever domain it was made for.
async fn is_fit(shared: &Shared, route: &Route, wish: &Wish, line: &mut Line) -> bool {
    let contact = &mut line.contact;
    let told = match wish.regardless {
        true => Ok(None),
        false => shared.dane.of(shared, route, contact).await,
    };
    let Ok(told) = told else { return false };
    let told = told.as_ref();
    if told.is_some_and(|told| told.flaw(contact, shared.clock.now()).is_some()) {
        return false;
    }
    contact.is_told_of = told.is_some_and(Told::authenticates);
    let fits = wish.is_met_by(contact, told);
    // For another domain it is another session.
    if fits && !line.is_counted_for(route, wish) {
        let came_of_it = line.without_tls.as_ref().map_or(Ok(()), Err);
        note_session(shared, (route, wish, told), &line.contact, came_of_it);
    }
    fits
}

fn wish(options: &DeliveryOptions, asked: Asked) -> Wish {
    let tls = match (options.require_tls, options.skip_verification) {
        (false, _) => TlsNeed::Opportunistic,
        (true, true) => TlsNeed::Encrypted,
        (true, false) => TlsNeed::Verified,
    };
    let regardless = options.tls_report;
    let (policy, no_policy) = (asked.policy.filter(|_| !regardless), asked.missing);
    Wish { tls, policy, no_policy, regardless, source: options.sending_ip }
}

/// Keeps a connection that is still of use.
fn keep(place: &mut Option<Line>, line: Line) {
    if line.session.fault().is_none() {
        *place = Some(line);
    }
}

/// Whether the peer ended the connection before it saw anything of the message.
fn is_hung_up(verdict: &Verdict) -> bool {
    match verdict {
        Verdict::Broken { stage, .. } => *stage == Stage::Mail,
        Verdict::Refused { stage, reply, .. } => *stage == Stage::Mail && reply.code() == 421,
        Verdict::Delivered(_) => false,
    }
}

fn transaction(job: &Job, content: Bytes) -> Transaction {
    let envelopes = || job.entries.iter().map(|entry| entry.envelope.open(&ACCESS));
    let utf8_headers = !headers(&content).is_ascii();
    Transaction {
        reverse_path: envelopes().next().map(|envelope| envelope.reverse_path.clone()).unwrap_or_default(),
        recipients: envelopes().map(|envelope| envelope.recipient.clone()).collect(),
        content,
        utf8_headers,
    }
}

/// The content up to the first empty line.
fn headers(content: &[u8]) -> &[u8] {
    let end = content.windows(4).position(|window| window == b"\r\n\r\n").unwrap_or(content.len());
    content.get(..end).unwrap_or_default()
}

async fn fail(shared: &Shared, started: &Started, template: &EventDetails, job: &Job, no_line: &NoLine) {
    let reports = job.entries.iter().map(|_| no_line.report.clone());
    settle(shared, started, template, job, (&no_line.contact, None), reports).await;
}

async fn gone(shared: &Shared, started: &Started, template: &EventDetails, job: &Job) {
    tracing::error!(mail = %job.message, "the content of a queued message is gone");
    let report = Report::permanent(554, "5.3.0", "The content of the message is no longer stored");
    let reports = job.entries.iter().map(|_| report.clone());
    settle(shared, started, template, job, (&Contact::default(), None), reports).await;
}

/// Commits a report for each entry. Entries without a report are freed.
async fn settle(
    shared: &Shared,
    started: &Started,
    template: &EventDetails,
    job: &Job,
    (contact, utf8): (&Contact, Option<bool>),
    reports: impl Iterator<Item = Report>,
) {
    let attempt = Attempt {
        template,
        began_at: started.at,
        took: started.took(shared),
        contact: Some(contact),
        utf8,
        may_expire: may_expire(shared, job).await,
    };
    let mut reports = reports;
    let decide = |entry: &LeasedEntry| match reports.next() {
        Some(report) => {
            tracing::info!(
                mail = %entry.message, recipient = %entry.id, attempt = entry.attempts + 1,
                to = shared.config.marks.mark(&entry.envelope.open(&ACCESS).recipient),
                code = report.code, tls = contact.tls.is_some(), ending = ?report.ending, "attempt",
            );
            attempt.decide(shared, entry, &report)
        }
        None => release(entry),
    };
    let (delivered, others): (Vec<_>, Vec<_>) =
        job.entries.iter().map(decide).partition(Decision::is_delivery);
    if !delivered.is_empty() {
        // That is what nobody may ever do again, so it is on record at once; the commit follows.
        let second = |decision: &Decision| (decision.entry, shared.second_copies.contains(decision.entry));
        shared.store.note_delivered(&delivered.iter().map(second).collect::<Vec<_>>(), shared.clock.now());
        shared.settler.leave(delivered).await;
    }
    if !others.is_empty() {
        shared.settler.settle(others).await;
    }
}

/// Whether entries whose time is over may be given up.
pub(crate) async fn may_expire(shared: &Shared, job: &Job) -> bool {
    let now = shared.clock.now();
    if job.entries.iter().all(|entry| now < entry.schedule.give_up_at) {
        return true;
    }
    // A store that does not answer is no reason to give anything up.
    shared.jump.is_trusted(&*shared.clock, &shared.store).await.unwrap_or(false)
}

/// Loads the message without its content; `None` if that is not possible now (the job is freed).
async fn load(shared: &Shared, job: &Job) -> Option<Loaded> {
    let entry = job.entries.first()?;
    if let Some(HandedMessage { stored, .. }) = job.handed.as_deref() {
        return Some(Loaded {
            options: stored.options.clone(),
            size: stored.size,
            template: stored.template.open(&ACCESS).clone(),
        });
    }
    match shared.store.message(entry.account, job.message).await {
        Ok(Some(message)) => Some(Loaded {
            options: message.options,
            size: message.size,
            template: message.template.into_open(&ACCESS),
        }),
        // Its events tell less, but it ends as it should: without content it fails.
        Ok(None) | Err(StoreError::Erased) => {
            Some(Loaded { template: EventDetails::default(), options: DeliveryOptions::default(), size: 0 })
        }
        Err(error) => {
            not_now(shared, job, &error).await;
            None
        }
    }
}

enum Body {
    Here(Bytes),
    Gone,
    NotNow,
}

async fn body(shared: &Shared, job: &Job) -> Body {
    let Some(entry) = job.entries.first() else { return Body::NotNow };
    // If it came along, and its keys have not been destroyed since.
    if let Some(message) = job.handed.as_deref()
        && shared.store.is_readable(message).await
    {
        return Body::Here(Bytes::copy_from_slice(message.content.open(&ACCESS)));
    }
    match shared.store.body(entry.account, job.message).await {
        Ok(Some(body)) => Body::Here(Bytes::from(body.into_open(&ACCESS))),
        Ok(None) | Err(StoreError::Erased) => Body::Gone,
        Err(error) => {
            not_now(shared, job, &error).await;
            Body::NotNow
        }
    }
}

/// The store does not answer: the entries are free again, after a pause.
async fn not_now(shared: &Shared, job: &Job, error: &StoreError) {
    tracing::error!(mail = %job.message, %error, "a queued message cannot be read now");
    free_later(shared, job, STORE_PAUSE).await;
}

/// A fault of ours: after a pause the entries are free again, and no attempt is counted.
async fn free_later(shared: &Shared, job: &Job, pause: Duration) {
    tokio::select! {
        biased;
        () = tokio::time::sleep(pause) => {}
        () = shared.stopping.cancelled() => {}
    }
    shared.settler.settle(job.entries.iter().map(release).collect()).await;
}

//! Sends reports when their day is over, to every place that the domain names now, and gives up what a place does not take for a
//! day.

use std::{collections::HashSet, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::future::join_all;
use tokio::task::JoinSet;
use waxseal_model::{Access, Timestamp, actor, purpose, time::Day};
use waxseal_net::http_client::{HttpPost, HttpUrl};
use waxseal_smtp::tls_rpt::Place;
use waxseal_store::{StoreError, trust::TlsReport};

use super::{
    EVERY, LATEST, TlsReporting, form,
    gather::{WITHIN as ASKED_WITHIN, wants},
    mail,
};
use crate::{archive, service::Shared};

const ACCESS: Access<purpose::Delivery> = Access::new(actor::System, purpose::Delivery);

/// What a report is called in HTTP and in mail (RFC 8460 section 6.4).
pub(super) const MEDIA_TYPE: &str = "application/tlsrpt+gzip";
/// Reports that are under way at once.
const AT_ONCE: usize = 8;
/// Reports that are read together: some of them are not under way.
const TOGETHER: u64 = 16;
/// One call takes no longer: a receiver that is slow holds up its own report.
const WITHIN: Duration = Duration::from_secs(30);
/// After a failed attempt the next comes so much later, the last one again and again.
const AGAIN: [Duration; 4] = [
    Duration::from_secs(900),
    Duration::from_secs(3_600),
    Duration::from_secs(7_200),
    Duration::from_secs(14_400),
];
/// It is tried for so long (section 5.5).
const FOR: Duration = Duration::from_secs(86_400);

/// Sends what is due each minute until delivery stops.
pub(crate) async fn run(shared: Arc<Shared>) {
    loop {
        send_due(&shared).await;
        tokio::select! {
            () = shared.stopping.cancelled() => return,
            () = shared.clock.sleep_until(shared.clock.now() + EVERY) => {}
        }
    }
}

/// Sends all that is due. A few are under way at once, and none waits for another: where one ends, the next begins.
async fn send_due(shared: &Arc<Shared>) {
    let mut under_way = JoinSet::new();
    let mut begun = HashSet::new();
    let mut waiting = Vec::new();
    let mut goes_on = true;
    loop {
        while goes_on && under_way.len() < AT_ONCE && !shared.stopping.is_cancelled() {
            if waiting.is_empty() {
                match due(shared, &begun).await {
                    Ok(due) => waiting = due,
                    Err(error) => {
                        tracing::warn!(%error, "reports about TLS cannot be read");
                        goes_on = false;
                    }
                }
            }
            let Some(report) = waiting.pop() else { break };
            begun.insert(about(&report));
            let shared = Arc::clone(shared);
            under_way.spawn(async move { (about(&report), attempt(&shared, report).await) });
        }
        match under_way.join_next().await {
            Some(Ok((report, true))) => {
                begun.remove(&report);
            }
            // One that is neither sent nor put off would come at once again.
            Some(Ok((_, false)) | Err(_)) => goes_on = false,
            None => return,
        }
    }
}

/// What a report is about: there is one for a day and a domain.
type About = (Day, String);

fn about(report: &TlsReport) -> About {
    (report.day, report.domain.clone())
}

/// Reports that are due and not under way, the oldest last.
async fn due(shared: &Shared, begun: &HashSet<About>) -> Result<Vec<TlsReport>, StoreError> {
    let due = shared.store.due_tls_reports(shared.clock.now(), TOGETHER).await?;
    let due = due.into_iter().rev().map(|report| report.into_open(&ACCESS));
    Ok(due.filter(|report| !begun.contains(&about(report))).collect())
}

/// What becomes of a report.
enum Fate {
    /// Every place has it.
    Sent,
    /// The domain wants none any more, or in no way that is known here.
    Unwanted,
    /// Some place did not take it, for a day.
    GivenUp,
    /// It is tried again, where it was not taken.
    Later { due_at: Timestamp, taken: Vec<String> },
}

/// Tries to send a report; whether what came of it is on stable storage.
async fn attempt(shared: &Shared, report: TlsReport) -> bool {
    let Some(reporting) = &shared.tls_reports.config else { return false };
    let fate = fate(shared, reporting, &report).await;
    let (day, domain) = (report.day, report.domain.as_str());
    let (outcome, settled) = match fate {
        Fate::Sent => ("sent", shared.store.end_tls_report(day, domain).await),
        Fate::Unwanted => ("unwanted", shared.store.end_tls_report(day, domain).await),
        Fate::GivenUp => ("given-up", shared.store.end_tls_report(day, domain).await),
        Fate::Later { due_at, taken } => {
            ("deferred", shared.store.postpone_tls_report(day, domain, due_at, taken).await)
        }
    };
    metrics::counter!("waxseal_tls_reports_total", "outcome" => outcome).increment(1);
    match settled {
        Ok(()) => true,
        Err(error) => {
            tracing::warn!(%error, "what became of a report about TLS cannot be written down");
            false
        }
    }
}

/// Hands a report to all places that do not have it, each by itself.
///
/// That a place took it is written down after its answer. If the process dies between both, the place gets it again, with the
/// same `report-id`: that was made when the first session of the day was written down.
async fn fate(shared: &Shared, reporting: &TlsReporting, report: &TlsReport) -> Fate {
    let wanted = tokio::time::timeout(ASKED_WITHIN, wants(shared, &report.domain)).await;
    let Ok(Ok(mut places)) = wanted else { return later(shared, report, report.taken.clone()) };
    places.retain(|place| reporting.mailer.is_some() || matches!(place, Place::Https(_)));
    if places.is_empty() {
        return Fate::Unwanted;
    }
    places.retain(|place| !report.taken.contains(&name(place)));
    let now = places
        .iter()
        .map(async |place| hand_over(shared, reporting, report, place).await.then(|| name(place)));
    let now: Vec<String> = join_all(now).await.into_iter().flatten().collect();
    if now.len() == places.len() {
        return Fate::Sent;
    }
    // A place that the DNS did not name this time has it all the same.
    let taken = report.taken.iter().cloned().chain(now).collect();
    later(shared, report, taken)
}

/// What a place is called in the store.
fn name(place: &Place) -> String {
    match place {
        Place::Https(url) => url.clone(),
        Place::Mailto(address) => format!("mailto:{address}"),
    }
}

/// Whether a place took a report.
async fn hand_over(shared: &Shared, reporting: &TlsReporting, report: &TlsReport, place: &Place) -> bool {
    let sent = match (place, &reporting.mailer) {
        (Place::Https(url), _) => post(shared, reporting, report, url).await,
        (Place::Mailto(address), Some(mailer)) => {
            mail::hand_over(&**mailer, reporting, report, address).await
        }
        (Place::Mailto(_), None) => Err("nobody sends reports by mail".into()),
    };
    if let Err(why) = &sent {
        tracing::info!(%why, "a report about TLS was not taken");
    }
    sent.is_ok()
}

fn later(shared: &Shared, report: &TlsReport, taken: Vec<String>) -> Fate {
    let index = usize::try_from(report.attempts).unwrap_or(usize::MAX).min(AGAIN.len() - 1);
    let due_at = shared.clock.now() + AGAIN.get(index).copied().unwrap_or(EVERY);
    match due_at <= report.day.end() + LATEST + FOR {
        true => Fate::Later { due_at, taken },
        false => Fate::GivenUp,
    }
}

/// Posts a report to a URL of the domain's choice (RFC 8460 section 5.4); what was not as it should be, in words of the code.
async fn post(
    shared: &Shared,
    reporting: &TlsReporting,
    report: &TlsReport,
    url: &str,
) -> Result<(), String> {
    let client = &shared.tls_reports.client;
    let url = HttpUrl::parse(url, client.rules()).map_err(|error| format!("its URL {error}"))?;
    let body = form::compressed(reporting, report).map_err(|error| error.kind().to_string())?;
    let post = HttpPost {
        url: &url,
        content_type: MEDIA_TYPE,
        headers: Vec::new(),
        body: Bytes::from(body),
        within: WITHIN,
    };
    let answer = client.post(post, shared.clock.now()).await;
    let answer = answer.map_err(|error| archive::reason(&error).to_owned())?;
    match answer.is_success() {
        true => Ok(()),
        false => Err(format!("answered {}", answer.status)),
    }
}

//! Sends reports when their day is over, by the ways that the domain names now, and gives up what nobody takes for a day.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::task::JoinSet;
use waxseal_model::{Access, Timestamp, actor, purpose};
use waxseal_net::http_client::{HttpPost, HttpUrl};
use waxseal_smtp::tls_rpt::Place;
use waxseal_store::trust::TlsReport;

use super::{EVERY, LATEST, TlsReporting, form, gather::wants, mail};
use crate::{archive, service::Shared};

const ACCESS: Access<purpose::Delivery> = Access::new(actor::System, purpose::Delivery);

/// What a report is called in HTTP and in mail (RFC 8460 section 6.4).
pub(super) const MEDIA_TYPE: &str = "application/tlsrpt+gzip";
/// Reports that are taken up together.
const TOGETHER: u64 = 8;
/// One call takes no longer.
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

/// Sends all that is due. One after another of those that are taken up together is settled before more are.
async fn send_due(shared: &Arc<Shared>) {
    while !shared.stopping.is_cancelled() {
        let due = match shared.store.due_tls_reports(shared.clock.now(), TOGETHER).await {
            Ok(due) => due,
            Err(error) => return tracing::warn!(%error, "reports about TLS cannot be read"),
        };
        if due.is_empty() {
            return;
        }
        let mut sending = JoinSet::new();
        for report in due {
            let (shared, report) = (Arc::clone(shared), report.into_open(&ACCESS));
            sending.spawn(async move { attempt(&shared, report).await });
        }
        // One that is neither sent nor put off would come at once again.
        if sending.join_all().await.contains(&false) {
            return;
        }
    }
}

/// What becomes of a report.
enum Fate {
    Sent,
    /// The domain wants none any more, or in no way that is known here.
    Unwanted,
    /// Nobody took it, for a day.
    GivenUp,
    /// It is tried again.
    Later(Timestamp),
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
        Fate::Later(due_at) => ("deferred", shared.store.postpone_tls_report(day, domain, due_at).await),
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

async fn fate(shared: &Shared, reporting: &TlsReporting, report: &TlsReport) -> Fate {
    let Ok(places) = wants(shared, &report.domain).await else { return later(shared, report) };
    let (mut ways, mut taken) = (0, false);
    for (index, place) in places.iter().enumerate() {
        let sent = match place {
            Place::Https(url) => post(shared, reporting, report, url).await,
            Place::Mailto(address) => match &reporting.mailer {
                Some(mailer) => mail::hand_over(&**mailer, reporting, report, (index, address)).await,
                None => continue,
            },
        };
        ways += 1;
        match sent {
            Ok(()) => taken = true,
            Err(why) => tracing::info!(%why, "a report about TLS was not taken"),
        }
    }
    match (ways, taken) {
        (0, _) => Fate::Unwanted,
        (_, true) => Fate::Sent,
        (_, false) => later(shared, report),
    }
}

fn later(shared: &Shared, report: &TlsReport) -> Fate {
    let index = usize::try_from(report.attempts).unwrap_or(usize::MAX).min(AGAIN.len() - 1);
    let due_at = shared.clock.now() + AGAIN.get(index).copied().unwrap_or(EVERY);
    match due_at <= report.day.end() + LATEST + FOR {
        true => Fate::Later(due_at),
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

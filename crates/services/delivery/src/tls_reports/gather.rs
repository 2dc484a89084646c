//! From the counts in memory into the store, in groups: of the domains that want to be told.

use std::{mem, pin::pin, sync::Arc, time::Duration};

use futures_util::{StreamExt as _, stream};
use tokio::time::Instant;
use waxseal_model::{time::Day, tls_results::TlsResults};
use waxseal_net::LookupError;
use waxseal_smtp::tls_rpt::{Place, places};
use waxseal_store::trust::NewTlsResults;

use super::{EARLIEST, EVERY, LATEST, counts::MOST_DOMAINS};
use crate::service::Shared;

/// Domains that are asked at once.
const AT_ONCE: usize = 16;
/// One is asked for so long: as long as a resolver takes that asks several nameservers.
pub(super) const WITHIN: Duration = Duration::from_secs(10);
/// Rows of one transaction.
const TOGETHER: usize = 200;

/// Gathers each minute until delivery stops.
pub(crate) async fn run(shared: Arc<Shared>) {
    loop {
        tokio::select! {
            () = shared.stopping.cancelled() => return,
            () = shared.clock.sleep_until(shared.clock.now() + EVERY) => {}
        }
        gather(&shared).await;
    }
}

/// Writes down what was counted since the last time. What cannot be written now stays in memory.
pub(crate) async fn gather(shared: &Arc<Shared>) {
    let _turn = shared.tls_reports.gathering.lock().await;
    // What is known goes first: it does not wait for those whose nameservers are slow.
    write_down(shared).await;
    if ask(shared).await {
        write_down(shared).await;
    }
    shared.tls_reports.counts().forget(shared.clock.now());
}

async fn write_down(shared: &Shared) {
    let now = shared.clock.now();
    let taken = shared.tls_reports.counts().take();
    for (day, mut counted) in taken {
        // Its reports may be gone by now, and nobody is told of a day twice.
        if day.end() + EARLIEST <= now {
            continue;
        }
        while !counted.is_empty() {
            let rest = counted.split_off(counted.len().min(TOGETHER));
            let group = mem::replace(&mut counted, rest);
            let rows = group.iter().map(|(domain, results)| row(shared, day, domain, results)).collect();
            match shared.store.add_tls_results(day, rows, MOST_DOMAINS as u64).await {
                Ok(0) => {}
                Ok(left_out) => {
                    metrics::counter!("waxseal_tls_sessions_uncounted_total").increment(left_out);
                }
                Err(error) => {
                    tracing::warn!(%error, "what was counted of TLS sessions cannot be written down");
                    let mut counts = shared.tls_reports.counts();
                    for (domain, results) in group.into_iter().chain(mem::take(&mut counted)) {
                        counts.put_back(day, domain, results);
                    }
                }
            }
        }
    }
}

fn row(shared: &Shared, day: Day, domain: &str, results: &TlsResults) -> NewTlsResults {
    let delay = EARLIEST + Duration::from_secs(shared.random.below((LATEST - EARLIEST).as_secs()));
    NewTlsResults {
        domain: domain.to_owned(),
        results: results.clone(),
        id: number(shared),
        due_at: day.end() + delay,
    }
}

/// Finds out of domains that were met since the last time whether they want to be told; whether any was to be asked. Each
/// has its own time, and none waits for another; of whom there is no answer within a minute is asked again.
async fn ask(shared: &Arc<Shared>) -> bool {
    let mut unknown = shared.tls_reports.counts().unknown();
    let until = Instant::now() + EVERY;
    if unknown.len() > AT_ONCE {
        // The same that do not answer are not always the first.
        let first = shared.random.below(unknown.len() as u64);
        unknown.rotate_left(usize::try_from(first).unwrap_or(0));
    }
    let is_any = !unknown.is_empty();
    let asked = unknown.into_iter().map(|domain| {
        let shared = Arc::clone(shared);
        async move { (tokio::time::timeout(WITHIN, wants(&shared, &domain)).await, domain) }
    });
    let mut answers = pin!(stream::iter(asked).buffer_unordered(AT_ONCE));
    while let Ok(Some((answer, domain))) = tokio::time::timeout_at(until, answers.next()).await {
        if let Ok(Ok(places)) = answer {
            shared.tls_reports.counts().answer(&domain, !places.is_empty());
        }
    }
    is_any
}

/// Where a domain wants its reports: nowhere, if it says nothing that can be read. An error: nobody knows.
pub(super) async fn wants(shared: &Shared, domain: &str) -> Result<Vec<Place>, LookupError> {
    match shared.net.resolver.txt(&format!("_smtp._tls.{domain}")).await {
        Ok(records) => Ok(places(records.iter().map(String::as_str)).unwrap_or_default()),
        Err(error) if error.is_temporary() => Err(error),
        Err(_) => Ok(Vec::new()),
    }
}

/// A number for a report. The first that a day of a domain gets is kept with what is counted, so each attempt bears the same,
/// also after a restart: a receiver that has the report already can tell.
fn number(shared: &Shared) -> String {
    let mut bytes = [0u8; 16];
    shared.random.fill(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

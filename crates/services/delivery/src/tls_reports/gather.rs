//! From the counts in memory into the store, in groups: of the domains that want to be told.

use std::{collections::HashMap, mem, sync::Arc};

use tokio::task::JoinSet;
use waxseal_model::time::Day;
use waxseal_net::LookupError;
use waxseal_smtp::tls_rpt::{Place, places};
use waxseal_store::trust::NewTlsResults;

use super::{EARLIEST, EVERY, LATEST};
use crate::service::Shared;

/// Domains that are asked at once.
const AT_ONCE: usize = 16;
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
    ask(shared).await;
    let now = shared.clock.now();
    let mut days: Vec<(Day, Vec<NewTlsResults>)> = Vec::new();
    for (day, domains) in shared.tls_reports.counts().iter_mut() {
        let wanted = domains.iter_mut().filter(|(_, counted)| counted.wanted == Some(true));
        let counted = wanted.filter(|(_, counted)| !counted.results.is_empty());
        days.push((
            *day,
            counted
                .map(|(domain, counted)| {
                    let spread = (LATEST - EARLIEST).as_secs();
                    let delay = EARLIEST + std::time::Duration::from_secs(shared.random.below(spread));
                    NewTlsResults {
                        domain: domain.clone(),
                        results: mem::take(&mut counted.results),
                        id: number(shared),
                        due_at: day.end() + delay,
                    }
                })
                .collect(),
        ));
    }
    for (day, mut counted) in days {
        // Its reports may be gone by now, and nobody is told of a day twice.
        if day.end() + EARLIEST <= now {
            continue;
        }
        while !counted.is_empty() {
            let rest = counted.split_off(counted.len().min(TOGETHER));
            let group = mem::replace(&mut counted, rest);
            if let Err(error) = shared.store.add_tls_results(day, group.clone()).await {
                tracing::warn!(%error, "what was counted of TLS sessions cannot be written down");
                let mut counts = shared.tls_reports.counts();
                let domains = counts.entry(day).or_default();
                for back in group.into_iter().chain(mem::take(&mut counted)) {
                    let counted = domains.entry(back.domain).or_default();
                    counted.wanted = Some(true);
                    counted.results.merge(back.results);
                }
            }
        }
    }
    shared.tls_reports.counts().retain(|day, _| now < day.end() + EARLIEST);
}

/// Finds out of each domain that was met since the last time whether it wants to be told.
async fn ask(shared: &Arc<Shared>) {
    let mut unknown: Vec<String> = Vec::new();
    for domains in shared.tls_reports.counts().values() {
        let asked = domains.iter().filter(|(_, counted)| counted.wanted.is_none());
        unknown.extend(asked.map(|(domain, _)| domain.clone()));
    }
    unknown.sort_unstable();
    unknown.dedup();
    let mut answers: HashMap<String, bool> = HashMap::new();
    for some in unknown.chunks(AT_ONCE) {
        let mut asking = JoinSet::new();
        for domain in some.iter().cloned() {
            let shared = Arc::clone(shared);
            asking.spawn(
                async move { (wants(&shared, &domain).await.map(|places| !places.is_empty()), domain) },
            );
        }
        for (wants, domain) in asking.join_all().await {
            if let Ok(wants) = wants {
                answers.insert(domain, wants);
            }
        }
    }
    for domains in shared.tls_reports.counts().values_mut() {
        for (domain, counted) in domains.iter_mut().filter(|(_, counted)| counted.wanted.is_none()) {
            counted.wanted = answers.get(domain).copied();
            if counted.wanted == Some(false) {
                counted.results = Default::default();
            }
        }
    }
}

/// Where a domain wants its reports: nowhere, if it says nothing that can be read. An error: nobody knows.
pub(super) async fn wants(shared: &Shared, domain: &str) -> Result<Vec<Place>, LookupError> {
    match shared.net.resolver.txt(&format!("_smtp._tls.{domain}")).await {
        Ok(records) => Ok(places(records.iter().map(String::as_str)).unwrap_or_default()),
        Err(error) if error.is_temporary() => Err(error),
        Err(_) => Ok(Vec::new()),
    }
}

/// A number for a report.
fn number(shared: &Shared) -> String {
    let mut bytes = [0u8; 16];
    shared.random.fill(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

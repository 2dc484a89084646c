//! What recipients' domains ask of TLS: their MTA-STS policies (RFC 8461), looked up, fetched and kept.
//!
//! Whatever fails on the way to a policy is as if there were none, unless one is kept that still holds: in memory, and in the
//! store over a restart.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::{Mutex as AsyncMutex, Semaphore};
use waxseal_model::{
    Access, Timestamp, actor, purpose,
    tls_results::{AppliedPolicy, PolicyType, ResultType},
};
use waxseal_net::{
    HttpClient, HttpRules, Net,
    http_client::{HttpAnswer, HttpError, HttpUrl},
};
use waxseal_smtp::mta_sts::{Mode, Policy, PolicyError, record_id};
use waxseal_store::{StoreError, trust::StsPolicy};

use crate::{archive, board::Route, config::DeliveryConfig, line::Contact, open::TlsNeed, service::Shared};

const ACCESS: Access<purpose::Delivery> = Access::new(actor::System, purpose::Delivery);

/// How long what was found of a domain is taken for granted, so that a domain without a policy costs one question.
const LOOK_AGAIN: Duration = Duration::from_secs(300);
/// The same for a message that has its turn on a connection: whoever made that connection has looked.
const LOOK_AGAIN_LATE: Duration = Duration::from_secs(600);
/// A policy is fetched anew after half of its time, and after this one at the latest.
const FETCH_AGAIN: Duration = Duration::from_secs(86_400);
/// A policy host takes a connection within this time.
const CONNECT: Duration = Duration::from_secs(10);
/// Fetches at once.
const AT_ONCE: usize = 32;
/// Domains remembered.
const MOST: usize = 20_000;

/// A domain's policy, in force.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct DomainPolicy {
    pub(crate) domain: String,
    policy: Policy,
    text: String,
}

/// What a domain asks for, as far as that could be found out.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked {
    pub(crate) policy: Option<Arc<DomainPolicy>>,
    /// Why there is none, though the domain says that there is.
    pub(crate) missing: Option<Arc<Missing>>,
}

/// Why a policy is not had.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Missing {
    pub(crate) result: ResultType,
    pub(crate) why: String,
}

impl DomainPolicy {
    /// Whether what it asks for has to be, and is not only watched.
    pub(crate) fn enforces(&self) -> bool {
        self.policy.mode() == Mode::Enforce
    }

    /// Whether mail for the domain may go to this server.
    pub(crate) fn allows(&self, host: &str) -> bool {
        self.policy.allows(host)
    }

    /// As a report tells of it: its lines, and the servers that it names.
    pub(crate) fn applied(&self) -> AppliedPolicy {
        let lines = self.text.lines().map(str::trim).filter(|line| !line.is_empty());
        let servers = lines.clone().filter_map(|line| line.strip_prefix("mx:")).map(str::trim);
        AppliedPolicy {
            kind: PolicyType::Sts,
            servers: servers.map(Into::into).collect(),
            lines: lines.map(Into::into).collect(),
        }
    }

    /// Notes whether a message's connection is as the policy asks, or that there was none.
    pub(crate) fn note(&self, contact: Option<&Contact>) {
        let met =
            contact.is_some_and(|contact| self.allows(&contact.host) && TlsNeed::Verified.is_met_by(contact));
        let mode = if self.enforces() { "enforce" } else { "testing" };
        let outcome = if met { "met" } else { "failed" };
        metrics::counter!("waxseal_mta_sts_messages_total", "mode" => mode, "outcome" => outcome)
            .increment(1);
    }
}

/// What is known of a domain.
#[derive(Default)]
struct Place {
    /// The store was asked what it keeps.
    recalled: bool,
    looked_at: Option<Timestamp>,
    held: Option<Held>,
    missing: Option<Arc<Missing>>,
}

/// A policy that was fetched.
struct Held {
    id: String,
    policy: Arc<DomainPolicy>,
    fetch_again: Timestamp,
    until: Timestamp,
}

impl Held {
    /// A policy that the store kept; `None` if it says nothing that can be read.
    fn kept(kept: &StsPolicy) -> Option<Self> {
        let policy = Policy::parse(kept.text.as_bytes()).ok()?;
        let (domain, text) = (kept.domain.clone(), kept.text.clone());
        let policy = Arc::new(DomainPolicy { domain, policy, text });
        Some(Self { id: kept.id.clone(), policy, fetch_again: kept.fetch_again, until: kept.until })
    }
}

/// All policies.
pub(crate) struct Policies {
    client: HttpClient,
    port: u16,
    on: bool,
    fetches: Semaphore,
    places: Mutex<HashMap<String, Arc<AsyncMutex<Place>>>>,
}

impl Policies {
    pub(crate) fn new(net: &Net, config: &DeliveryConfig) -> Self {
        let port = config.mta_sts_port;
        let rules = HttpRules { ports: vec![port], allow_private: config.http_rules.allow_private };
        Self {
            client: HttpClient::new(net.resolver.clone(), net.tls.clone(), rules, CONNECT),
            port,
            on: config.mta_sts,
            fetches: Semaphore::new(AT_ONCE),
            places: Mutex::default(),
        }
    }

    /// Finds out what a domain asks for, before it shares a connection with others: they do not wait for its hosts.
    pub(crate) async fn look(&self, shared: &Shared, domain: &str) {
        self.find(shared, domain, LOOK_AGAIN).await;
    }

    /// What the domain of a route asks for now.
    pub(crate) async fn of(&self, shared: &Shared, route: &Route) -> Asked {
        let Route::Domain(target) = route else { return Asked::default() };
        self.find(shared, &target.domain, LOOK_AGAIN_LATE).await
    }

    async fn find(&self, shared: &Shared, domain: &str, age: Duration) -> Asked {
        // Nobody publishes anything under an address.
        if !self.on || domain.starts_with('[') {
            return Asked::default();
        }
        let place = self.place(domain);
        // Whoever asks for the same domain meanwhile waits for one answer.
        let mut place = place.lock().await;
        let now = shared.clock.now();
        if !place.recalled {
            match recall(shared, domain).await {
                // What was fetched meanwhile is newer than what is kept.
                Ok(held) => (place.held, place.recalled) = (place.held.take().or(held), true),
                Err(error) => tracing::warn!(%error, "what is kept of MTA-STS policies cannot be read"),
            }
        }
        place.held.take_if(|held| held.until <= now);
        if !place.looked_at.is_some_and(|at| at <= now && now < at + age) {
            place.missing = self.refresh(shared, domain, &mut place.held).await.err().map(Arc::new);
            place.looked_at = Some(now);
        }
        match &place.held {
            None => Asked { policy: None, missing: place.missing.clone() },
            Some(held) => {
                let asks = held.policy.policy.mode() != Mode::None;
                Asked { policy: asks.then(|| Arc::clone(&held.policy)), missing: None }
            }
        }
    }

    fn place(&self, domain: &str) -> Arc<AsyncMutex<Place>> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if places.len() >= MOST && !places.contains_key(domain) {
            places.retain(|_, place| place.try_lock().is_ok_and(|place| place.held.is_some()));
            if places.len() >= MOST {
                places.clear();
            }
        }
        Arc::clone(places.entry(domain.to_owned()).or_default())
    }

    /// Asks the DNS, and fetches the policy if it is another one or was fetched long ago. A policy that holds stays where
    /// that leads to nothing (RFC 8461 sections 3.1 and 5.1).
    async fn refresh(&self, shared: &Shared, domain: &str, held: &mut Option<Held>) -> Result<(), Missing> {
        let records = shared.net.resolver.txt(&format!("_mta-sts.{domain}")).await.unwrap_or_default();
        let Some(id) = record_id(records.iter().map(String::as_str)) else { return Ok(()) };
        let now = shared.clock.now();
        if held.as_ref().is_some_and(|held| held.id == id && now < held.fetch_again) {
            return Ok(());
        }
        match self.fetch(shared, now, domain).await {
            Ok((policy, text)) => {
                let age = Duration::from_secs(policy.max_age()).max(LOOK_AGAIN);
                let domain_policy = DomainPolicy { domain: domain.to_owned(), policy, text: text.clone() };
                let policy = Arc::new(domain_policy);
                let (fetch_again, until) = (now + FETCH_AGAIN.min(age / 2), now + age);
                *held = Some(Held { id: id.to_owned(), policy, fetch_again, until });
                let (domain, id) = (domain.to_owned(), id.to_owned());
                let kept = StsPolicy { domain, id, text, fetch_again, until };
                if let Err(error) = shared.store.keep_sts_policy(kept).await {
                    tracing::warn!(%error, "an MTA-STS policy is in memory only");
                }
                Ok(())
            }
            Err(missing) => {
                metrics::counter!("waxseal_mta_sts_fetch_failures_total").increment(1);
                tracing::info!(why = %missing.why, "an MTA-STS policy cannot be fetched");
                Err(missing)
            }
        }
    }

    async fn fetch(
        &self,
        shared: &Shared,
        now: Timestamp,
        domain: &str,
    ) -> Result<(Policy, String), Missing> {
        let port = if self.port == 443 { String::new() } else { format!(":{}", self.port) };
        let url = format!("https://mta-sts.{domain}{port}/.well-known/mta-sts.txt");
        let url = HttpUrl::parse(&url, self.client.rules());
        let url = url.map_err(|error| not_fetched(format!("its URL {error}")))?;
        let _turn = self.fetches.acquire().await;
        let answer = self.client.get(&url, now, shared.config.timeouts.policy).await;
        read(&answer.map_err(|error| {
            let result = match error {
                HttpError::Tls(_) | HttpError::Certificate(_) => ResultType::StsWebpkiInvalid,
                _ => ResultType::StsPolicyFetchError,
            };
            Missing { result, why: archive::reason(&error).to_owned() }
        })?)
    }
}

/// The policy that the store kept of a domain.
async fn recall(shared: &Shared, domain: &str) -> Result<Option<Held>, StoreError> {
    let kept = shared.store.sts_policy(domain).await?;
    Ok(kept.and_then(|kept| Held::kept(kept.open(&ACCESS))))
}

/// The policy in an answer, and its text (RFC 8461 section 3.3).
fn read(answer: &HttpAnswer) -> Result<(Policy, String), Missing> {
    if answer.status != 200 {
        return Err(not_fetched(format!("answered {}", answer.status)));
    }
    if answer.media_type != "text/plain" {
        return Err(not_fetched("the answer is not text/plain".into()));
    }
    if answer.truncated {
        return Err(not_fetched("the answer is too long".into()));
    }
    let policy = Policy::parse(&answer.body);
    let invalid =
        |error: PolicyError| Missing { result: ResultType::StsPolicyInvalid, why: error.to_string() };
    let policy = policy.map_err(invalid)?;
    Ok((policy, String::from_utf8_lossy(&answer.body).into_owned()))
}

const fn not_fetched(why: String) -> Missing {
    Missing { result: ResultType::StsPolicyFetchError, why }
}

//! TLS-RPT (RFC 8460): how sessions with the servers of recipients' domains went, told to those domains that want to know.
//!
//! Sessions are counted in memory, for each domain and UTC day. Each minute it is found out which domains want to be told,
//! and what was counted of these goes into the store; the rest is forgotten. When the day is over the reports are sent.

mod counts;
mod form;
mod gather;
mod mail;
mod send;
mod session;

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::Mutex as AsyncMutex;
use waxseal_model::{
    Timestamp,
    tls_results::{AppliedPolicy, Failure},
};
use waxseal_net::{HttpClient, HttpRules, Net, guard::is_public};

use crate::{
    board::Route,
    config::DeliveryConfig,
    dane::Told,
    line::Contact,
    open::{Refusal, Wish},
    service::Shared,
};

use self::counts::Counts;
pub(crate) use self::{gather::gather, gather::run as run_gathering, send::run as run_sending};

/// A receiver takes a connection within this time.
const CONNECT: Duration = Duration::from_secs(10);
/// How often what was counted is written down, and what is due looked for.
const EVERY: Duration = Duration::from_secs(60);
/// Reports are sent no sooner after the day is over: by then all of it has been written down.
const EARLIEST: Duration = Duration::from_secs(1_800);
/// And the first attempt is made no later: not all at once (RFC 8460 section 4.1).
const LATEST: Duration = Duration::from_secs(4 * 3_600);

/// Who tells, and how.
#[derive(Debug, Clone)]
pub struct TlsReporting {
    /// Who sends reports (`organization-name`).
    pub organization: String,
    /// Whom their receivers may write to (`contact-info`).
    pub contact: String,
    /// Who takes reports that go by mail; without it these are not sent.
    pub mailer: Option<Arc<dyn ReportMailer>>,
    /// Port of those who take reports by HTTPS: 443, except in tests.
    pub https_port: u16,
    /// Whether sessions with servers on private addresses are counted: only in tests.
    pub of_private: bool,
}

impl TlsReporting {
    /// Reports by HTTPS from a server of this name.
    pub fn new(hostname: &str) -> Self {
        Self {
            organization: hostname.into(),
            contact: format!("postmaster@{hostname}"),
            mailer: None,
            https_port: 443,
            of_private: false,
        }
    }
}

/// A report as a message.
pub struct MailedReport {
    /// Whom it goes to.
    pub to: String,
    /// The whole message, but for its date and signatures.
    pub mime: Vec<u8>,
    /// The number of the report: what is handed over twice under one number for one address is sent once.
    pub id: String,
}

/// What comes of handing a report over.
pub type Mailed<'a> = Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>>;

/// Takes reports that go by mail: signs and queues them (RFC 8460 sections 3 and 5.3).
pub trait ReportMailer: fmt::Debug + Send + Sync {
    /// The domain that they come from.
    fn domain(&self) -> &str;

    /// Their sender.
    fn sender(&self) -> &str;

    /// Queues a report. When it answers, the report is on stable storage. Its error is in words of the code, without an
    /// address.
    fn mail(&self, report: MailedReport) -> Mailed<'_>;
}

/// A session, as far as a report tells of it.
struct Judged {
    policy: AppliedPolicy,
    failure: Option<Failure>,
}

/// Everything about reports.
pub(crate) struct TlsReports {
    config: Option<TlsReporting>,
    client: HttpClient,
    counts: Mutex<Counts>,
    /// Held by who writes down what was counted.
    gathering: AsyncMutex<()>,
}

impl TlsReports {
    pub(crate) fn new(net: &Net, config: &DeliveryConfig) -> Self {
        let port = config.tls_reports.as_ref().map_or(443, |reporting| reporting.https_port);
        let rules = HttpRules { ports: vec![port], allow_private: config.http_rules.allow_private };
        Self {
            config: config.tls_reports.clone(),
            client: HttpClient::new(net.resolver.clone(), net.tls.clone(), rules, CONNECT),
            counts: Mutex::default(),
            gathering: AsyncMutex::default(),
        }
    }

    /// Whether there is anything to do at all.
    pub(crate) const fn is_on(&self) -> bool {
        self.config.is_some()
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a session.
    fn count(&self, now: Timestamp, domain: &str, judge: impl FnOnce() -> Judged) {
        if !self.counts().count(now.day(), domain, judge) {
            metrics::counter!("waxseal_tls_sessions_uncounted_total").increment(1);
        }
    }

    /// Whether sessions on this route are any domain's to know: not those with relays, nor in private networks, nor those in
    /// which a report goes.
    fn domain_of<'a>(&self, route: &'a Route, wish: &Wish, contact: &Contact) -> Option<&'a str> {
        let Route::Domain(target) = route else { return None };
        let reporting = self.config.as_ref().filter(|_| !wish.regardless)?;
        let is_told = reporting.of_private || contact.address.is_none_or(is_public);
        (is_told && !target.domain.starts_with('[')).then_some(target.domain.as_str())
    }
}

/// Counts what came of a new connection: the first that was heard of TLS there.
pub(crate) fn note_session(
    shared: &Shared,
    (route, wish, told): (&Route, &Wish, Option<&Told>),
    contact: &Contact,
    result: Result<(), &Refusal>,
) {
    let Some(domain) = shared.tls_reports.domain_of(route, wish, contact) else { return };
    let Some(met) = session::Met::of(contact, result) else { return };
    let now = shared.clock.now();
    shared.tls_reports.count(now, domain, || session::judge(wish, told, contact, &met, now));
}

/// Counts that a server was passed over, because a policy does not name it or the DNS does not vouch for it.
pub(crate) fn note_passed_over(
    shared: &Shared,
    route: &Route,
    wish: &Wish,
    server: &str,
    why: PassedOver<'_>,
) {
    let contact = Contact { host: server.into(), ..Contact::default() };
    let Some(domain) = shared.tls_reports.domain_of(route, wish, &contact) else { return };
    shared.tls_reports.count(shared.clock.now(), domain, || session::passed_over(wish, &contact, why));
}

/// Why a server was passed over.
#[derive(Clone, Copy)]
pub(crate) enum PassedOver<'a> {
    /// The policy does not name it.
    NotNamed,
    /// What the DNS says of it does not hold.
    Dnssec(&'a str),
}

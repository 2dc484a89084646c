//! Getting a connection to a destination: route, addresses, TLS, fallback, until one is ready.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use tokio::time::Instant;
use waxseal_net::{LookupError, MailHost, RouteError, Source};
use waxseal_smtp::client::{Fault, Session, Settings, TlsPolicy};

use crate::{
    board::Route,
    bounce::BounceClass,
    dane::{Lack, Told},
    line::{Contact, Line, Stop},
    policies::{DomainPolicy, Missing},
    report::{Ending, Report, Speaker},
    service::Shared,
    tls_reports::{PassedOver, note_passed_over, note_session},
};

/// Addresses tried for one destination, at most.
const MAX_ADDRESSES: usize = 12;

/// What a message asks of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TlsNeed {
    /// TLS where offered.
    Opportunistic,
    /// TLS, with any certificate.
    Encrypted,
    /// TLS, with a good certificate.
    Verified,
}

impl TlsNeed {
    /// Whether a connection will do.
    pub(crate) fn is_met_by(self, contact: &Contact) -> bool {
        match self {
            Self::Opportunistic => true,
            Self::Encrypted => contact.tls.is_some(),
            Self::Verified => contact.is_verified(),
        }
    }
}

/// What a message asks of its connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wish {
    pub(crate) tls: TlsNeed,
    /// What the recipients' domain asks for.
    pub(crate) policy: Option<Arc<DomainPolicy>>,
    /// Why that is not known.
    pub(crate) no_policy: Option<Arc<Missing>>,
    /// It goes whatever servers and domains ask for.
    pub(crate) regardless: bool,
    /// The only address it may leave from.
    pub(crate) source: Option<IpAddr>,
}

impl Wish {
    /// Whether a connection will do that is as the DNS tells, if it tells anything, whichever domain it was made for.
    pub(crate) fn is_met_by(&self, contact: &Contact, told: Option<&Told>) -> bool {
        self.tls(told).is_met_by(contact)
            && self.enforced(told).is_none_or(|policy| policy.allows(&contact.host))
            && (self.source.is_none() || self.source == contact.sending_ip)
    }

    /// The policy, if it has to be kept at a server: not where the DNS itself tells of certificates (RFC 8461 section 2).
    fn enforced(&self, told: Option<&Told>) -> Option<&DomainPolicy> {
        let policy = self.policy.as_deref().filter(|policy| policy.enforces());
        policy.filter(|_| !told.is_some_and(Told::authenticates))
    }

    /// What it asks of TLS at a server, on whosever behalf.
    fn tls(&self, told: Option<&Told>) -> TlsNeed {
        match (self.enforced(told), told) {
            (Some(_), _) => TlsNeed::Verified,
            (None, Some(_)) => self.tls.max(TlsNeed::Encrypted),
            (None, None) => self.tls,
        }
    }

    /// Whether it asks for no more than most messages, but for the policy of its domain: what it meets is then news for
    /// all of them.
    pub(crate) fn is_ordinary(&self) -> bool {
        self.tls == TlsNeed::Opportunistic && self.source.is_none()
    }
}

/// No connection: the report for everybody who waits for one, and whom it was about.
#[derive(Clone)]
pub(crate) struct NoLine {
    pub(crate) report: Report,
    pub(crate) contact: Contact,
    /// Whether it is about mail servers, and not about the domain alone.
    pub(crate) of_servers: bool,
    /// Whether servers were passed over because of what one domain asks of TLS: no news for other domains.
    pub(crate) of_policy: bool,
}

/// Connects to a destination. Hosts and addresses are tried in order until one is ready to take
/// messages; if none is, the report is that of the first host that answered, or of the last try.
pub(crate) async fn open(
    shared: &Shared,
    route: &Route,
    wish: &Wish,
    no_route: Option<RouteError>,
) -> Result<Line, NoLine> {
    let began = Instant::now();
    let hosts = hosts(shared, (route, wish), no_route).await?;
    let mut failures = Failures::new(route.told());
    let mut tries = 0;
    for host in hosts {
        let (addresses, told) = match addresses(shared, (route, wish), &host).await {
            Ok(found) => found,
            Err(Unknown::Addresses(error)) => {
                failures.note_unreachable(&host.name, None, &error.to_string());
                continue;
            }
            Err(Unknown::Vouched(what, error)) => {
                let why = format!("its {what} cannot be had: {error}");
                if matches!(error, LookupError::Bogus | LookupError::ServerFailed) {
                    note_passed_over(shared, route, wish, &host.name, PassedOver::Dnssec(&why));
                }
                failures.note_untold(&host, &why);
                continue;
            }
        };
        if let Some(policy) = wish.enforced(told.as_ref()).filter(|policy| !policy.allows(&host.name)) {
            note_passed_over(shared, route, wish, &host.name, PassedOver::NotNamed);
            failures.note_forbidden(policy, &host);
            continue;
        }
        let wanted = Wanted { wish, told: told.as_ref() };
        for address in addresses {
            if tries == MAX_ADDRESSES || (tries > 0 && began.elapsed() > shared.config.timeouts.opening) {
                return Err(failures.into_result());
            }
            tries += 1;
            match knock(shared, route, &host.name, address, wanted).await {
                Ok(line) => return Ok(line),
                Err(failure) => failures.note(failure),
            }
        }
    }
    Err(failures.into_result())
}

async fn hosts(
    shared: &Shared,
    (route, wish): (&Route, &Wish),
    no_route: Option<RouteError>,
) -> Result<Vec<MailHost>, NoLine> {
    match route {
        Route::Relay(route) => {
            let relay = &route.relay;
            Ok(vec![MailHost {
                preference: 0,
                name: relay.host.clone(),
                address: relay.address(),
                vouched: false,
            }])
        }
        Route::Domain(target) => {
            let hosts = match no_route {
                Some(error) => Err(error),
                None => mail_hosts(shared, &target.domain).await,
            };
            hosts.map_err(|error| {
                if error == RouteError::Temporary(LookupError::Bogus) {
                    let why = PassedOver::Dnssec("the MX records are not as their zone signed them");
                    note_passed_over(shared, route, wish, "", why);
                }
                NoLine {
                    report: Report::of_route(error, &target.domain),
                    contact: Contact::default(),
                    of_servers: false,
                    of_policy: false,
                }
            })
        }
        Route::Captured => Ok(Vec::new()),
    }
}

/// The mail servers of a domain.
pub(crate) async fn mail_hosts(shared: &Shared, domain: &str) -> Result<Vec<MailHost>, RouteError> {
    let ways = shared.relays.last();
    shared.net.resolver.mail_hosts(domain, &ways.outbound.own_names, &*shared.random).await
}

/// What is not known of a server.
enum Unknown {
    Addresses(LookupError),
    /// That is so only for domains for which the DNS vouches.
    Vouched(&'static str, LookupError),
}

/// The addresses of a server, and what the DNS tells of its certificate.
async fn addresses(
    shared: &Shared,
    (route, wish): (&Route, &Wish),
    host: &MailHost,
) -> Result<(Vec<IpAddr>, Option<Told>), Unknown> {
    let resolver = &shared.net.resolver;
    match host.address {
        Some(address) => Ok((vec![address], None)),
        None if !host.vouched || wish.regardless => {
            let addresses = resolver.addresses(&host.name).await.map_err(Unknown::Addresses)?;
            Ok((addresses, None))
        }
        None => {
            let found = resolver.vouched_addresses(&host.name).await.map_err(|error| match error {
                LookupError::Bogus => Unknown::Vouched("addresses", error),
                error => Unknown::Addresses(error),
            })?;
            let told = shared.dane.before(shared, route, host, found.tlsa_names).await;
            Ok((found.addresses, told.map_err(|error| Unknown::Vouched("TLSA records", error))?))
        }
    }
}

/// What is asked of a connection to a server: by a message, and by the DNS.
#[derive(Clone, Copy)]
struct Wanted<'a> {
    wish: &'a Wish,
    told: Option<&'a Told>,
}

/// Tries one address; a second time in the clear if TLS was only an opportunity and failed.
async fn knock(
    shared: &Shared,
    route: &Route,
    host: &str,
    address: IpAddr,
    Wanted { wish, told }: Wanted<'_>,
) -> Result<Line, Failure> {
    let need = wish.tls(told).max(route.tls_need(address));
    let policy = if need == TlsNeed::Opportunistic { TlsPolicy::Opportunistic } else { TlsPolicy::Required };
    let place = Place { host, address, source: wish.source };
    let mut line = connect(shared, route, &place, policy).await?;
    let mut result = converse(shared, &mut line, need, told).await;
    // What follows in the clear is no session of its own.
    note_session(shared, (route, wish, told), &line.contact, result.as_ref().map(|&()| ()));
    if let (Err(Refusal::Handshake(_)), TlsPolicy::Opportunistic) = (&result, policy) {
        tracing::debug!("TLS failed, going on in the clear");
        let failed = result.err();
        line = connect(shared, route, &place, TlsPolicy::Never).await?;
        result = converse(shared, &mut line, need, told).await;
        line.without_tls = failed;
    }
    match result {
        Ok(()) => {
            line.is_counted_for(route, wish);
            Ok(line)
        }
        Err(refusal) => {
            let speaker = Speaker { rules: &shared.config.bounces, host: &line.contact.host };
            let asks = Asks { told: told.is_some(), policy: wish.enforced(told) };
            let report = Box::new(refusal.into_report(route, speaker, asks));
            Err(Failure::Spoke(line.contact, report))
        }
    }
}

/// Both ends of a connection.
struct Place<'a> {
    host: &'a str,
    address: IpAddr,
    source: Option<IpAddr>,
}

async fn connect(
    shared: &Shared,
    route: &Route,
    place: &Place<'_>,
    policy: TlsPolicy,
) -> Result<Line, Failure> {
    let Place { host, address, source } = *place;
    let port = route.port(shared.config.port);
    let unreachable =
        |words: String| Failure::Unreachable { host: host.into(), address: Some(address), words };
    let outbound = Arc::clone(&shared.relays.last().outbound);
    let turn = shared.random.below(u64::MAX);
    let leaving = match route {
        Route::Relay(_) if source.is_none() => outbound.to_relay(address, turn),
        _ => outbound.leaving(source, route.from(), address).map_err(|words| unreachable(words.into()))?,
    };
    let source = leaving.address.map_or(Source::Turn(turn), Source::Exactly);
    let connector = match route {
        Route::Relay(_) => shared.net.connector.trusting(),
        Route::Domain(_) | Route::Captured => shared.net.connector.clone(),
    };
    let stream = connector.connect(SocketAddr::new(address, port), source).await;
    let stream = stream.map_err(|error| unreachable(error.to_string()))?;
    let contact = Contact {
        host: host.trim_start_matches('[').trim_end_matches(']').into(),
        address: Some(address),
        sending_ip: stream.local_ip(),
        tls: None,
        is_told_of: false,
    };
    let settings = Settings {
        hello: leaving.hello.to_string(),
        tls: policy,
        implicit_tls: route.implicit_tls(),
        credentials: route.credentials(),
        loopback: address.is_loopback(),
        // A relay on this machine may well share our name.
        own_names: match route {
            Route::Domain(_) => Arc::clone(&outbound.own_names),
            Route::Relay(_) | Route::Captured => [].into(),
        },
    };
    Ok(Line::new(stream, Session::new(settings), contact, shared.config.timeouts.clone()))
}

/// Why a server that was reached does not take messages.
pub(crate) enum Refusal {
    Handshake(String),
    Unverified(String),
    /// The certificate is not what the DNS tells of.
    Untold(Lack),
    Fault(Fault),
}

/// Who asks for good TLS besides the message.
struct Asks<'a> {
    told: bool,
    policy: Option<&'a DomainPolicy>,
}

impl Refusal {
    /// Why there is no good TLS, if it is about that.
    fn lack_of_tls(&self) -> Option<String> {
        match self {
            Self::Handshake(why) | Self::Unverified(why) => Some(why.clone()),
            Self::Untold(lack) => Some(lack.to_string()),
            Self::Fault(Fault::NoTls) => Some("the server offers no TLS".into()),
            Self::Fault(_) => None,
        }
    }

    fn into_report(self, route: &Route, speaker: Speaker<'_>, asks: Asks<'_>) -> Report {
        match (self.lack_of_tls(), asks.policy) {
            // Where both ask, a certificate of an unknown issuer is against the policy alone.
            (Some(why), Some(policy)) => return Report::against_policy(&policy.domain, &why),
            (Some(why), None) if asks.told && !matches!(self, Self::Unverified(_)) => {
                return Report::against_dane(speaker.host, &why);
            }
            _ => {}
        }
        match self {
            Self::Handshake(why) | Self::Unverified(why) => Report::no_tls(&why),
            Self::Untold(lack) => Report::no_tls(&lack.to_string()),
            Self::Fault(fault) => {
                let mut report = Report::of_fault(speaker, &fault);
                // What a relay says about us is for its operator and ours to mend, not about the message.
                if matches!(route, Route::Relay(_)) {
                    report.ending = Ending::Temporary;
                }
                report
            }
        }
    }
}

/// Talks until the session is ready.
async fn converse(
    shared: &Shared,
    line: &mut Line,
    need: TlsNeed,
    told: Option<&Told>,
) -> Result<(), Refusal> {
    if line.session.is_secure() {
        secure(shared, line, need, told).await?;
    }
    loop {
        match line.run().await {
            Stop::Handshake => secure(shared, line, need, told).await?,
            Stop::Ready => return Ok(()),
            Stop::Finished(_) => {}
            Stop::Over => return Err(Refusal::Fault(line.session.fault().cloned().unwrap_or(Fault::Closed))),
        }
    }
}

async fn secure(shared: &Shared, line: &mut Line, need: TlsNeed, told: Option<&Told>) -> Result<(), Refusal> {
    let now = shared.clock.now();
    let secured = line.secure(&shared.net.tls, told.and_then(Told::base), now).await;
    secured.map_err(|error| Refusal::Handshake(error.to_string()))?;
    if let Some(told) = told {
        match told.flaw(&line.contact, now) {
            Some(lack) => return Err(Refusal::Untold(lack)),
            None => line.contact.is_told_of = told.authenticates(),
        }
    }
    match &line.contact.tls {
        Some(peer) if need == TlsNeed::Verified && !line.contact.is_verified() => {
            Err(Refusal::Unverified(peer.flaw.map(|flaw| flaw.to_string()).unwrap_or_default()))
        }
        _ => Ok(()),
    }
}

/// A try that led to nothing.
enum Failure {
    Unreachable { host: String, address: Option<IpAddr>, words: String },
    Spoke(Contact, Box<Report>),
}

/// All tries that led to nothing.
struct Failures<'a> {
    destination: &'a str,
    spoke: Option<NoLine>,
    last: Option<NoLine>,
    /// Whether every server tried said "never".
    final_everywhere: bool,
    of_policy: bool,
}

impl<'a> Failures<'a> {
    const fn new(destination: &'a str) -> Self {
        Self { destination, spoke: None, last: None, final_everywhere: true, of_policy: false }
    }

    fn note(&mut self, failure: Failure) {
        match failure {
            Failure::Unreachable { host, address, words } => self.note_unreachable(&host, address, &words),
            Failure::Spoke(contact, report) => {
                self.final_everywhere &= matches!(report.ending, Ending::Permanent { .. });
                self.of_policy |= report.class == BounceClass::Security;
                self.spoke.get_or_insert(NoLine {
                    report: *report,
                    contact,
                    of_servers: true,
                    of_policy: false,
                });
            }
        }
    }

    fn note_forbidden(&mut self, policy: &DomainPolicy, host: &MailHost) {
        let why = format!("{} is not among its servers", host.name);
        let contact = Contact { host: host.name.clone(), address: host.address, ..Contact::default() };
        self.note(Failure::Spoke(contact, Box::new(Report::against_policy(&policy.domain, &why))));
    }

    fn note_untold(&mut self, host: &MailHost, why: &str) {
        let contact = Contact { host: host.name.clone(), ..Contact::default() };
        self.note(Failure::Spoke(contact, Box::new(Report::against_dane(&host.name, why))));
    }

    fn note_unreachable(&mut self, host: &str, address: Option<IpAddr>, words: &str) {
        self.final_everywhere = false;
        let report = Report::unreachable(self.destination, &format!("{host}: {words}"));
        let contact = Contact { host: host.into(), address, ..Contact::default() };
        self.last = Some(NoLine { report, contact, of_servers: true, of_policy: false });
    }

    fn into_result(self) -> NoLine {
        let nothing = || NoLine {
            report: Report::unreachable(self.destination, "no host"),
            contact: Contact::default(),
            of_servers: true,
            of_policy: false,
        };
        let mut result = self.spoke.or(self.last).unwrap_or_else(nothing);
        result.of_policy = self.of_policy;
        if !self.final_everywhere {
            result.report.ending = Ending::Temporary;
        }
        result
    }
}

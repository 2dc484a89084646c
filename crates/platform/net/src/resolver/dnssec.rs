//! Answers that the DNS vouches for: validated here, up to the root's keys (RFC 4035).

use std::{path::Path, sync::Arc, time::Duration};

use hickory_resolver::{
    TokioResolver,
    proto::{
        dnssec::{Proof, TrustAnchors},
        rr::{Name, RData, Record, RecordType},
    },
};
use tokio::{sync::Mutex, time::Instant};

use super::{DnsError, Failure, LookupError, Resolver, builder, classify};
use crate::net::NetError;

/// How long nameservers that pass no signatures on are left alone.
const LOOK_AGAIN: Duration = Duration::from_secs(300);
/// Whether they still pass them on is not asked more often.
const ASK_AGAIN: Duration = Duration::from_secs(10);

/// Aliases that are followed from one name.
const ALIASES: usize = 8;

/// Whether answers are validated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dnssec {
    /// No: nothing is vouched for.
    Off,
    /// Yes, if the nameservers pass signatures on; otherwise nothing is vouched for.
    #[default]
    Auto,
    /// Yes, whatever comes of it: where signatures are missing there is no answer.
    Always,
}

/// A validating resolver, and whether its nameservers are fit for it.
#[derive(Debug)]
pub(super) struct Validator {
    resolver: TokioResolver,
    nameservers: Vec<String>,
    timeout: Duration,
    budget: Duration,
    anchors: Anchors,
    always: bool,
    fit: Mutex<Option<(bool, Instant)>>,
}

#[derive(Clone)]
struct Anchors(Arc<TrustAnchors>);

impl std::fmt::Debug for Anchors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} keys", self.0.len())
    }
}

impl Anchors {
    /// The root's keys: of a file of DNSKEY records, or those of the Internet.
    fn read(path: Option<&Path>) -> Result<Self, NetError> {
        let anchors = match path {
            None => TrustAnchors::default(),
            Some(path) => TrustAnchors::from_file(path).map_err(|error| NetError::TrustAnchor {
                path: path.display().to_string(),
                reason: error.to_string(),
            })?,
        };
        if anchors.is_empty() {
            let path = path.map(|path| path.display().to_string()).unwrap_or_default();
            return Err(NetError::TrustAnchor { path, reason: "holds no DNSKEY record of the root".into() });
        }
        Ok(Self(Arc::new(anchors)))
    }
}

impl Validator {
    pub(super) fn new(
        mode: Dnssec,
        nameservers: &[String],
        timeout: Duration,
        budget: Duration,
        anchor: Option<&Path>,
    ) -> Result<Option<Self>, NetError> {
        let anchors = Anchors::read(anchor)?;
        if mode == Dnssec::Off {
            return Ok(None);
        }
        let resolver = validating(nameservers, timeout, &anchors)?;
        let (nameservers, always) = (nameservers.to_vec(), mode == Dnssec::Always);
        Ok(Some(Self { resolver, nameservers, timeout, budget, anchors, always, fit: Mutex::default() }))
    }

    /// Whether the nameservers pass signatures on, as far as is known.
    async fn is_fit(&self) -> bool {
        if self.always {
            return true;
        }
        let mut fit = self.fit.lock().await;
        match *fit {
            Some((true, _)) => true,
            Some((false, asked)) if asked.elapsed() < LOOK_AGAIN => false,
            _ => self.find_out(&mut fit).await,
        }
    }

    /// The same after an answer that does not hold: they may have changed.
    async fn is_still_fit(&self) -> bool {
        if self.always {
            return true;
        }
        let mut fit = self.fit.lock().await;
        match *fit {
            Some((known, asked)) if asked.elapsed() < ASK_AGAIN => known,
            _ => self.find_out(&mut fit).await,
        }
    }

    async fn find_out(&self, fit: &mut Option<(bool, Instant)>) -> bool {
        let before = fit.map(|(fit, _)| fit);
        let Some(now) = self.passes_signatures_on().await else {
            // Without an answer they are what they were; at the start nobody knows, and they are asked again soon.
            let (known, now) = (before.unwrap_or(false), Instant::now());
            let asked = if known { Some(now) } else { now.checked_sub(LOOK_AGAIN - ASK_AGAIN) };
            *fit = Some((known, asked.unwrap_or(now)));
            return known;
        };
        if before != Some(now) {
            match now {
                true => tracing::info!("the nameservers pass DNSSEC signatures on: TLSA records are heeded"),
                false => {
                    tracing::warn!("the nameservers pass no DNSSEC signatures on: no TLSA record is heeded")
                }
            }
            metrics::gauge!("waxseal_dns_signatures").set(if now { 1.0 } else { 0.0 });
        }
        *fit = Some((now, Instant::now()));
        now
    }

    /// Whether the root's keys come with a signature that holds, and the absence of a record with a proof. Nothing that was
    /// kept counts. `None`: they do not answer.
    async fn passes_signatures_on(&self) -> Option<bool> {
        let afresh = validating(&self.nameservers, self.timeout, &self.anchors).ok()?;
        let is_silence =
            |error: &DnsError| matches!(classify(error), LookupError::TimedOut | LookupError::ServerFailed);
        let asked = async {
            let root = Name::root();
            match afresh.lookup(root.clone(), RecordType::DNSKEY).await {
                Err(error) if is_silence(&error) => return None,
                Err(_) => return Some(false),
                Ok(keys) if !Found::new(keys.answers(), &root, RecordType::DNSKEY).is_vouched() => {
                    return Some(false);
                }
                Ok(_) => {}
            }
            match afresh.lookup(root, RecordType::MX).await {
                Err(error) if is_silence(&error) => None,
                Err(error) => Some(error.is_no_records_found()),
                Ok(_) => Some(false),
            }
        };
        tokio::time::timeout(self.budget, asked).await.ok().flatten()
    }

    async fn ask(&self, name: Name, kind: RecordType) -> Result<Found, LookupError> {
        let asked = self.step_by_step(name, kind);
        tokio::time::timeout(self.budget, asked).await.map_err(|_| LookupError::TimedOut)?
    }

    /// hickory holds the proof that something is absent against the name that was asked for, not against the one that it
    /// stands for. So aliases are followed one by one where an answer does not hold as a whole.
    async fn step_by_step(&self, mut name: Name, kind: RecordType) -> Result<Found, LookupError> {
        let mut aliases = Vec::new();
        for _ in 0..=ALIASES {
            match self.lookup(&name, kind).await {
                Err(LookupError::Bogus) => {}
                found => return found.map(|found| found.behind(aliases)),
            }
            let found = self.lookup(&name, RecordType::CNAME).await.map_err(|_| LookupError::Bogus)?;
            let Some(target) = found.records().find_map(|data| match data {
                RData::CNAME(target) => Some(target.0.clone()),
                _ => None,
            }) else {
                break;
            };
            aliases.extend(found.answers);
            name = target;
        }
        Err(LookupError::Bogus)
    }

    async fn lookup(&self, name: &Name, kind: RecordType) -> Result<Found, LookupError> {
        let lookup = self.resolver.lookup(name.clone(), kind).await.map_err(|error| absent(&error, name))?;
        Ok(Found::new(lookup.answers(), name, kind))
    }
}

/// What an error says of a name. That there is nothing is believed of its own zone, not of some other that has no signatures.
fn absent(error: &DnsError, name: &Name) -> LookupError {
    match error {
        DnsError::Dns(Failure::NoRecordsFound(none))
            if none.soa.as_ref().is_some_and(|soa| !soa.name.zone_of(name)) =>
        {
            LookupError::Bogus
        }
        error => classify(error),
    }
}

fn validating(
    nameservers: &[String],
    timeout: Duration,
    anchors: &Anchors,
) -> Result<TokioResolver, NetError> {
    let mut builder = builder(nameservers, timeout)?.with_trust_anchor(Arc::clone(&anchors.0));
    builder.options_mut().validate = true;
    builder.build().map_err(|error| NetError::Resolver(error.to_string()))
}

/// What was found, and whether the DNS vouches for it.
#[derive(Debug)]
pub(crate) struct Found {
    /// Without signatures.
    answers: Vec<Record>,
    /// Whether anybody looked at signatures.
    validated: bool,
}

impl Found {
    /// What answers a question: the records of this kind of the name, or of the name that it stands for, and the aliases on
    /// the way there. Whatever else an answer holds is of some other name, which anybody may have signed.
    fn new(answers: &[Record], name: &Name, kind: RecordType) -> Self {
        let mut found = Vec::new();
        let mut name = name;
        for _ in 0..=ALIASES {
            let of_name =
                |wanted| move |record: &&Record| record.record_type() == wanted && record.name == *name;
            let before = found.len();
            found.extend(answers.iter().filter(of_name(kind)).cloned());
            if found.len() > before {
                break;
            }
            let Some(alias) = answers.iter().find(of_name(RecordType::CNAME)) else { break };
            found.push(alias.clone());
            let RData::CNAME(target) = &alias.data else { break };
            name = &target.0;
        }
        Self { answers: found, validated: true }
    }

    /// The same, with the aliases that led to it.
    fn behind(mut self, aliases: Vec<Record>) -> Self {
        self.answers.splice(0..0, aliases);
        self
    }

    /// Whether every record is vouched for, aliases on the way included.
    pub(crate) fn is_vouched(&self) -> bool {
        self.validated && !self.answers.is_empty() && self.answers.iter().all(is_secure)
    }

    /// What the records say, aliases on the way included.
    pub(crate) fn records(&self) -> impl Iterator<Item = &RData> {
        self.answers.iter().map(|record| &record.data)
    }

    /// The name that has the records, if there is an alias on the way to it, and whether the first alias is vouched for.
    pub(crate) fn alias(&self) -> Option<(&Name, bool)> {
        let is_alias = |record: &&Record| record.record_type() == RecordType::CNAME;
        let first = self.answers.iter().find(is_alias)?;
        let last =
            self.answers.iter().find(|record| !is_alias(record)).map_or(&first.name, |last| &last.name);
        Some((last, self.validated && is_secure(first)))
    }
}

fn is_secure(record: &Record) -> bool {
    record.proof == Proof::Secure
}

impl Resolver {
    /// Whether answers are validated: otherwise nothing is vouched for, and there is no need to ask.
    pub async fn is_validating(&self) -> bool {
        match &self.validator {
            Some(validator) => validator.is_fit().await,
            None => false,
        }
    }

    /// Asks for records and whether the DNS vouches for them. An answer that is not as its zone signed it is an error.
    pub(crate) async fn vouched(&self, name: &str, kind: RecordType) -> Result<Found, LookupError> {
        match &self.validator {
            Some(validator) if validator.is_fit().await => {
                let found = validator.ask(super::fqdn(name)?, kind).await;
                if matches!(found, Err(LookupError::Bogus)) {
                    // What is known to be signed is not believed without, but the next question may go another way.
                    validator.is_still_fit().await;
                }
                found
            }
            // The name was vouched for a moment ago.
            Some(_) => Err(LookupError::Bogus),
            None => self.unvouched(name, kind).await,
        }
    }

    /// The same for the first question about a domain, of which nothing is known yet: with nameservers that pass no
    /// signatures on any more it is answered as if nobody had ever signed anything.
    pub(crate) async fn vouched_or_not(&self, name: &str, kind: RecordType) -> Result<Found, LookupError> {
        if !self.is_validating().await {
            return self.unvouched(name, kind).await;
        }
        match self.vouched(name, kind).await {
            Err(LookupError::Bogus) if !self.is_validating().await => self.unvouched(name, kind).await,
            found => found,
        }
    }

    async fn unvouched(&self, name: &str, kind: RecordType) -> Result<Found, LookupError> {
        let answers = self.ask(name, kind).await?;
        Ok(Found { validated: false, ..Found::new(&answers, &super::fqdn(name)?, kind) })
    }
}

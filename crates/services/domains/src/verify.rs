//! Looking whether a domain's records are published, and saying in plain words what is missing.

use std::collections::HashSet;

use waxseal_net::{LookupError, Published, SpfVerdict};
use waxseal_store::{
    StoreError,
    domain::{Checked, Domain, DomainChange, DomainKind, DomainState, RecordState},
};

use crate::{
    dns::{DnsPurpose, DnsRecord},
    domain::Domains,
    tend::begin,
};

/// Values kept of what is published at a name, and bytes of each.
const MOST_FOUND: usize = 5;
const MOST_BYTES: usize = 512;

impl Domains {
    /// Asks the DNS for the domain's records and keeps what it says. Keys that waited for their records sign from then on, and
    /// a domain that waited for them may send if its sender policy is published and a key signs. `None`: there is no such
    /// domain any more.
    pub async fn verify(&self, domain: &Domain) -> Result<Option<Domain>, StoreError> {
        let records = self.dns_records(domain).await?;
        let checked = self.look(domain, &records).await;
        let mut seen = HashSet::new();
        for kept in self.signing_keys(domain).await? {
            let state = checked.of(kept.record.record_type, &kept.record.name, &kept.record.value);
            if state.is_some_and(|state| state.is_valid == Some(true)) {
                seen.insert(kept.key.id);
            }
        }
        let signed_above = self.authority(domain).await?.id != domain.id;
        let may_send = domain.kind == DomainKind::Sandbox || has_policy(&records, &checked);
        let now = self.now();
        let change = |change: &mut DomainChange| {
            change.settings.details.checked = Some(checked.clone());
            begin(change, &seen, now);
            let is_signed = signed_above || change.keys.iter().any(|key| key.active);
            if may_send && is_signed && change.state == DomainState::Unverified {
                change.state = DomainState::Active;
            }
            if change.settings.details.rotation.awaits_any() {
                change.tend_at = Some(now);
            }
        };
        self.change(domain, change).await
    }

    /// What the DNS says of the domain's records; nothing is kept of it.
    pub async fn look_at_records(&self, domain: &Domain) -> Result<Checked, StoreError> {
        let records = self.dns_records(domain).await?;
        Ok(self.look(domain, &records).await)
    }

    /// What the DNS says of these records of a domain.
    pub(crate) async fn look(&self, domain: &Domain, records: &[DnsRecord]) -> Checked {
        let mut found = Vec::with_capacity(records.len());
        for record in records {
            let seen = match self.published() {
                Some(published) => look_at(published, domain, record, self.hostname()).await,
                None => Seen::unknown("this server asks no DNS"),
            };
            found.push(RecordState {
                record_type: record.record_type.to_owned(),
                name: record.name.clone(),
                value: record.value.clone(),
                is_valid: seen.is_valid,
                found: bounded(seen.found),
                problem: seen.problem,
            });
        }
        Checked { at: self.now().as_micros(), records: found }
    }

    /// Whether the DNS has this record.
    pub(crate) async fn is_published(&self, domain: &Domain, record: &DnsRecord) -> bool {
        match self.published() {
            Some(published) => {
                look_at(published, domain, record, self.hostname()).await.is_valid == Some(true)
            }
            None => false,
        }
    }
}

/// What is published where a record should be.
struct Seen {
    is_valid: Option<bool>,
    found: Vec<String>,
    problem: String,
}

impl Seen {
    fn valid(found: Vec<String>) -> Self {
        Self { is_valid: Some(true), found, problem: String::new() }
    }

    fn invalid(found: Vec<String>, problem: String) -> Self {
        Self { is_valid: Some(false), found, problem }
    }

    fn unknown(why: &str) -> Self {
        Self {
            is_valid: None,
            found: Vec::new(),
            problem: format!("The DNS could not be asked ({why}). Try again in a few minutes."),
        }
    }
}

/// Whether the sender policy lets this server in.
fn has_policy(records: &[DnsRecord], checked: &Checked) -> bool {
    records.iter().filter(|record| record.purpose == DnsPurpose::Spf).any(|record| {
        let state = checked.of(record.record_type, &record.name, &record.value);
        state.is_some_and(|state| state.is_valid == Some(true))
    })
}

async fn look_at(published: &Published, domain: &Domain, record: &DnsRecord, hostname: &str) -> Seen {
    match record.purpose {
        DnsPurpose::Dkim => dkim(published, record).await,
        DnsPurpose::Spf => spf(published, record, hostname).await,
        DnsPurpose::ReturnPath | DnsPurpose::Receiving => mx(published, record).await,
        DnsPurpose::Dmarc => dmarc(published, domain, record).await,
        DnsPurpose::Tracking => tracking(published, record).await,
    }
}

/// The answers to a question: none where there is nothing.
fn or_none<T: Default>(answer: Result<T, LookupError>) -> Result<T, LookupError> {
    match answer {
        Err(error) if !error.is_temporary() => Ok(T::default()),
        answer => answer,
    }
}

async fn dkim(published: &Published, record: &DnsRecord) -> Seen {
    let found = match or_none(published.records.txt(&record.name).await) {
        Ok(found) => found,
        Err(error) => return Seen::unknown(&error.to_string()),
    };
    if found.iter().any(|text| is_same_key(&record.value, text)) {
        return Seen::valid(found);
    }
    let name = &record.name;
    let problem = if found.is_empty() {
        format!(
            "There is no TXT record at {name}: receivers cannot check signatures. Publish the value shown."
        )
    } else {
        format!("The TXT record at {name} has another key: signatures fail. Replace it with the value shown.")
    };
    Seen::invalid(found, problem)
}

async fn spf(published: &Published, record: &DnsRecord, hostname: &str) -> Seen {
    let name = &record.name;
    let found = match or_none(published.records.txt(name).await) {
        Ok(found) => found.into_iter().filter(|text| is_spf(text)).collect::<Vec<_>>(),
        Err(error) => return Seen::unknown(&error.to_string()),
    };
    let ours = match or_none(published.addresses(hostname).await) {
        Ok(ours) if !ours.is_empty() => ours,
        Ok(_) => return Seen { problem: nameless(hostname), ..Seen::unknown("") },
        Err(error) => return Seen::unknown(&error.to_string()),
    };
    for address in ours {
        let verdict = match found.len() {
            // Of several none counts (RFC 7208 section 4.5).
            2.. => SpfVerdict::Broken,
            _ => published.may_send(address, hostname, name).await,
        };
        let problem = match verdict {
            SpfVerdict::Pass => continue,
            SpfVerdict::Unknown => return Seen::unknown("it did not answer for the whole policy"),
            SpfVerdict::NoPolicy => {
                format!(
                    "There is no SPF record at {name}: receivers doubt its mail. Publish the value shown."
                )
            }
            SpfVerdict::NotPass => format!(
                "The SPF record at {name} does not let this server ({address}) send. Put `a:{hostname}` into it, \
                 before the term that ends in `all`."
            ),
            SpfVerdict::Broken => format!(
                "The SPF record at {name} cannot be used: there are several, one has a mistake, or it needs more than \
                 10 look-ups (RFC 7208). Keep one, with `a:{hostname}` in it."
            ),
        };
        return Seen::invalid(found, problem);
    }
    Seen::valid(found)
}

/// No policy can let in a server without an address.
fn nameless(hostname: &str) -> String {
    format!(
        "This server's own name, {hostname}, has no address in the DNS, so that no SPF record can let it in. Its operator has \
         to publish one: it is `hostname` in the configuration."
    )
}

async fn mx(published: &Published, record: &DnsRecord) -> Seen {
    let (name, host) = (&record.name, &record.value);
    let hosts = match published.records.mx(name).await {
        Ok(found) => found.records.into_iter().map(|mx| mx.exchange).collect::<Vec<_>>(),
        Err(error) if error.is_temporary() => return Seen::unknown(&error.to_string()),
        Err(_) => Vec::new(),
    };
    if hosts.iter().any(|found| found.eq_ignore_ascii_case(host)) {
        return Seen::valid(hosts);
    }
    let instead = if hosts.is_empty() { "it has none".to_owned() } else { "it leads elsewhere".to_owned() };
    let problem = format!(
        "{name} has no MX record that leads to {host} ({instead}): bounces and replies do not come back. Publish the \
         value shown, or set a host of its own for bounces with mailfrom_host."
    );
    Seen::invalid(hosts, problem)
}

async fn dmarc(published: &Published, domain: &Domain, record: &DnsRecord) -> Seen {
    // A policy above the domain counts for it too (RFC 9989 section 4.10).
    let mut above = domain.name.as_str();
    loop {
        match or_none(published.records.txt(&format!("_dmarc.{above}")).await) {
            Ok(found) => match found.iter().filter(|text| is_dmarc(text)).count() {
                0 => {}
                1 => return Seen::valid(found),
                // Of several none counts (RFC 7489 section 6.6.3).
                _ => {
                    let problem =
                        format!("There are several DMARC records at _dmarc.{above}: none counts. Keep one.");
                    return Seen::invalid(found, problem);
                }
            },
            Err(error) => return Seen::unknown(&error.to_string()),
        }
        match above.split_once('.') {
            Some((_, rest)) if rest.contains('.') => above = rest,
            _ => break,
        }
    }
    let problem = format!(
        "There is no DMARC record at {} or above: large providers ask senders for one. Publish the value shown.",
        record.name
    );
    Seen::invalid(Vec::new(), problem)
}

async fn tracking(published: &Published, record: &DnsRecord) -> Seen {
    let (name, host) = (&record.name, &record.value);
    match published.records.cname(name).await {
        Ok(target) if target.eq_ignore_ascii_case(host) => return Seen::valid(vec![target]),
        Err(error) if error.is_temporary() => return Seen::unknown(&error.to_string()),
        _ => {}
    }
    let (here, there) =
        match (or_none(published.addresses(name).await), or_none(published.addresses(host).await)) {
            (Ok(here), Ok(there)) => (here, there),
            (Err(error), _) | (_, Err(error)) => return Seen::unknown(&error.to_string()),
        };
    let found: Vec<String> = here.iter().map(ToString::to_string).collect();
    if here.iter().any(|address| there.contains(address)) {
        return Seen::valid(found);
    }
    let problem = format!(
        "{name} does not lead to {host}: tracked links and pixels would not work. Publish the CNAME shown, or turn \
         tracking off."
    );
    Seen::invalid(found, problem)
}

/// Whether a verifier reads the same key out of what is published, for signatures such as ours (RFC 6376 section 3.6.1).
fn is_same_key(ours: &str, published: &str) -> bool {
    let or = |text: &str, name: &str, usual: &str| tag(text, name).unwrap_or_else(|| usual.to_owned());
    let lists = |name: &str, wanted: &[&str]| match tag(published, name) {
        None => true,
        Some(all) => all.split(':').any(|word| wanted.iter().any(|wanted| word.eq_ignore_ascii_case(wanted))),
    };
    let version = match tag(published, "v") {
        None => true,
        // It stands first where it stands.
        Some(version) => version == "DKIM1" && published.trim_start().starts_with('v'),
    };
    version
        && tag(published, "p") == tag(ours, "p")
        && or(published, "k", "rsa") == or(ours, "k", "rsa")
        && lists("h", &["sha256"])
        && lists("s", &["*", "email"])
}

/// A tag of a list such as `v=DKIM1; p=abc`, without white space.
fn tag(text: &str, name: &str) -> Option<String> {
    let value = text.split(';').find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        (key.trim() == name).then_some(value)
    });
    value.map(|value| value.split_ascii_whitespace().collect())
}

fn is_spf(text: &str) -> bool {
    text.split(' ').next().is_some_and(|version| version.eq_ignore_ascii_case("v=spf1"))
}

fn is_dmarc(text: &str) -> bool {
    tag(text, "v").is_some_and(|version| version == "DMARC1")
}

/// What is kept of values that strangers publish.
fn bounded(found: Vec<String>) -> Vec<String> {
    let cut = |mut text: String| {
        if text.len() > MOST_BYTES {
            text.truncate(text.floor_char_boundary(MOST_BYTES));
        }
        text
    };
    found.into_iter().take(MOST_FOUND).map(cut).collect()
}

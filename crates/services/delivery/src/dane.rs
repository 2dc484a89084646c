//! What the DNS tells of the certificates of recipients' servers: DANE (RFC 7672).
//!
//! It counts for a message where the DNS vouches for the whole way from its domain to the server. So it is asked with each
//! message, like the policies of domains: a connection that is good enough for one domain is not for another.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use thiserror::Error;
use waxseal_model::Timestamp;
use waxseal_net::{
    LookupError, MailHost,
    client_tls::Flaw,
    dane::{Tlsa, mismatch},
};

use crate::{board::Route, line::Contact, open::mail_hosts, service::Shared};

/// How long what was found counts for connections that are open.
const LOOK_AGAIN: Duration = Duration::from_secs(300);
/// Domains, and servers, remembered.
const MOST: usize = 20_000;

/// What the DNS tells of a server's certificate, for mail to one domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    tlsa: Tlsa,
    /// The name whose records these are.
    base: String,
    /// Names besides that for which an issuer's certificate is good (RFC 7672 section 3.2.2).
    names: [String; 2],
}

impl Told {
    /// Whether it tells of certificates, and does not only ask for TLS.
    pub(crate) const fn authenticates(&self) -> bool {
        matches!(self.tlsa, Tlsa::Certificate(_))
    }

    /// The name under which the server has the certificate that is told of: it is asked for by that (RFC 7672 section 8.1).
    pub(crate) fn base(&self) -> Option<&str> {
        self.authenticates().then_some(&*self.base)
    }

    /// The records, as a zone file spells them.
    pub(crate) fn lines(&self) -> Vec<String> {
        match &self.tlsa {
            Tlsa::AnyCertificate => Vec::new(),
            Tlsa::Certificate(told) => told.iter().map(ToString::to_string).collect(),
        }
    }

    /// Why a connection is not as told; `None`: it is.
    pub(crate) fn flaw(&self, contact: &Contact, now: Timestamp) -> Option<Lack> {
        match (&self.tlsa, &contact.tls) {
            (_, None) => Some(Lack::Tls),
            (Tlsa::AnyCertificate, Some(_)) => None,
            (Tlsa::Certificate(told), Some(peer)) => {
                let names: Vec<_> = [&self.base].into_iter().chain(&self.names).map(String::as_str).collect();
                mismatch(peer, told, &names, now).map(Lack::Certificate)
            }
        }
    }
}

/// What a connection lacks of what is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum Lack {
    #[error("there is no TLS")]
    Tls,
    #[error("{0}")]
    Certificate(Flaw),
}

/// What the DNS tells of servers that were asked for a moment ago.
#[derive(Default)]
pub(crate) struct Dane {
    domains: Mutex<Kept<Option<Arc<[String]>>>>,
    servers: Mutex<Kept<Option<Server>>>,
}

/// The name under which a server has records, and what they ask for.
type Server = (String, Tlsa);

type Kept<T> = HashMap<String, (Timestamp, T)>;

impl Dane {
    /// What is told of the server of an open connection, for mail that takes this route. An error: the connection must not
    /// be used.
    pub(crate) async fn of(
        &self,
        shared: &Shared,
        route: &Route,
        contact: &Contact,
    ) -> Result<Option<Told>, LookupError> {
        let Route::Domain(target) = route else { return Ok(None) };
        let domain = &*target.domain;
        if !shared.net.resolver.is_validating().await {
            return Ok(None);
        }
        let hosts = match recall(&self.domains, domain, shared.clock.now()) {
            Some(hosts) => hosts,
            None => {
                let found = mail_hosts(shared, domain).await.map_err(|_| LookupError::ServerFailed)?;
                let vouched = found.iter().all(|host| host.vouched);
                let hosts = vouched.then(|| found.into_iter().map(|host| host.name).collect());
                keep(&self.domains, domain, shared.clock.now(), &hosts);
                hosts
            }
        };
        let Some(hosts) = hosts else { return Ok(None) };
        if !hosts.contains(&contact.host) {
            // Nobody vouches for its being a server of the domain any more.
            return Err(LookupError::NoRecord);
        }
        let server = match recall(&self.servers, &contact.host, shared.clock.now()) {
            Some(server) => server,
            None => {
                let found = shared.net.resolver.vouched_addresses(&contact.host).await?;
                self.ask(shared, &contact.host, found.tlsa_names).await?
            }
        };
        Ok(server.map(|server| told(server, domain, &contact.host)))
    }

    /// What is told of a server before it is connected to, which may have TLSA records under these names.
    pub(crate) async fn before(
        &self,
        shared: &Shared,
        route: &Route,
        host: &MailHost,
        tlsa_names: Vec<String>,
    ) -> Result<Option<Told>, LookupError> {
        let Route::Domain(target) = route else { return Ok(None) };
        let domain = &*target.domain;
        let server = self.ask(shared, &host.name, tlsa_names).await?;
        Ok(server.map(|server| told(server, domain, &host.name)))
    }

    async fn ask(
        &self,
        shared: &Shared,
        host: &str,
        tlsa_names: Vec<String>,
    ) -> Result<Option<Server>, LookupError> {
        let server = shared.net.resolver.tlsa(&tlsa_names, shared.config.port).await?;
        keep(&self.servers, host, shared.clock.now(), &server);
        Ok(server)
    }
}

fn told((base, tlsa): Server, domain: &str, host: &str) -> Told {
    Told { tlsa, base, names: [host.into(), domain.into()] }
}

fn recall<T: Clone>(kept: &Mutex<Kept<T>>, name: &str, now: Timestamp) -> Option<T> {
    let kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    let (since, value) = kept.get(name)?;
    (*since <= now && now < *since + LOOK_AGAIN).then(|| value.clone())
}

fn keep<T: Clone>(kept: &Mutex<Kept<T>>, name: &str, now: Timestamp, value: &T) {
    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    if kept.len() >= MOST && !kept.contains_key(name) {
        kept.clear();
    }
    kept.insert(name.into(), (now, value.clone()));
}

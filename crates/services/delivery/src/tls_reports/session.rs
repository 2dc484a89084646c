//! One session in the terms of a report: which policy applied, and what went wrong (RFC 8460 section 4.3).

use waxseal_model::{
    Timestamp,
    tls_results::{AppliedPolicy, Failure, PolicyType, ResultType},
};
use waxseal_net::client_tls::Flaw;
use waxseal_smtp::client::Fault;

use super::{Judged, PassedOver};
use crate::{
    dane::{Lack, Told},
    line::Contact,
    open::{Refusal, Wish},
};

/// The longest reason, in characters.
const REASON: usize = 120;

/// How far a session came with TLS.
pub(super) enum Met<'a> {
    /// It was under TLS.
    Tls,
    /// The server offers none.
    NoTls,
    /// The handshake failed.
    Handshake(&'a str),
}

impl<'a> Met<'a> {
    /// `None`: it ended before anybody spoke of TLS.
    pub(super) fn of(contact: &Contact, result: Result<(), &'a Refusal>) -> Option<Self> {
        match result {
            Err(Refusal::Handshake(why)) => Some(Self::Handshake(why)),
            _ if contact.tls.is_some() => Some(Self::Tls),
            Ok(()) | Err(Refusal::Fault(Fault::NoTls)) => Some(Self::NoTls),
            Err(_) => None,
        }
    }
}

pub(super) fn judge(
    wish: &Wish,
    told: Option<&Told>,
    contact: &Contact,
    met: &Met<'_>,
    now: Timestamp,
) -> Judged {
    let policy = match (told, &wish.policy) {
        (Some(told), _) => tlsa(told.lines()),
        (None, Some(policy)) => policy.applied(),
        (None, None) => none(),
    };
    let failed = |result, reason: Option<String>| Some(failure(contact, result, reason));
    match met {
        Met::NoTls => Judged { policy, failure: failed(ResultType::StarttlsNotSupported, None) },
        Met::Handshake(why) => {
            Judged { policy, failure: failed(ResultType::ValidationFailure, Some((*why).into())) }
        }
        Met::Tls => match (told, &wish.policy, &wish.no_policy) {
            (Some(told), ..) if !told.authenticates() => {
                Judged { policy, failure: failed(ResultType::TlsaInvalid, None) }
            }
            (Some(told), ..) => {
                let flaw = match told.flaw(contact, now) {
                    Some(Lack::Certificate(flaw)) => Some(flaw),
                    Some(Lack::Tls) | None => None,
                };
                Judged { policy, failure: flaw.map(|flaw| of_certificate(contact, flaw)) }
            }
            (None, Some(asked), _) if !asked.allows(&contact.host) => {
                passed_over(wish, contact, PassedOver::NotNamed)
            }
            (None, Some(_), _) => {
                let flaw = contact.tls.as_ref().and_then(|peer| peer.flaw);
                Judged { policy, failure: flaw.map(|flaw| of_certificate(contact, flaw)) }
            }
            (None, None, Some(missing)) => {
                let policy = AppliedPolicy { kind: PolicyType::Sts, ..none() };
                Judged { policy, failure: failed(missing.result, Some(missing.why.clone())) }
            }
            (None, None, None) => Judged { policy, failure: None },
        },
    }
}

pub(super) fn passed_over(wish: &Wish, contact: &Contact, why: PassedOver<'_>) -> Judged {
    match (why, &wish.policy) {
        (PassedOver::NotNamed, asked) => {
            let policy = asked.as_ref().map_or_else(none, |asked| asked.applied());
            let why = "the server is none that the policy names".to_owned();
            Judged { policy, failure: Some(failure(contact, ResultType::ValidationFailure, Some(why))) }
        }
        (PassedOver::Dnssec(why), _) => {
            let failure = failure(contact, ResultType::DnssecInvalid, Some(why.into()));
            Judged { policy: tlsa(Vec::new()), failure: Some(failure) }
        }
    }
}

fn of_certificate(contact: &Contact, flaw: Flaw) -> Failure {
    let result = match flaw {
        Flaw::Expired => ResultType::CertificateExpired,
        Flaw::OtherName => ResultType::CertificateHostMismatch,
        Flaw::Missing | Flaw::NotYet | Flaw::UnknownIssuer | Flaw::Revoked | Flaw::Invalid | Flaw::Untold => {
            ResultType::CertificateNotTrusted
        }
    };
    failure(contact, result, Some(flaw.to_string()))
}

fn failure(contact: &Contact, result: ResultType, reason: Option<String>) -> Failure {
    Failure {
        result,
        sending_ip: contact.sending_ip,
        server: (!contact.host.is_empty()).then(|| contact.host.clone()),
        receiving_ip: contact.address,
        reason: reason.map(|reason| reason.chars().filter(|c| !c.is_control()).take(REASON).collect()),
    }
}

const fn none() -> AppliedPolicy {
    AppliedPolicy { kind: PolicyType::NoPolicyFound, lines: Vec::new(), servers: Vec::new() }
}

const fn tlsa(lines: Vec<String>) -> AppliedPolicy {
    AppliedPolicy { kind: PolicyType::Tlsa, lines, servers: Vec::new() }
}

//! How connections to the mail servers of a domain went, in the terms of TLS-RPT (RFC 8460 section 4).
//!
//! Everything is bounded: a domain decides how many servers and policies it has, and not how much of that is kept.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// Policies of one domain on one day; more are not told apart from nothing.
const MOST_POLICIES: usize = 8;
/// Kinds of failures under one policy; of more only the number counts.
const MOST_FAILURES: usize = 100;

/// What was asked of a connection (section 4.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PolicyType {
    /// The domain's MTA-STS policy.
    Sts,
    /// The server's TLSA records.
    Tlsa,
    /// Nothing.
    NoPolicyFound,
}

/// What went wrong (section 4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ResultType {
    /// The server offers no TLS.
    StarttlsNotSupported,
    /// Its certificate is for another name.
    CertificateHostMismatch,
    /// Its certificate is past its time.
    CertificateExpired,
    /// Its certificate is not to be trusted for another reason.
    CertificateNotTrusted,
    /// Something else.
    ValidationFailure,
    /// None of its TLSA records can be used.
    TlsaInvalid,
    /// What the DNS says of it does not hold.
    DnssecInvalid,
    /// There are no TLSA records where the sender is set to want some. Waxseal has no such setting.
    DaneRequired,
    /// The policy of the domain cannot be fetched.
    StsPolicyFetchError,
    /// The policy of the domain cannot be read.
    StsPolicyInvalid,
    /// The host of the policy has no good certificate.
    StsWebpkiInvalid,
}

/// A policy as it was applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppliedPolicy {
    /// Its type.
    pub kind: PolicyType,
    /// Its lines, or its records; none if there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<String>,
    /// The servers that it names, as it names them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub servers: Vec<String>,
}

/// A kind of failure: sessions that are alike in all of this are counted together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What went wrong.
    pub result: ResultType,
    /// The address that the session left from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sending_ip: Option<IpAddr>,
    /// Name of the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// Address of the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receiving_ip: Option<IpAddr>,
    /// In words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What came of the sessions under one policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyResults {
    /// The policy.
    pub policy: AppliedPolicy,
    /// Sessions that went as it asks.
    pub successes: u64,
    /// Sessions that did not.
    pub failures: u64,
    /// How these went wrong, and how many of each kind: the sum may be smaller.
    pub details: Vec<(Failure, u64)>,
}

/// What came of the sessions with one domain's servers, by policy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsResults(Vec<PolicyResults>);

impl TlsResults {
    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// By policy.
    pub fn policies(&self) -> &[PolicyResults] {
        &self.0
    }

    /// Counts a session; without a failure it went as the policy asks.
    pub fn count(&mut self, policy: AppliedPolicy, failure: Option<Failure>) {
        let (successes, failures) = if failure.is_some() { (0, 1) } else { (1, 0) };
        let details = failure.into_iter().map(|failure| (failure, 1)).collect();
        self.add(PolicyResults { policy, successes, failures, details });
    }

    /// Adds what was counted elsewhere.
    pub fn merge(&mut self, other: Self) {
        other.0.into_iter().for_each(|results| self.add(results));
    }

    fn add(&mut self, more: PolicyResults) {
        let Some(known) = self.0.iter_mut().find(|known| known.policy == more.policy) else {
            if self.0.len() < MOST_POLICIES {
                self.0.push(more);
            }
            return;
        };
        known.successes = known.successes.saturating_add(more.successes);
        known.failures = known.failures.saturating_add(more.failures);
        for (failure, count) in more.details {
            let like = known.details.iter().position(|(like, _)| *like == failure);
            if let Some((_, sum)) = like.and_then(|index| known.details.get_mut(index)) {
                *sum = sum.saturating_add(count);
            } else if known.details.len() < MOST_FAILURES {
                known.details.push((failure, count));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn none() -> AppliedPolicy {
        AppliedPolicy { kind: PolicyType::NoPolicyFound, lines: Vec::new(), servers: Vec::new() }
    }

    fn failure(server: &str) -> Failure {
        let result = ResultType::StarttlsNotSupported;
        Failure { result, sending_ip: None, server: Some(server.into()), receiving_ip: None, reason: None }
    }

    #[test]
    fn sessions_that_are_alike_are_one_number() {
        let (mut one, mut other) = (TlsResults::default(), TlsResults::default());
        one.count(none(), None);
        for server in ["a.example", "b.example", "a.example"] {
            one.count(none(), Some(failure(server)));
        }
        other.count(none(), Some(failure("b.example")));
        other.count(AppliedPolicy { kind: PolicyType::Sts, ..none() }, None);
        one.merge(other);
        let [first, second] = one.policies() else { panic!("two policies") };
        assert_eq!((first.successes, first.failures), (1, 4));
        assert_eq!(first.details, [(failure("a.example"), 2), (failure("b.example"), 2)]);
        assert_eq!((second.policy.kind, second.successes, second.failures), (PolicyType::Sts, 1, 0));
    }

    #[test]
    fn what_a_domain_makes_many_of_is_counted_and_not_kept() {
        let mut results = TlsResults::default();
        for number in 0..1_000 {
            results.count(none(), Some(failure(&format!("{number}.example"))));
            results.count(AppliedPolicy { lines: vec![number.to_string()], ..none() }, None);
        }
        assert_eq!(results.policies().len(), MOST_POLICIES);
        assert_eq!(
            (results.policies()[0].failures, results.policies()[0].details.len()),
            (1_000, MOST_FAILURES)
        );
    }
}

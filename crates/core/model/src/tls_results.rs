//! How connections to the mail servers of a domain went, in the terms of TLS-RPT (RFC 8460 section 4).
//!
//! Everything is bounded: a domain decides how many servers and policies it has, and not how much of that is kept.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// Policies of one domain on one day; of more only the type counts.
const MOST_POLICIES: usize = 8;
/// Kinds of failures under one policy; of more only the number counts.
const MOST_FAILURES: usize = 100;
/// Bytes that are kept of a policy's lines, and as many of its servers: a policy may have 64 KiB (RFC 8461 section 3.3), but
/// who published it knows it from its beginning.
const MOST_TEXT: usize = 4 * 1024;
/// Bytes that are kept of all policies and failures of one domain on one day. Under the numbers above it could be half a
/// mebibyte, and a domain of a stranger decides.
const MOST_BYTES: usize = 32 * 1024;

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

impl AppliedPolicy {
    /// As much of it as is kept: whole lines from its beginning.
    fn cut(mut self) -> Self {
        for texts in [&mut self.lines, &mut self.servers] {
            let mut bytes = 0;
            let ends = texts.iter().map(|text| {
                bytes += text.len();
                bytes
            });
            let kept = ends.take_while(|end| *end <= MOST_TEXT).count();
            texts.truncate(kept);
        }
        self
    }

    /// Its type alone.
    const fn bare(&self) -> Self {
        Self { kind: self.kind, lines: Vec::new(), servers: Vec::new() }
    }

    fn bytes(&self) -> usize {
        size_of::<PolicyResults>()
            + self.lines.iter().chain(&self.servers).map(|text| text_bytes(text)).sum::<usize>()
    }
}

fn text_bytes(text: &str) -> usize {
    size_of::<String>() + text.len()
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

impl Failure {
    fn bytes(&self) -> usize {
        size_of::<(Self, u64)>() + self.server.iter().chain(&self.reason).map(String::len).sum::<usize>()
    }
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

    /// Sessions in all.
    pub fn sessions(&self) -> u64 {
        self.0.iter().map(|results| results.successes.saturating_add(results.failures)).sum()
    }

    /// Memory that it takes, in bytes, nearly.
    pub fn bytes(&self) -> usize {
        let of = |results: &PolicyResults| {
            let details: usize = results.details.iter().map(|(failure, _)| failure.bytes()).sum();
            results.policy.bytes() + details
        };
        self.0.iter().map(of).sum()
    }

    /// Counts a session; without a failure it went as the policy asks. How many bytes more it takes.
    pub fn count(&mut self, policy: AppliedPolicy, failure: Option<Failure>) -> usize {
        let (successes, failures) = if failure.is_some() { (0, 1) } else { (1, 0) };
        let details = failure.into_iter().map(|failure| (failure, 1)).collect();
        self.add(PolicyResults { policy, successes, failures, details })
    }

    /// Adds what was counted elsewhere. How many bytes more it takes.
    pub fn merge(&mut self, other: Self) -> usize {
        other.0.into_iter().map(|results| self.add(results)).sum()
    }

    fn add(&mut self, more: PolicyResults) -> usize {
        let before = self.bytes();
        let mut bytes = before;
        let PolicyResults { policy, successes, failures, details } = more;
        let mut policy = policy.cut();
        if !self.has(&policy) && (self.0.len() >= MOST_POLICIES || bytes + policy.bytes() > MOST_BYTES) {
            policy = policy.bare();
        }
        if !self.has(&policy) {
            bytes += policy.bytes();
            let new =
                PolicyResults { policy: policy.clone(), successes: 0, failures: 0, details: Vec::new() };
            self.0.push(new);
        }
        let Some(known) = self.0.iter_mut().find(|known| known.policy == policy) else { return 0 };
        known.successes = known.successes.saturating_add(successes);
        known.failures = known.failures.saturating_add(failures);
        for (failure, count) in details {
            let like = known.details.iter().position(|(like, _)| *like == failure);
            if let Some((_, sum)) = like.and_then(|index| known.details.get_mut(index)) {
                *sum = sum.saturating_add(count);
            } else if known.details.len() < MOST_FAILURES && bytes + failure.bytes() <= MOST_BYTES {
                bytes += failure.bytes();
                known.details.push((failure, count));
            }
        }
        bytes - before
    }

    fn has(&self, policy: &AppliedPolicy) -> bool {
        self.0.iter().any(|known| known.policy == *policy)
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
        let others = results.policies()[0].clone();
        assert_eq!((results.policies().len(), results.sessions()), (MOST_POLICIES, 2_000));
        assert_eq!((others.failures, others.details.len()), (1_000, MOST_FAILURES));
        assert_eq!(others.successes, 1_001 - MOST_POLICIES as u64, "those of which only the type counts");
    }

    #[test]
    fn long_policies_and_failures_are_kept_in_part_and_counted_whole() {
        let mut results = TlsResults::default();
        let mut bytes = 0;
        for number in 0..40 {
            let long = |what: &str| (0..64).map(|line| format!("{what} {number} {line:01000}")).collect();
            let policy = AppliedPolicy { kind: PolicyType::Sts, lines: long("mx:"), servers: long("mx") };
            for server in 0..40 {
                bytes +=
                    results.count(policy.clone(), Some(failure(&format!("{server}.{number:0200}.example"))));
            }
        }
        assert_eq!(results.sessions(), 1_600);
        assert_eq!(results.bytes(), bytes, "it is known how much it takes");
        assert!(bytes < MOST_BYTES + 4 * size_of::<PolicyResults>(), "{bytes}");
        let kept = &results.policies()[0].policy;
        assert_eq!((kept.lines.len(), kept.servers.len()), (4, 4));
        let last = results.policies().last().expect("the others");
        assert!(last.policy.lines.is_empty() && last.failures >= 1_200, "{}", last.failures);
        // Added to what was counted before, as in the store.
        let mut sum = results.clone();
        sum.merge(results);
        assert_eq!((sum.sessions(), sum.bytes()), (3_200, bytes));
    }
}

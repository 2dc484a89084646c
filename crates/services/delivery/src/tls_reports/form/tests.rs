//! The example of RFC 8460 (appendix B), field by field, without what Waxseal has nothing to say about.

use waxseal_model::{
    Timestamp,
    tls_results::{AppliedPolicy, PolicyType, ResultType, TlsResults},
};

use super::*;

fn failure(
    result: ResultType,
    sending: &str,
    server: &str,
    receiving: Option<&str>,
    reason: Option<&str>,
) -> Failure {
    Failure {
        result,
        sending_ip: Some(sending.parse().expect("an address")),
        server: Some(server.into()),
        receiving_ip: receiving.map(|address| address.parse().expect("an address")),
        reason: reason.map(Into::into),
    }
}

fn example() -> (TlsReporting, TlsReport) {
    let lines = ["version: STSv1", "mode: testing", "mx: *.mail.company-y.example", "max_age: 86400"];
    let policy = AppliedPolicy {
        kind: PolicyType::Sts,
        lines: lines.map(Into::into).to_vec(),
        servers: vec!["*.mail.company-y.example".into()],
    };
    let mut results = TlsResults::default();
    for _ in 0..5_326 {
        results.count(policy.clone(), None);
    }
    let (expired, none, other) =
        (ResultType::CertificateExpired, ResultType::StarttlsNotSupported, ResultType::ValidationFailure);
    for (count, failure) in [
        (100, failure(expired, "2001:db8:abcd:12::1", "mx1.mail.company-y.example", None, None)),
        (200, failure(none, "2001:db8:abcd:13::1", "mx2.mail.company-y.example", Some("203.0.113.56"), None)),
        (
            3,
            failure(
                other,
                "198.51.100.62",
                "mx-backup.mail.company-y.example",
                Some("203.0.113.58"),
                Some("X509_V_ERR_PROXY_PATH_LENGTH_EXCEEDED"),
            ),
        ),
    ] {
        for _ in 0..count {
            results.count(policy.clone(), Some(failure.clone()));
        }
    }
    let reporting = TlsReporting {
        organization: "Company-X".into(),
        contact: "sts-reporting@company-x.example".into(),
        ..TlsReporting::new("mx.company-x.example")
    };
    // 2016-04-01.
    let day = Timestamp::from_secs(1_459_500_000).day();
    let id = "5065427c-23d3-47ca-b6e0-946ea0e8c4be".into();
    (
        reporting,
        TlsReport { day, domain: "company-y.example".into(), id, results, attempts: 0, taken: Vec::new() },
    )
}

#[test]
fn a_report_is_as_the_standard_shows_it() {
    let (reporting, report) = example();
    let wanted = json!({
        "organization-name": "Company-X",
        "date-range": {
            "start-datetime": "2016-04-01T00:00:00Z",
            "end-datetime": "2016-04-01T23:59:59Z"
        },
        "contact-info": "sts-reporting@company-x.example",
        "report-id": "5065427c-23d3-47ca-b6e0-946ea0e8c4be",
        "policies": [{
            "policy": {
                "policy-type": "sts",
                "policy-string": [
                    "version: STSv1",
                    "mode: testing",
                    "mx: *.mail.company-y.example",
                    "max_age: 86400"
                ],
                "policy-domain": "company-y.example",
                "mx-host": ["*.mail.company-y.example"]
            },
            "summary": {
                "total-successful-session-count": 5326,
                "total-failure-session-count": 303
            },
            "failure-details": [{
                "result-type": "certificate-expired",
                "sending-mta-ip": "2001:db8:abcd:12::1",
                "receiving-mx-hostname": "mx1.mail.company-y.example",
                "failed-session-count": 100
            }, {
                "result-type": "starttls-not-supported",
                "sending-mta-ip": "2001:db8:abcd:13::1",
                "receiving-mx-hostname": "mx2.mail.company-y.example",
                "receiving-ip": "203.0.113.56",
                "failed-session-count": 200
            }, {
                "result-type": "validation-failure",
                "sending-mta-ip": "198.51.100.62",
                "receiving-ip": "203.0.113.58",
                "receiving-mx-hostname": "mx-backup.mail.company-y.example",
                "failed-session-count": 3,
                "failure-reason-code": "X509_V_ERR_PROXY_PATH_LENGTH_EXCEEDED"
            }]
        }]
    });
    assert_eq!(json(&reporting, &report), wanted);
}

#[test]
fn each_result_has_the_name_of_the_standard() {
    for (result, name) in [
        (ResultType::StarttlsNotSupported, "starttls-not-supported"),
        (ResultType::CertificateHostMismatch, "certificate-host-mismatch"),
        (ResultType::CertificateExpired, "certificate-expired"),
        (ResultType::CertificateNotTrusted, "certificate-not-trusted"),
        (ResultType::ValidationFailure, "validation-failure"),
        (ResultType::TlsaInvalid, "tlsa-invalid"),
        (ResultType::DnssecInvalid, "dnssec-invalid"),
        (ResultType::DaneRequired, "dane-required"),
        (ResultType::StsPolicyFetchError, "sts-policy-fetch-error"),
        (ResultType::StsPolicyInvalid, "sts-policy-invalid"),
        (ResultType::StsWebpkiInvalid, "sts-webpki-invalid"),
    ] {
        assert_eq!(json!(result), name);
    }
    for (kind, name) in
        [(PolicyType::Sts, "sts"), (PolicyType::Tlsa, "tlsa"), (PolicyType::NoPolicyFound, "no-policy-found")]
    {
        assert_eq!(json!(kind), name);
    }
}

#[test]
fn a_domain_without_a_policy_is_told_so() {
    let (reporting, mut report) = example();
    let none = AppliedPolicy { kind: PolicyType::NoPolicyFound, lines: Vec::new(), servers: Vec::new() };
    report.results = TlsResults::default();
    report.results.count(none, None);
    let policies = json!([{
        "policy": { "policy-type": "no-policy-found", "policy-domain": "company-y.example" },
        "summary": { "total-successful-session-count": 1, "total-failure-session-count": 0 }
    }]);
    assert_eq!(json(&reporting, &report)["policies"], policies);
}

#[test]
fn the_largest_report_is_small() {
    let (reporting, mut report) = example();
    report.results = TlsResults::default();
    for policy in 0..20 {
        for number in 0..300 {
            let policy =
                AppliedPolicy { kind: PolicyType::Sts, lines: vec![policy.to_string()], servers: Vec::new() };
            let server = format!("{number}.{}.example", "x".repeat(200));
            let failure = failure(
                ResultType::CertificateExpired,
                "192.0.2.1",
                &server,
                Some("192.0.2.2"),
                Some(&"y".repeat(120)),
            );
            report.results.count(policy, Some(failure));
        }
    }
    let compressed = compressed(&reporting, &report).expect("compressed");
    assert!(json(&reporting, &report).to_string().len() < 1_000_000 && compressed.len() < 100_000);
}

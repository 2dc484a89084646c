//! A report in the RFC's form: JSON (RFC 8460 section 4.4), compressed (section 5.2).

use std::io::Write as _;

use flate2::{Compression, write::GzEncoder};
use serde_json::{Map, Value, json};
use waxseal_model::tls_results::{Failure, PolicyResults};
use waxseal_store::trust::TlsReport;

use super::TlsReporting;

/// The JSON of a report.
pub(super) fn json(reporting: &TlsReporting, report: &TlsReport) -> Value {
    let (start, end) = (report.day.start(), report.day.end() - std::time::Duration::from_secs(1));
    let policies = report.results.policies().iter();
    json!({
        "organization-name": reporting.organization,
        "date-range": {
            "start-datetime": start.to_jiff().to_string(),
            "end-datetime": end.to_jiff().to_string(),
        },
        "contact-info": reporting.contact,
        "report-id": report.id,
        "policies": policies.map(|results| policy(&report.domain, results)).collect::<Vec<_>>(),
    })
}

/// The same, compressed.
pub(super) fn compressed(reporting: &TlsReporting, report: &TlsReport) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(json(reporting, report).to_string().as_bytes())?;
    encoder.finish()
}

fn policy(domain: &str, results: &PolicyResults) -> Value {
    let mut policy = Map::new();
    policy.insert("policy-type".into(), json!(results.policy.kind));
    if !results.policy.lines.is_empty() {
        policy.insert("policy-string".into(), json!(results.policy.lines));
    }
    policy.insert("policy-domain".into(), json!(domain));
    if !results.policy.servers.is_empty() {
        policy.insert("mx-host".into(), json!(results.policy.servers));
    }
    let mut whole = Map::new();
    whole.insert("policy".into(), Value::Object(policy));
    let summary = json!({
        "total-successful-session-count": results.successes,
        "total-failure-session-count": results.failures,
    });
    whole.insert("summary".into(), summary);
    if !results.details.is_empty() {
        let details = results.details.iter().map(|(failure, count)| detail(failure, *count));
        whole.insert("failure-details".into(), details.collect());
    }
    Value::Object(whole)
}

fn detail(failure: &Failure, count: u64) -> Value {
    let Failure { result, sending_ip, server, receiving_ip, reason } = failure;
    let mut detail = Map::new();
    detail.insert("result-type".into(), json!(result));
    let mut some = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            detail.insert(name.into(), Value::String(value));
        }
    };
    some("sending-mta-ip", sending_ip.map(|address| address.to_string()));
    some("receiving-mx-hostname", server.clone());
    some("receiving-ip", receiving_ip.map(|address| address.to_string()));
    some("failure-reason-code", reason.clone());
    detail.insert("failed-session-count".into(), json!(count));
    Value::Object(detail)
}

#[cfg(test)]
mod tests;

//! A domain that wants to know is told, once for each day, how connections to its servers went; nobody else is told anything.

mod mail;
mod places;

use std::{fmt, io::Read as _, net::Ipv4Addr, path::PathBuf, sync::Arc, time::Duration};

use base64::Engine as _;
use serde_json::{Value, json};
use waxseal_delivery::{Mailed, MailedReport, ReportMailer, TlsReporting};
use waxseal_domains::{Domains, DomainsConfig};
use waxseal_model::{Clock as _, time::Day, tls_results::ResultType};
use waxseal_net::Dnssec;
use waxseal_sending::{Sending, SendingConfig, tls_report::TlsReportMail};
use waxseal_store::trust::{NewTlsResults, TlsReport};
use waxseal_testkit::{
    HttpPeer,
    dns_zone::Fault,
    http_peer::{Answer, Request},
    smtp_peer::{Certificate, Peer, Received, Script, StartTls},
};

use crate::{
    counters::Counters,
    dane::Dns,
    mta_sts::{page, policy, say},
    world::{Event, World, mail},
};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);
const NAMES: [&str; 4] = ["mta-sts.b.example", "mx.b.example", "mx.c.example", "reports.example"];

/// A world with somebody who takes reports.
struct Reports {
    world: World,
    receiver: HttpPeer,
    /// A certificate for all names that is trusted; others are trusted as well, for what they say.
    trusted: Certificate,
    peer: Option<Peer>,
}

impl Reports {
    async fn new() -> Self {
        Self::trusting(&[]).await
    }

    async fn trusting(others: &[&Certificate]) -> Self {
        let mut world = World::new().await;
        let trusted = Certificate::new(&NAMES);
        let receiver = receive(&mut world, &trusted, others).await;
        world.zone.address_of("reports.example", Ipv4Addr::LOCALHOST.into());
        world.config.timeouts.idle = Duration::from_millis(20);
        Self { world, receiver, trusted, peer: None }
    }

    fn place(&self) -> String {
        format!("https://reports.example:{}/in?x=1", self.receiver.port())
    }

    /// This domain wants reports.
    fn wants(&self, domain: &str) {
        self.world.zone.txt(&format!("_smtp._tls.{domain}"), &format!("v=TLSRPTv1; rua={}", self.place()));
    }

    async fn serve(&mut self, script: Script) {
        self.peer = Some(self.world.peer(script).await);
    }

    async fn send(&self, to: &str) -> Event {
        let count = self.world.events().await.len();
        self.world.send(mail(&[to])).await;
        let event = self.world.wait_for_events(count + 1).await.remove(count);
        self.world.wait_until_idle().await;
        self.world.wait_until_hung_up().await;
        event
    }

    fn today(&self) -> Day {
        self.world.clock.now().day()
    }

    /// Stops, and starts again when the first attempts for this day are over.
    async fn after(&mut self, day: Day) {
        self.world.stop().await;
        self.world.later((day.end() + 4 * HOUR).since(self.world.clock.now()));
        self.world.start().await;
    }

    /// The only report, when its day is over.
    async fn report(&mut self) -> Value {
        self.after(self.today()).await;
        let requests = self.receiver.wait_for(1).await;
        assert_eq!(requests.len(), 1);
        read(&requests[0])
    }

    /// What there is to be told.
    async fn kept_reports(&self) -> Vec<TlsReport> {
        let access =
            waxseal_model::Access::new(waxseal_model::actor::System, waxseal_model::purpose::Delivery);
        let all = self.world.store.due_tls_reports(self.world.clock.now() + 10 * DAY, 100).await;
        all.expect("read").into_iter().map(|report| report.into_open(&access)).collect()
    }

    /// How many days and domains there is something to be told about.
    async fn kept(&self) -> usize {
        kept(&self.world).await
    }
}

async fn kept(world: &World) -> usize {
    let all = world.store.due_tls_reports(world.clock.now() + 10 * DAY, 100).await;
    all.expect("read").len()
}

async fn receive(world: &mut World, trusted: &Certificate, others: &[&Certificate]) -> HttpPeer {
    let receiver = HttpPeer::start_at("127.0.0.1:0", Some(trusted), [Answer::Status(201)]).await;
    let receiver = receiver.expect("a receiver");
    let file: PathBuf = world.folder.path().join("ca.pem");
    let mut all = String::new();
    for certificate in [trusted].iter().chain(others) {
        certificate.write_to(&file).expect("written");
        all.push_str(&std::fs::read_to_string(&file).expect("read"));
    }
    std::fs::write(&file, all).expect("written");
    world.net.extra_ca = Some(file);
    world.config.http_rules.allow_private = true;
    world.config.tls_reports = Some(TlsReporting {
        organization: "Ours".into(),
        contact: "tls@ours.example".into(),
        https_port: receiver.port(),
        of_private: true,
        ..TlsReporting::new("mail.ours.example")
    });
    receiver
}

fn read(request: &Request) -> Value {
    assert_eq!(request.header("content-type"), Some("application/tlsrpt+gzip"));
    let mut text = String::new();
    flate2::read::GzDecoder::new(request.body.as_slice()).read_to_string(&mut text).expect("gzip");
    serde_json::from_str(&text).expect("JSON")
}

/// The policies of a report, without what differs from run to run.
fn policies(report: &Value) -> Vec<Value> {
    let mut policies = report["policies"].as_array().expect("policies").clone();
    for detail in policies.iter_mut().filter_map(|policy| policy.get_mut("failure-details")) {
        for detail in detail.as_array_mut().expect("details") {
            let detail = detail.as_object_mut().expect("a detail");
            assert_eq!(detail.remove("sending-mta-ip").unwrap_or(json!("127.0.0.1")), "127.0.0.1");
            assert_eq!(detail.remove("receiving-ip").unwrap_or(json!("127.0.0.1")), "127.0.0.1");
            detail.remove("failure-reason-code");
        }
    }
    policies
}

/// In short: policy type, sessions that went well, those that did not, and the first result.
fn short(report: &Value) -> Vec<String> {
    let line = |policy: &Value| {
        let (kind, summary) = (&policy["policy"]["policy-type"], &policy["summary"]);
        let (good, bad) =
            (&summary["total-successful-session-count"], &summary["total-failure-session-count"]);
        let details = policy["failure-details"].as_array();
        let results = details.into_iter().flatten().map(|detail| {
            format!(
                " {} {}",
                detail["result-type"].as_str().expect("a result"),
                detail["failed-session-count"]
            )
        });
        format!("{} {good} {bad}{}", kind.as_str().expect("a type"), results.collect::<String>())
    };
    report["policies"].as_array().expect("policies").iter().map(line).collect()
}

#[tokio::test]
async fn a_day_is_told_once_when_it_is_over_whatever_was_restarted_meanwhile() {
    let mut reports = Reports::new().await;
    reports.wants("b.example");
    let script = Script::new().tls(reports.trusted.clone());
    reports.serve(script).await;
    reports.world.start().await;
    let day = reports.today();
    for _ in 0..2 {
        reports.send("a@b.example").await;
        reports.world.stop().await;
        reports.world.start().await;
    }
    reports.peer.as_ref().expect("a server").rescript(|script| *script = Script::new());
    reports.send("a@b.example").await;
    assert!(reports.receiver.requests().is_empty(), "the day is not over");
    let report = reports.report().await;
    let (start, end) = (day.start().to_jiff().to_string(), (day.end() - Duration::from_secs(1)).to_jiff());
    let range = json!({ "start-datetime": start, "end-datetime": end.to_string() });
    assert_eq!(report["date-range"], range);
    assert_eq!(
        (&report["organization-name"], &report["contact-info"]),
        (&json!("Ours"), &json!("tls@ours.example"))
    );
    assert_eq!(report["report-id"].as_str().map(str::len), Some(32));
    let policy = json!({
        "policy": { "policy-type": "no-policy-found", "policy-domain": "b.example" },
        "summary": { "total-successful-session-count": 2, "total-failure-session-count": 1 },
        "failure-details": [{
            "result-type": "starttls-not-supported",
            "receiving-mx-hostname": "mx.b.example",
            "failed-session-count": 1
        }]
    });
    assert_eq!(policies(&report), [policy]);
    assert_eq!(reports.receiver.requests()[0].line, "POST /in?x=1 HTTP/1.1");
    // Told once: neither the next start nor the next day tells it again.
    reports.world.stop().await;
    assert_eq!(reports.kept().await, 0);
    reports.world.start().await;
    reports.peer.as_ref().expect("a server").rescript(|script| *script = Script::new());
    reports.send("a@b.example").await;
    let second = reports.today();
    reports.after(second).await;
    let both = reports.receiver.wait_for(2).await;
    let (one, other) = (read(&both[0]), read(&both[1]));
    assert_eq!(short(&other), ["no-policy-found 0 1 starttls-not-supported 1"]);
    assert_ne!(one["report-id"], other["report-id"]);
    assert_eq!(other["date-range"]["start-datetime"], second.start().to_jiff().to_string());
}

#[tokio::test]
async fn what_is_counted_is_on_disk_a_minute_later() {
    let mut reports = Reports::new().await;
    reports.wants("b.example");
    reports.serve(Script::new()).await;
    reports.world.start().await;
    reports.send("a@b.example").await;
    assert_eq!(reports.kept().await, 0, "in memory for now");
    reports.world.later(MINUTE);
    while reports.kept().await == 0 {
        tokio::task::yield_now().await;
    }
    reports.world.kill();
    assert_eq!(short(&reports.report().await), ["no-policy-found 0 1 starttls-not-supported 1"]);
}

#[tokio::test]
async fn a_session_is_told_as_what_it_was_where_nothing_is_asked_for() {
    let untrusted = || Certificate::new(&["elsewhere.example"]);
    for (script, wanted) in [
        // Nothing is asked for: any certificate encrypts.
        (Script::new().tls(untrusted()), "no-policy-found 1 0"),
        (Script::new(), "no-policy-found 0 1 starttls-not-supported 1"),
        (
            Script::new().tls(untrusted()).starttls(StartTls::Plaintext),
            "no-policy-found 0 1 validation-failure 1",
        ),
        (
            Script::new().tls(untrusted()).starttls(StartTls::Alert),
            "no-policy-found 0 1 validation-failure 1",
        ),
    ] {
        let mut reports = Reports::new().await;
        reports.wants("b.example");
        reports.serve(script).await;
        reports.world.start().await;
        assert_eq!(reports.send("a@b.example").await.short(), "delivered 250");
        assert_eq!(short(&reports.report().await), [wanted]);
    }
}

#[tokio::test]
async fn a_session_under_a_policy_is_told_with_it() {
    let (expired, other) = (Certificate::expired(&["mx.b.example"]), Certificate::new(&["mx.c.example"]));
    for (certificate, mode, mx, counts, short) in [
        (None, "enforce", "mx.b.example", (1, 0), "delivered 250"),
        (Some(&expired), "testing", "mx.b.example", (0, 1), "delivered 250"),
        (Some(&other), "enforce", "mx.b.example", (0, 1), "temporary 499"),
        (None, "enforce", "*.c.example", (0, 1), "temporary 499"),
        (None, "testing", "*.c.example", (0, 1), "delivered 250"),
    ] {
        let mut reports = Reports::trusting(&[&expired, &other]).await;
        reports.wants("b.example");
        let text = policy(mode, mx);
        let host = policy_host(&mut reports, &NAMES, page(&text)).await;
        let certificate = certificate.unwrap_or(&reports.trusted).clone();
        reports.serve(Script::new().tls(certificate)).await;
        reports.world.start().await;
        assert_eq!(reports.send("a@b.example").await.short(), short);
        let report = reports.report().await;
        let told = &policies(&report)[0];
        let lines: Vec<_> = text.lines().collect();
        let about = json!({
            "policy-type": "sts", "policy-string": lines, "policy-domain": "b.example", "mx-host": [mx],
        });
        assert_eq!(told["policy"], about);
        let (good, bad) = counts;
        let summary = json!({ "total-successful-session-count": good, "total-failure-session-count": bad });
        assert_eq!(told["summary"], summary, "{mode} {mx}");
        assert_eq!(host.requests().len(), 1);
    }
    for (certificate, result) in [
        (&expired, "certificate-expired"),
        (&other, "certificate-host-mismatch"),
        (&Certificate::new(&["mx.b.example"]), "certificate-not-trusted"),
    ] {
        let mut reports = Reports::trusting(&[&expired, &other]).await;
        reports.wants("b.example");
        let _host = policy_host(&mut reports, &NAMES, page(&policy("enforce", "mx.b.example"))).await;
        reports.serve(Script::new().tls(certificate.clone())).await;
        reports.world.start().await;
        assert_eq!(reports.send("a@b.example").await.short(), "temporary 499");
        assert_eq!(short(&reports.report().await), [format!("sts 0 1 {result} 1")]);
    }
}

/// The host that tells the policy of `b.example`; where it has a certificate for other names, nobody trusts it.
async fn policy_host(reports: &mut Reports, names: &[&str], answer: Answer) -> HttpPeer {
    let own = if names == NAMES { reports.trusted.clone() } else { Certificate::new(names) };
    let host = HttpPeer::start_at("127.0.0.1:0", Some(&own), [answer]).await.expect("a policy host");
    reports.world.config.mta_sts_port = host.port();
    reports.world.zone.address_of("mta-sts.b.example", Ipv4Addr::LOCALHOST.into());
    reports.world.zone.txt("_mta-sts.b.example", "v=STSv1; id=1;");
    host
}

#[tokio::test]
async fn a_policy_that_cannot_be_had_is_told_and_holds_nothing_up() {
    for (names, answer, result) in [
        (NAMES.as_slice(), say("404 Not Found", "text/plain", ""), "sts-policy-fetch-error"),
        (NAMES.as_slice(), page("version: STSv2\n"), "sts-policy-invalid"),
        (&["elsewhere.example"], page(&policy("enforce", "mx.b.example")), "sts-webpki-invalid"),
    ] {
        let mut reports = Reports::new().await;
        reports.wants("b.example");
        let _host = policy_host(&mut reports, names, answer).await;
        let script = Script::new().tls(reports.trusted.clone());
        reports.serve(script).await;
        reports.world.start().await;
        assert_eq!(reports.send("a@b.example").await.short(), "delivered 250");
        assert_eq!(short(&reports.report().await), [format!("sts 0 1 {result} 1")]);
    }
}

#[tokio::test]
async fn what_the_dns_tells_of_certificates_is_told_back() {
    let mut dns = Dns::new().await;
    let trusted = Certificate::new(&NAMES);
    let _receiver = receive(&mut dns.world, &trusted, &[]).await;
    let own = Certificate::new(&["elsewhere.example"]);
    let issued = Certificate::issued(&["elsewhere.example"]);
    let record = own.tlsa(3, 1, 1);
    dns.signed("good", &record, Script::new().tls(own.clone())).await;
    dns.signed("other", &record, Script::new().tls(Certificate::new(&["x"]))).await;
    dns.signed("name", &issued.tlsa(2, 0, 1), Script::new().tls(issued.clone())).await;
    dns.signed("clear", &record, Script::new()).await;
    dns.signed("any", &own.tlsa(1, 1, 1), Script::new().tls(own.clone())).await;
    dns.forged = dns.domain("x", &record, Script::new().tls(own.clone())).await;
    for name in ["good", "other", "name", "clear", "any"] {
        dns.well.push_str(&format!("_smtp._tls.{name} 60 IN TXT \"v=TLSRPTv1\\; rua=mailto:a@b.example\"\n"));
    }
    dns.forged.push_str("_smtp._tls.x 60 IN TXT \"v=TLSRPTv1\\; rua=mailto:a@b.example\"\n");
    if dns.start(Dnssec::Always).await.is_none() {
        return;
    }
    for domain in ["good.b", "other.b", "name.b", "clear.b", "any.b", "x.tlsa"] {
        dns.send(&format!("{domain}.example")).await;
    }
    dns.world.stop().await;
    let access = waxseal_model::Access::new(waxseal_model::actor::System, waxseal_model::purpose::Delivery);
    let kept = dns.world.store.due_tls_reports(dns.world.clock.now() + 2 * DAY, 10).await.expect("read");
    let mut told: Vec<_> = kept.iter().map(|report| report.open(&access)).collect();
    told.sort_by(|one, other| one.domain.cmp(&other.domain));
    let told: Vec<String> = told
        .iter()
        .map(|report| {
            let [results] = report.results.policies() else { panic!("one policy of {}", report.domain) };
            let failure = results.details.first().map(|(failure, _)| json!(failure.result));
            let (kind, lines) = (json!(results.policy.kind), &results.policy.lines);
            assert!(lines.iter().all(|line| *line == record || *line == issued.tlsa(2, 0, 1)), "{lines:?}");
            format!(
                "{} {kind} {} {} {}",
                report.domain,
                lines.len(),
                results.successes,
                failure.unwrap_or_default()
            )
        })
        .collect();
    let wanted = [
        r#"any.b.example "tlsa" 0 0 "tlsa-invalid""#,
        r#"clear.b.example "tlsa" 1 0 "starttls-not-supported""#,
        r#"good.b.example "tlsa" 1 1 null"#,
        r#"name.b.example "tlsa" 1 0 "certificate-host-mismatch""#,
        r#"other.b.example "tlsa" 1 0 "certificate-not-trusted""#,
        r#"x.tlsa.example "tlsa" 0 0 "dnssec-invalid""#,
    ];
    assert_eq!(told, wanted);
}

#[tokio::test]
async fn a_connection_that_domains_share_is_a_session_of_each() {
    let mut reports = Reports::new().await;
    reports.wants("b.example");
    reports.wants("c.example");
    reports.world.zone.forget("c.example").mx("c.example", 10, "mx.b.example");
    reports.world.config.limits.per_destination = 1;
    reports.world.config.timeouts.idle = 10 * MINUTE;
    reports.serve(Script::new()).await;
    reports.world.start().await;
    for to in ["a@b.example", "a@c.example", "b@b.example", "b@c.example", "c@b.example"] {
        let count = reports.world.events().await.len();
        reports.world.send(mail(&[to])).await;
        reports.world.wait_for_events(count + 1).await;
        reports.world.wait_until_idle().await;
    }
    let connections = reports.peer.as_ref().expect("a server").seen().connections as u64;
    reports.after(reports.today()).await;
    let requests = reports.receiver.wait_for(2).await;
    let count = |report: &Value| {
        report["policies"][0]["summary"]["total-failure-session-count"].as_u64().expect("a number")
    };
    let counts: Vec<_> = requests.iter().map(read).map(|report| count(&report)).collect();
    assert!(counts.iter().all(|count| (1..=connections).contains(count)), "{counts:?} of {connections}");
}

#[tokio::test]
async fn nobody_is_told_who_did_not_ask_and_nothing_of_private_networks_or_relays() {
    // No record, one that cannot be read, and one that goes nowhere.
    let mut reports = Reports::new().await;
    reports.world.zone.txt("_smtp._tls.c.example", "v=TLSRPTv1; rua=nowhere");
    reports.serve(Script::new()).await;
    reports.world.start().await;
    reports.send("a@b.example").await;
    reports.send("a@c.example").await;
    reports.world.stop().await;
    assert_eq!(reports.kept().await, 0);
    // Servers on private addresses, which tests alone count.
    let mut reports = Reports::new().await;
    reports.wants("b.example");
    reports.world.config.tls_reports.as_mut().expect("on").of_private = false;
    reports.serve(Script::new()).await;
    reports.world.start().await;
    reports.send("a@b.example").await;
    reports.world.stop().await;
    assert_eq!(reports.kept().await, 0);
    // Relays.
    let mut reports = Reports::new().await;
    reports.wants("b.example");
    reports.serve(Script::new()).await;
    let relay = format!("smtp://127.0.0.1:{}", reports.world.config.port);
    reports.world.config.relay = Some(relay.parse().expect("a relay"));
    reports.world.start().await;
    assert_eq!(reports.send("a@b.example").await.short(), "delivered 250");
    reports.world.stop().await;
    assert_eq!(reports.kept().await, 0);
    // An operator may do without.
    let mut reports = Reports::new().await;
    reports.wants("b.example");
    reports.world.config.tls_reports = None;
    reports.serve(Script::new()).await;
    reports.world.start().await;
    reports.send("a@b.example").await;
    reports.world.stop().await;
    assert_eq!(reports.kept().await, 0);
}

#[tokio::test]
async fn the_session_of_a_report_is_in_no_report_and_goes_whatever_is_wrong() {
    let mut reports = Reports::new().await;
    reports.wants("b.example");
    let _host = policy_host(&mut reports, &NAMES, page(&policy("enforce", "other.example"))).await;
    reports.serve(Script::new()).await;
    reports.world.start().await;
    assert_eq!(reports.send("a@b.example").await.short(), "temporary 499");
    let mut report = mail(&["tls@b.example"]);
    report.options.tls_report = true;
    reports.world.send(report).await;
    assert_eq!(reports.world.wait_for_events(2).await[1].short(), "delivered 250");
    assert_eq!(short(&reports.report().await), ["sts 0 1 validation-failure 1"]);
}

#[tokio::test]
async fn mail_that_follows_a_report_on_its_connection_is_a_session() {
    let mut reports = Reports::new().await;
    reports.wants("b.example");
    reports.world.config.limits.per_destination = 1;
    reports.world.config.timeouts.idle = 10 * MINUTE;
    // TLS is tried and fails: the whole of it goes in the clear.
    let script = Script::new().tls(reports.trusted.clone()).starttls(StartTls::Alert);
    reports.serve(script).await;
    reports.world.start().await;
    for count in 1..=3 {
        let mut message = mail(&["a@b.example"]);
        message.options.tls_report = count == 1;
        reports.world.send(message).await;
        reports.world.wait_for_events(count).await;
        reports.world.wait_until_idle().await;
    }
    let used = reports.peer.as_ref().expect("a server").seen().connections;
    assert_eq!(used, 2, "one that failed, and one for all that follows");
    reports.world.stop().await;
    let kept = reports.kept_reports().await;
    let counted: Vec<_> = kept.iter().flat_map(|report| report.results.policies()).collect();
    assert_eq!(counted.len(), 1);
    let results: Vec<_> =
        counted[0].details.iter().map(|(failure, count)| (failure.result, *count)).collect();
    assert_eq!((counted[0].successes, results), (0, vec![(ResultType::ValidationFailure, 1)]));
}

#[tokio::test]
async fn a_report_is_spread_over_the_first_hours_after_its_day() {
    let mut reports = Reports::new().await;
    reports.serve(Script::new()).await;
    let domains: Vec<_> = (0..12).map(|number| format!("d{number}.example")).collect();
    for domain in &domains {
        reports.world.zone.mx(domain, 10, "mx.b.example");
        reports.wants(domain);
    }
    reports.world.start().await;
    for domain in &domains {
        reports.send(&format!("a@{domain}")).await;
    }
    reports.world.stop().await;
    let end = reports.today().end();
    let due = async |after: Duration| {
        reports.world.store.due_tls_reports(end + after, 100).await.expect("read").len()
    };
    assert_eq!((due(30 * MINUTE - Duration::from_secs(1)).await, due(4 * HOUR).await), (0, 12));
    let half = due(2 * HOUR + 15 * MINUTE).await;
    assert!((1..12).contains(&half), "{half} of 12 in the first half");
}

#[tokio::test]
async fn a_report_that_nobody_takes_is_tried_for_a_day() {
    let mut reports = Reports::new().await;
    reports.wants("b.example");
    reports.serve(Script::new()).await;
    reports.world.start().await;
    reports.send("a@b.example").await;
    let day = reports.today();
    reports.receiver.answer([Answer::Status(503)]);
    reports.after(day).await;
    reports.receiver.wait_for(1).await;
    // Put off over restarts, with one number.
    let mut tried = 1;
    while kept(&reports.world).await > 0 {
        reports.world.stop().await;
        assert!(reports.world.clock.now() <= day.end() + 29 * HOUR, "it is given up in time");
        reports.world.later(HOUR);
        reports.world.start().await;
        let before = reports.receiver.requests().len();
        reports.world.wait_until_idle().await;
        // What is due is tried before anything else is waited for.
        while reports.world.clock.next_sleeper().is_none() {
            tokio::task::yield_now().await;
        }
        tried = tried.max(before);
    }
    let requests = reports.receiver.requests();
    assert!((4..20).contains(&requests.len()), "{} attempts", requests.len());
    assert!(requests.iter().all(|request| read(request) == read(&requests[0])), "it is the same each time");
}

#[tokio::test]
async fn a_report_that_is_taken_later_is_sent_once() {
    let mut reports = Reports::new().await;
    reports.wants("b.example");
    reports.serve(Script::new()).await;
    reports.world.start().await;
    reports.send("a@b.example").await;
    reports.receiver.answer([Answer::Status(503), Answer::Status(200)]);
    reports.after(reports.today()).await;
    reports.receiver.wait_for(1).await;
    while reports.receiver.requests().len() < 2 {
        reports.world.later(15 * MINUTE);
        tokio::time::timeout(Duration::from_millis(300), reports.receiver.wait_for(2)).await.ok();
    }
    reports.world.stop().await;
    assert_eq!((reports.kept().await, reports.receiver.requests().len()), (0, 2));
}

//! Reports that go by mail.

use super::*;

/// Sends reports by mail as the instance does.
struct Mailer(Sending);

impl fmt::Debug for Mailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mailer")
    }
}

impl ReportMailer for Mailer {
    fn domain(&self) -> &str {
        "told.example"
    }

    fn sender(&self) -> &str {
        "tls@told.example"
    }

    fn mail(&self, report: MailedReport) -> Mailed<'_> {
        let MailedReport { to, mime, id } = report;
        Box::pin(self.0.send_tls_report(TlsReportMail { from: "told.example", to, mime, id }))
    }
}

impl Reports {
    /// Reports that go by mail are sent from a domain of the account.
    async fn by_mail(&mut self) {
        let World { store, clock, random, .. } = &self.world;
        let config = DomainsConfig { hostname: "mail.ours.example".into(), message_ttl_secs: 0 };
        let domains = Domains::new(store.clone(), clock.clone(), random.clone(), config);
        domains.create(self.world.account, "told.example").await.expect("a domain");
        let config = SendingConfig::new("mail.ours.example");
        let sending = Sending::new(store.clone(), domains, clock.clone(), random.clone(), config);
        self.world.config.tls_reports.as_mut().expect("on").mailer = Some(Arc::new(Mailer(sending)));
    }

    /// What came by mail at this address.
    async fn mailed(&self, to: &str) -> Vec<String> {
        let peer = self.peer.as_ref().expect("a server");
        let to = format!("TO:<{to}>");
        let ours = |message: &Received| message.recipients == [to.clone()];
        peer.wait_for(|seen| seen.messages.iter().any(|message| message.acknowledged && ours(message))).await;
        peer.acknowledged().iter().filter(|message| ours(message)).map(Received::text).collect()
    }
}

#[tokio::test]
async fn a_report_goes_by_mail_signed_and_whatever_the_policy_says() {
    let mut reports = Reports::new().await;
    reports.by_mail().await;
    let place = "v=TLSRPTv1; rua=mailto:tls@b.example";
    reports.world.zone.txt("_smtp._tls.b.example", place);
    let _host = policy_host(&mut reports, &NAMES, page(&policy("enforce", "mx.b.example"))).await;
    reports.serve(Script::new()).await;
    reports.world.start().await;
    assert_eq!(reports.send("a@b.example").await.short(), "temporary 499");
    let day = reports.today();
    reports.after(day).await;
    let mails = reports.mailed("tls@b.example").await;
    let [mail] = mails.as_slice() else { panic!("{} reports", mails.len()) };
    let (head, body) = mail.split_once("\r\n\r\n").expect("a head");
    let unfolded = head.replace("\r\n ", " ").replace("\r\n\t", " ");
    let value = |name: &str| {
        let line = unfolded.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        line.unwrap_or_else(|| panic!("no {name} in {unfolded}")).to_owned()
    };
    assert_eq!(
        (value("TLS-Report-Domain"), value("TLS-Report-Submitter")),
        ("b.example".into(), "told.example".into())
    );
    assert_eq!((value("From"), value("To")), ("<tls@told.example>".into(), "<tls@b.example>".into()));
    let kind = value("Content-Type");
    assert!(kind.starts_with(r#"multipart/report; report-type="tlsrpt";"#), "{kind}");
    assert!(value("DKIM-Signature").contains("d=told.example") && !value("DKIM-Signature").contains(" l="));
    let (_, part) = body.split_once("Content-Type: application/tlsrpt+gzip\r\n").expect("the report");
    let (start, end) = (day.start().as_secs(), day.end().as_secs() - 1);
    assert!(part.contains(&format!("filename=\"told.example!b.example!{start}!{end}.json.gz\"")), "{part}");
    let (_, data) = part.split_once("\r\n\r\n").expect("data");
    let data: String = data.lines().take_while(|line| !line.starts_with("--")).collect();
    let data = base64::engine::general_purpose::STANDARD.decode(data).expect("Base64");
    let mut text = String::new();
    flate2::read::GzDecoder::new(data.as_slice()).read_to_string(&mut text).expect("gzip");
    let report: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(short(&report), ["sts 0 1 starttls-not-supported 1"]);
    let subject = value("Subject");
    let id = report["report-id"].as_str().expect("a number");
    assert_eq!(
        subject,
        format!("Report Domain: b.example Submitter: told.example Report-ID: <{id}@told.example>")
    );
    // It is sent once, and its own session is told of in no report: only that of the message that is tried again.
    reports.world.stop().await;
    let events = reports.world.events().await;
    let is_held_up = |event: &&Event| event.details.delivery_status.as_ref().is_some_and(|it| it.code == 499);
    let again = events.iter().filter(is_held_up).count() as u64 - 1;
    let kept = reports.kept_reports().await;
    assert!(kept.iter().all(|report| report.day != day));
    let counted = kept.iter().flat_map(|report| report.results.policies()).map(|results| results.failures);
    assert_eq!(counted.sum::<u64>(), again);
}

#[tokio::test]
async fn a_report_that_was_queued_before_a_crash_is_not_queued_again() {
    let mut reports = Reports::new().await;
    reports.by_mail().await;
    reports.world.zone.txt("_smtp._tls.b.example", "v=TLSRPTv1; rua=mailto:tls@b.example");
    reports.serve(Script::new()).await;
    reports.world.start().await;
    reports.send("a@b.example").await;
    let day = reports.today();
    reports.world.stop().await;
    // As if the process had died between both: what was counted is still there when the report is in the queue.
    let kept = reports.kept_reports().await.remove(0);
    reports.after(day).await;
    reports.mailed("tls@b.example").await;
    reports.world.stop().await;
    let again = NewTlsResults { domain: kept.domain, results: kept.results, id: kept.id, due_at: day.end() };
    reports.world.store.add_tls_results(day, vec![again], 10).await.expect("added");
    reports.world.start().await;
    while reports.kept().await > 0 {
        tokio::task::yield_now().await;
    }
    reports.world.wait_until_idle().await;
    assert_eq!(reports.mailed("tls@b.example").await.len(), 1);
}

//! Each place of a record gets the report, and none holds up another.

use super::*;

#[tokio::test]
async fn each_place_gets_a_report_once_and_no_place_holds_up_another() {
    let mut reports = Reports::new().await;
    let good = reports.place();
    let bad = good.replace("reports.example", "nowhere.example");
    // A host that does not prove its name, one that is not there, a port that may not be called, mail that nobody sends, and
    // the one.
    let all = format!(
        "v=TLSRPTv1; rua=https://other.example:{}/,{bad},https://reports.example:25/,mailto:a@b.example,{good}",
        reports.receiver.port()
    );
    reports.world.zone.address_of("other.example", Ipv4Addr::LOCALHOST.into());
    reports.world.zone.txt("_smtp._tls.b.example", &all);
    reports.serve(Script::new()).await;
    reports.world.start().await;
    reports.send("a@b.example").await;
    let day = reports.today();
    let counters = Counters::begin();
    reports.after(day).await;
    let request = reports.receiver.wait_for(1).await.remove(0);
    assert_eq!(read(&request)["policies"][0]["policy"]["policy-domain"], "b.example");
    while counters.of("waxseal_tls_reports_total", &["deferred"]) == 0 {
        tokio::task::yield_now().await;
    }
    // The others are tried for a day, over restarts; the one has it.
    while reports.kept().await > 0 {
        assert!(reports.world.clock.now() <= day.end() + 40 * HOUR, "it is given up in time");
        reports.world.stop().await;
        reports.world.later(5 * HOUR);
        let tried = || {
            counters.of("waxseal_tls_reports_total", &["deferred"])
                + counters.of("waxseal_tls_reports_total", &["given-up"])
        };
        let before = tried();
        reports.world.start().await;
        while tried() == before {
            tokio::task::yield_now().await;
        }
        reports.world.stop().await;
        reports.world.start().await;
    }
    assert_eq!(reports.receiver.requests().len(), 1);
    assert_eq!(counters.of("waxseal_tls_reports_total", &["given-up"]), 1);
    // One of two is late.
    let mut reports = Reports::new().await;
    let both = format!("v=TLSRPTv1; rua={},{}", reports.place(), reports.place().replace("/in", "/other"));
    reports.world.zone.txt("_smtp._tls.b.example", &both);
    reports.receiver.answer([Answer::Status(201), Answer::Status(503), Answer::Status(201)]);
    reports.serve(Script::new()).await;
    reports.world.start().await;
    reports.send("a@b.example").await;
    reports.after(reports.today()).await;
    reports.receiver.wait_for(2).await;
    reports.world.stop().await;
    assert_eq!(reports.kept().await, 1);
    reports.world.later(15 * MINUTE);
    reports.world.start().await;
    while reports.kept().await > 0 {
        tokio::task::yield_now().await;
    }
    let requests = reports.receiver.requests();
    assert_eq!(requests.len(), 3, "who has it is not told again");
    assert_ne!(requests[0].line, requests[1].line);
    assert!(requests.iter().all(|request| read(request) == read(&requests[0])), "it is the same for each");
}

#[tokio::test]
async fn a_report_whose_answer_was_lost_in_a_crash_comes_again_under_its_number() {
    let mut reports = Reports::new().await;
    reports.wants("b.example");
    reports.receiver.answer([Answer::Silence, Answer::Status(201)]);
    reports.serve(Script::new()).await;
    reports.world.start().await;
    reports.send("a@b.example").await;
    reports.after(reports.today()).await;
    reports.receiver.wait_for(1).await;
    reports.world.kill();
    reports.world.start().await;
    let both = reports.receiver.wait_for(2).await;
    assert_eq!(read(&both[0])["report-id"], read(&both[1])["report-id"]);
    assert_eq!(read(&both[0]), read(&both[1]));
}

#[tokio::test]
async fn a_receiver_that_says_nothing_holds_up_its_own_report_alone() {
    let mut reports = Reports::new().await;
    reports.serve(Script::new()).await;
    let domains: Vec<_> = (0..30).map(|number| format!("d{number}.example")).collect();
    for domain in &domains {
        reports.world.zone.mx(domain, 10, "mx.b.example");
        reports.wants(domain);
    }
    reports.receiver.answer([Answer::Silence, Answer::Status(201)]);
    reports.world.start().await;
    for domain in &domains {
        reports.send(&format!("a@{domain}")).await;
    }
    let counters = Counters::begin();
    reports.after(reports.today()).await;
    reports.receiver.wait_for(30).await;
    while reports.kept().await > 1 {
        tokio::task::yield_now().await;
    }
    assert_eq!(counters.of("waxseal_tls_reports_total", &["deferred"]), 0, "it still waits for the one");
}

#[tokio::test]
async fn who_wants_none_any_more_gets_none_and_who_cannot_be_asked_is_asked_again() {
    let mut reports = Reports::new().await;
    reports.wants("c.example");
    reports.serve(Script::new()).await;
    reports.world.start().await;
    reports.send("a@c.example").await;
    reports.world.stop().await;
    assert_eq!(reports.kept().await, 1);
    reports.world.zone.forget("_smtp._tls.c.example");
    let counters = Counters::begin();
    reports.after(reports.today()).await;
    while counters.of("waxseal_tls_reports_total", &["unwanted"]) == 0 {
        tokio::task::yield_now().await;
    }
    reports.world.stop().await;
    assert_eq!((reports.kept().await, reports.receiver.requests().len()), (0, 0));
    // As long as the DNS does not say, nobody knows.
    let mut reports = Reports::new().await;
    reports.wants("b.example");
    reports.serve(Script::new()).await;
    reports.world.start().await;
    reports.send("a@b.example").await;
    reports.world.stop().await;
    reports.world.zone.fault("_smtp._tls.b.example", Fault::ServFail);
    let counters = Counters::begin();
    reports.after(reports.today()).await;
    while counters.of("waxseal_tls_reports_total", &["deferred"]) == 0 {
        tokio::task::yield_now().await;
    }
    reports.world.stop().await;
    assert_eq!((reports.kept().await, reports.receiver.requests().len()), (1, 0));
}

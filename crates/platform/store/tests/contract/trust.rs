//! What recipients' domains ask of TLS is kept sealed, for as long as they said, and belongs to no account.

use std::{sync::Arc, time::Duration};

use waxseal_model::tls_results::{AppliedPolicy, Failure, PolicyType, ResultType, TlsResults};
use waxseal_store::trust::{NewTlsResults, StsPolicy, TlsReport};

use crate::world::{WORKER, World};

const DAY: Duration = Duration::from_secs(86_400);
const DOMAIN: &str = "b.example";

fn policy(world: &World, id: &str, days: u32) -> StsPolicy {
    let until = world.now() + days * DAY;
    let text = format!("version: STSv1\nmode: enforce\nmx: mx.{DOMAIN}\nmax_age: {}\n", days * 86_400);
    StsPolicy { domain: DOMAIN.into(), id: id.into(), text, fetch_again: world.now() + DAY / 2, until }
}

async fn kept(world: &World) -> Option<StsPolicy> {
    let kept = world.store.sts_policy(DOMAIN).await.expect("read");
    kept.map(|kept| kept.into_open(&WORKER))
}

async fn purge(world: &World) -> (u64, u64) {
    let rows = world.store.purge_trust(world.now(), 10).await.expect("purged");
    (rows, world.store.destroy_unused_trust_keys(world.now().day()).await.expect("destroyed"))
}

async fn keys(world: &World) -> usize {
    world.store.keys().await.expect("listed").iter().filter(|key| key.class == "trust").count()
}

pub(crate) async fn a_policy_is_there_after_a_restart_and_the_latest_counts(mut world: World) {
    let (first, second) = (policy(&world, "1", 7), policy(&world, "2", 30));
    world.store.keep_sts_policy(first.clone()).await.expect("kept");
    world.reopen().await;
    assert_eq!(kept(&world).await, Some(first));
    assert!(world.store.sts_policy("c.example").await.expect("read").is_none(), "it is this domain's alone");
    world.store.keep_sts_policy(second.clone()).await.expect("kept");
    world.reopen().await;
    assert_eq!(kept(&world).await, Some(second));
}

pub(crate) async fn a_policy_and_the_key_of_its_day_are_forgotten_when_its_time_is_over(world: World) {
    world.store.keep_sts_policy(policy(&world, "1", 7)).await.expect("kept");
    world.clock.advance(6 * DAY);
    assert_eq!(purge(&world).await, (0, 0));
    assert!(kept(&world).await.is_some());
    world.clock.advance(DAY);
    assert!(kept(&world).await.is_none(), "it holds no longer, whoever purges");
    assert_eq!(keys(&world).await, 1);
    assert_eq!(purge(&world).await, (1, 1));
    assert_eq!(keys(&world).await, 0);
}

pub(crate) async fn a_policy_that_is_fetched_again_needs_the_key_of_its_new_day_alone(world: World) {
    world.store.keep_sts_policy(policy(&world, "1", 30)).await.expect("kept");
    world.clock.advance(2 * DAY);
    let again = policy(&world, "1", 30);
    world.store.keep_sts_policy(again.clone()).await.expect("kept");
    assert_eq!((keys(&world).await, purge(&world).await), (2, (0, 1)));
    assert_eq!(kept(&world).await, Some(again));
}

pub(crate) async fn what_a_clock_ahead_of_its_time_kept_goes(world: World) {
    let now = world.now();
    world.clock.jump_to(now + 400 * DAY);
    world.store.keep_sts_policy(policy(&world, "1", 30)).await.expect("kept");
    world.clock.jump_to(now);
    world.store.redate_ahead(now).await.expect("dated anew");
    assert_eq!(world.store.purge_trust(now, 10).await.expect("purged"), 1);
    world.clock.advance(DAY);
    assert_eq!(purge(&world).await, (0, 1));
}

pub(crate) async fn neither_the_domain_nor_its_servers_rest_in_the_clear(world: World) {
    world.store.keep_sts_policy(policy(&world, "1", 30)).await.expect("kept");
    let look: waxseal_store::search::Look =
        Arc::new(|value| u64::from(value.windows(9).any(|window| window == DOMAIN.as_bytes())));
    let access = waxseal_model::Access::new(waxseal_model::actor::System, waxseal_model::purpose::Operation);
    let found = world.store.search(DOMAIN, look, &access).await.expect("searched");
    let places: Vec<_> = found.places.iter().map(|place| (place.table, place.column, place.rows)).collect();
    assert_eq!(places, [("sts_policies", "destination", 1), ("sts_policies", "policy", 1)]);
    assert_eq!(found.unreadable, 0);
    let clear =
        |place: &waxseal_store::search::Place| place.at_rest == waxseal_model::data_class::AtRest::Clear;
    assert!(!found.places.iter().any(clear));
}

pub(crate) async fn a_policy_that_cannot_be_opened_is_as_none(mut world: World) {
    world.store.keep_sts_policy(policy(&world, "1", 30)).await.expect("kept");
    // As after a restore beside a keyring in which that day's key is gone.
    world.store.destroy_trust_keys_of(world.now().day()).await.expect("destroyed");
    world.reopen().await;
    assert!(kept(&world).await.is_none());
    let again = policy(&world, "2", 30);
    world.store.keep_sts_policy(again.clone()).await.expect("kept");
    assert_eq!(kept(&world).await, Some(again), "it is kept anew");
}

fn counted(server: &str) -> TlsResults {
    let policy =
        AppliedPolicy { kind: PolicyType::Sts, lines: vec!["version: STSv1".into()], servers: vec![] };
    let mut results = TlsResults::default();
    results.count(policy.clone(), None);
    let result = ResultType::CertificateExpired;
    let (sending_ip, receiving_ip) = (Some([192, 0, 2, 1].into()), None);
    let failure =
        Failure { result, sending_ip, server: Some(server.into()), receiving_ip, reason: Some("why".into()) };
    results.count(policy, Some(failure));
    results
}

fn results(world: &World, domain: &str, id: &str) -> NewTlsResults {
    let due_at = world.now().day().end() + DAY / 24;
    NewTlsResults { domain: domain.into(), results: counted("mx.b.example"), id: id.into(), due_at }
}

/// More than any test adds.
const MANY: u64 = 100;

async fn due(world: &World) -> Vec<TlsReport> {
    let due = world.store.due_tls_reports(world.now(), 10).await.expect("read");
    due.into_iter().map(|report| report.into_open(&WORKER)).collect()
}

pub(crate) async fn results_of_a_day_are_added_up_and_due_after_it(mut world: World) {
    let today = world.now().day();
    for id in ["one", "two"] {
        let both = vec![results(&world, DOMAIN, id), results(&world, "c.example", id)];
        world.store.add_tls_results(today, both, MANY).await.expect("added");
        world.reopen().await;
    }
    assert!(due(&world).await.is_empty(), "the day is not over");
    world.clock.advance(DAY);
    world
        .store
        .add_tls_results(world.now().day(), vec![results(&world, DOMAIN, "new")], MANY)
        .await
        .expect("added");
    world.clock.jump_to(today.end() + DAY / 24);
    let mut reports = due(&world).await;
    reports.sort_by(|one, other| one.domain.cmp(&other.domain));
    let [first, second] = reports.as_slice() else { panic!("{} reports", reports.len()) };
    assert_eq!((first.domain.as_str(), second.domain.as_str()), (DOMAIN, "c.example"));
    let mut twice = counted("mx.b.example");
    twice.merge(counted("mx.b.example"));
    assert_eq!(
        (first.day, first.id.as_str(), first.attempts),
        (today, "one", 0),
        "what was said first counts"
    );
    assert_eq!(first.results, twice);
}

pub(crate) async fn a_report_is_put_off_and_ends_once(mut world: World) {
    let today = world.now().day();
    world.store.add_tls_results(today, vec![results(&world, DOMAIN, "one")], MANY).await.expect("added");
    world.clock.jump_to(today.end() + DAY / 24);
    world
        .store
        .postpone_tls_report(today, DOMAIN, world.now() + DAY / 24, Vec::new())
        .await
        .expect("put off");
    world.reopen().await;
    assert!(due(&world).await.is_empty());
    world.clock.advance(DAY / 24);
    assert_eq!(due(&world).await[0].attempts, 1);
    world.store.end_tls_report(today, "c.example").await.expect("not this one");
    assert_eq!(due(&world).await.len(), 1);
    world.store.end_tls_report(today, DOMAIN).await.expect("ended");
    world.reopen().await;
    assert!(due(&world).await.is_empty());
    world.clock.advance(DAY);
    assert_eq!((keys(&world).await, purge(&world).await), (1, (0, 1)), "and the key of the day with it");
}

pub(crate) async fn who_has_a_report_is_known_when_it_is_tried_again(mut world: World) {
    let today = world.now().day();
    let new = || vec![results(&world, DOMAIN, "one")];
    world.store.add_tls_results(today, new(), MANY).await.expect("added");
    let taken = vec!["https://reports.example/in".to_owned(), "mailto:a@b.example".to_owned()];
    world.store.postpone_tls_report(today, DOMAIN, world.now(), taken.clone()).await.expect("put off");
    world.store.add_tls_results(today, new(), MANY).await.expect("added");
    world.store.postpone_tls_report(today, DOMAIN, world.now(), Vec::new()).await.expect("put off");
    world.reopen().await;
    let [report] = due(&world).await.try_into().expect("one report");
    assert_eq!((report.id.as_str(), report.attempts, report.taken), ("one", 2, taken));
    assert_eq!(report.results.sessions(), 4);
}

pub(crate) async fn a_day_has_results_of_so_many_domains_and_no_more(mut world: World) {
    let today = world.now().day();
    let add = async |world: &World, names: &[&str]| {
        let new = names.iter().map(|name| results(world, name, "id")).collect();
        world.store.add_tls_results(today, new, 3).await.expect("added")
    };
    assert_eq!(add(&world, &["a.example", "b.example"]).await, 0);
    world.reopen().await;
    assert_eq!(
        add(&world, &["c.example", "d.example", "a.example", "e.example"]).await,
        4,
        "two sessions of each"
    );
    world.clock.advance(2 * DAY);
    let mut kept: Vec<_> =
        due(&world).await.into_iter().map(|it| (it.domain, it.results.sessions())).collect();
    kept.sort();
    let wanted = [("a.example", 4), ("b.example", 2), ("c.example", 2)];
    assert_eq!(kept, wanted.map(|(name, sessions)| (name.to_owned(), sessions)));
}

pub(crate) async fn results_that_nobody_was_told_are_forgotten(world: World) {
    let today = world.now().day();
    world.store.add_tls_results(today, vec![results(&world, DOMAIN, "one")], MANY).await.expect("added");
    world.clock.advance(3 * DAY);
    assert_eq!(purge(&world).await, (0, 0));
    world.clock.advance(DAY);
    assert_eq!(purge(&world).await, (1, 1));
    assert!(due(&world).await.is_empty());
}

pub(crate) async fn results_that_cannot_be_opened_are_in_nobodys_way(world: World) {
    let today = world.now().day();
    world.store.add_tls_results(today, vec![results(&world, DOMAIN, "one")], MANY).await.expect("added");
    world.store.destroy_trust_keys_of(today).await.expect("destroyed");
    world.store.add_tls_results(today, vec![results(&world, "c.example", "two")], MANY).await.expect("added");
    world.clock.advance(2 * DAY);
    assert_eq!(due(&world).await.iter().map(|report| report.id.as_str()).collect::<Vec<_>>(), ["two"]);
    assert_eq!(world.store.due_tls_reports(world.now(), 1).await.expect("read").len(), 1, "dropped for good");
}

//! Looking at what is published, with a real nameserver.

use std::net::IpAddr;

use waxseal_domains::{Wanted, dns::DnsPurpose};
use waxseal_store::domain::{Domain, DomainState, RecordState};

use crate::{World, of};

const NAME: &str = "mg.example.org";
const HOST: &str = "mail.example.org";
const OURS: [u8; 4] = [192, 0, 2, 7];

impl World {
    /// A domain that its owner made.
    async fn wanted(&self, name: &str) -> Domain {
        let settings = self.domains.usual_settings();
        let wanted = Wanted { name: name.into(), settings, selector: None, own_keys: false };
        self.domains.create_as(self.account, wanted).await.expect("made").domain
    }

    /// What is published of a kind, after a look.
    async fn seen(&self, domain: &Domain, purpose: DnsPurpose) -> (Domain, RecordState) {
        let seen = self.domains.verify(domain).await.expect("asked").expect("there");
        let records = self.domains.dns_records(&seen).await.expect("records");
        let record = of(&records, purpose)[0].clone();
        let checked = seen.settings.details.checked.clone().expect("looked");
        let state = checked.of(record.record_type, &record.name, &record.value).expect("of it").clone();
        (seen, state)
    }

    async fn publish_keys(&self, domain: &Domain) {
        for record in of(&self.domains.dns_records(domain).await.expect("records"), DnsPurpose::Dkim) {
            self.zone.txt(&record.name, &record.value);
        }
    }
}

#[tokio::test]
async fn a_domain_may_send_once_its_key_and_policy_are_seen() {
    let world = World::new().await;
    let domain = world.wanted(NAME).await;
    assert_eq!(domain.state, DomainState::Unverified);
    world.zone.address_of(HOST, IpAddr::from(OURS));
    let (seen, state) = world.seen(&domain, DnsPurpose::Dkim).await;
    assert_eq!((seen.state, state.is_valid), (DomainState::Unverified, Some(false)));
    assert!(state.problem.contains("There is no TXT record at"), "{}", state.problem);

    world.publish_keys(&domain).await;
    let (seen, state) = world.seen(&domain, DnsPurpose::Dkim).await;
    assert_eq!((seen.state, state.is_valid), (DomainState::Unverified, Some(true)), "the policy is missing");
    assert_eq!((state.problem.as_str(), state.found.len()), ("", 1));

    world.zone.txt(NAME, "v=spf1 a:mail.example.org ~all");
    let (seen, state) = world.seen(&domain, DnsPurpose::Spf).await;
    assert_eq!((seen.state, state.is_valid), (DomainState::Active, Some(true)));

    world.zone.forget(NAME);
    let (seen, state) = world.seen(&seen, DnsPurpose::Spf).await;
    assert_eq!(state.is_valid, Some(false));
    assert_eq!(seen.state, DomainState::Active, "what sends goes on");
}

#[tokio::test]
async fn a_key_whose_record_is_missing_signs_once_it_is_seen() {
    let world = World::new().await;
    let domain = world.wanted(NAME).await;
    world.zone.address_of(HOST, IpAddr::from(OURS)).txt(NAME, "v=spf1 a:mail.example.org ~all");
    let records = world.domains.dns_records(&domain).await.expect("records");
    let keys = of(&records, DnsPurpose::Dkim);
    world.zone.txt(&keys[0].name, &keys[0].value);
    let (seen, _) = world.seen(&domain, DnsPurpose::Spf).await;
    assert_eq!(seen.state, DomainState::Active);
    let signers = async || world.domains.keys(&seen).await.expect("keys").signers.len();
    assert_eq!(signers().await, 1);
    assert_eq!(world.domains.dns_records(&seen).await.expect("records"), records, "all are to be published");
    world.domains.tend().await.expect("round");
    assert_eq!(signers().await, 1);
    world.zone.txt(&keys[1].name, &keys[1].value);
    let (seen, _) = world.seen(&seen, DnsPurpose::Spf).await;
    assert_eq!(world.domains.keys(&seen).await.expect("keys").signers.len(), 2, "whoever asks need not wait");
}

#[tokio::test]
async fn a_key_record_counts_by_what_a_verifier_reads_in_it() {
    let world = World::new().await;
    let domain = world.wanted(NAME).await;
    let record = of(&world.domains.dns_records(&domain).await.expect("records"), DnsPurpose::Dkim)[0].clone();
    let key = record.value.split("p=").nth(1).expect("a key").to_owned();
    let (half, rest) = key.split_at(100);
    let table = [
        (format!("p={key}"), true),
        (format!("v=DKIM1; k=rsa; h=sha1:sha256; s=email; t=y; p={key};"), true),
        (format!("v=DKIM1;k=rsa;p={half} {rest}"), true),
        (format!("k=rsa; v=DKIM1; p={key}"), false),
        (format!("v=DKIM2; p={key}"), false),
        (format!("v=DKIM1; k=ed25519; p={key}"), false),
        (format!("v=DKIM1; h=sha1; p={key}"), false),
        (format!("v=DKIM1; s=other; p={key}"), false),
        ("v=DKIM1; p=".to_owned(), false),
        (format!("v=DKIM1; p={half}"), false),
    ];
    for (text, is_valid) in table {
        world.zone.forget(&record.name).txt(&record.name, &text);
        let (_, state) = world.seen(&domain, DnsPurpose::Dkim).await;
        assert_eq!(state.is_valid, Some(is_valid), "{text}");
    }
}

#[tokio::test]
async fn a_sender_policy_counts_by_what_it_says_of_this_server() {
    let world = World::new().await;
    let domain = world.wanted(NAME).await;
    let (_, state) = world.seen(&domain, DnsPurpose::Spf).await;
    assert_eq!(state.is_valid, None, "this server has no address: {}", state.problem);
    world.zone.address_of(HOST, IpAddr::from(OURS));
    world.zone.txt("let.in.example", "v=spf1 ip4:192.0.2.0/24 -all");
    let table: [(&[&str], bool, &str); 8] = [
        (&["v=spf1 include:let.in.example -all"], true, ""),
        (&["v=spf1 ip4:192.0.2.7 -all", "google-site-verification=x"], true, ""),
        (&["v=spf1 redirect=let.in.example"], true, ""),
        (&["v=spf1 ip4:198.51.100.1 -all"], false, "does not let this server (192.0.2.7) send"),
        (&["v=spf1 -ip4:192.0.2.7 +all"], false, "does not let this server"),
        (&["v=spf1 a:mail.example.org -all", "v=spf1 -all"], false, "there are several"),
        (&["v=spf1 include:mg.example.org -all"], false, "it needs more than 10 look-ups"),
        (&["hello"], false, "There is no SPF record"),
    ];
    for (texts, is_valid, problem) in table {
        world.zone.forget(NAME);
        for text in texts {
            world.zone.txt(NAME, text);
        }
        let (_, state) = world.seen(&domain, DnsPurpose::Spf).await;
        assert_eq!(state.is_valid, Some(is_valid), "{texts:?}: {}", state.problem);
        assert!(state.problem.contains(problem), "{texts:?}: {}", state.problem);
    }
}

#[tokio::test]
async fn each_other_record_counts_where_it_does_what_it_is_for() {
    let world = World::new().await;
    let domain = world.wanted(NAME).await;
    world.zone.address_of(HOST, IpAddr::from(OURS));
    let is_valid = async |purpose| world.seen(&domain, purpose).await.1;

    let state = is_valid(DnsPurpose::ReturnPath).await;
    assert!(state.is_valid == Some(false) && state.problem.contains("it has none"), "{}", state.problem);
    world.zone.mx(NAME, 10, "mx.elsewhere.example");
    let state = is_valid(DnsPurpose::ReturnPath).await;
    assert!(state.is_valid == Some(false) && state.problem.contains("elsewhere"), "{}", state.problem);
    assert_eq!(state.found, ["mx.elsewhere.example"]);
    world.zone.mx(NAME, 20, HOST);
    assert_eq!(is_valid(DnsPurpose::ReturnPath).await.is_valid, Some(true));

    assert_eq!(is_valid(DnsPurpose::Dmarc).await.is_valid, Some(false));
    world.zone.txt("_dmarc.example.org", "v=DMARC1; p=reject");
    assert_eq!(is_valid(DnsPurpose::Dmarc).await.is_valid, Some(true), "one above counts");

    let tracking = "email.mg.example.org";
    assert_eq!(is_valid(DnsPurpose::Tracking).await.is_valid, Some(false));
    world.zone.address_of(tracking, IpAddr::from([198, 51, 100, 1]));
    assert_eq!(is_valid(DnsPurpose::Tracking).await.is_valid, Some(false));
    world.zone.forget(tracking).address_of(tracking, IpAddr::from(OURS));
    assert_eq!(is_valid(DnsPurpose::Tracking).await.is_valid, Some(true), "the same address");
    world.zone.forget(tracking).cname(tracking, HOST);
    assert_eq!(is_valid(DnsPurpose::Tracking).await.is_valid, Some(true), "another name for it");
}

#[tokio::test]
async fn another_servers_key_is_no_key_of_ours() {
    let world = World::new().await;
    let domain = world.wanted(NAME).await;
    let other = world.wanted("other.example").await;
    let (ours, theirs) = (
        world.domains.dns_records(&domain).await.expect("records"),
        world.domains.dns_records(&other).await.expect("records"),
    );
    world.zone.txt(&of(&ours, DnsPurpose::Dkim)[0].name, &of(&theirs, DnsPurpose::Dkim)[0].value);
    let (_, state) = world.seen(&domain, DnsPurpose::Dkim).await;
    assert_eq!(state.is_valid, Some(false));
    assert!(state.problem.contains("has another key"), "{}", state.problem);
}

#[tokio::test]
async fn who_publishes_and_waits_need_not_ask() {
    let world = World::new().await;
    let domain = world.wanted(NAME).await;
    world.zone.address_of(HOST, IpAddr::from(OURS)).txt(NAME, "v=spf1 a:mail.example.org ~all");
    world.publish_keys(&domain).await;
    assert_eq!(world.domains.tend().await.expect("round"), 0, "its time has not come");
    let state =
        async || world.domains.by_name(world.account, NAME).await.expect("read").expect("there").state;
    world.pass_minutes(10);
    assert_eq!(world.domains.tend().await.expect("round"), 1);
    assert_eq!(state().await, DomainState::Active);
    world.pass_minutes(60 * 24 * 40);
    assert_eq!(world.domains.tend().await.expect("round"), 0, "there is nothing left to wait for");
}

#[tokio::test]
async fn a_domain_whose_records_never_come_is_not_asked_for_for_ever() {
    let world = World::new().await;
    world.wanted(NAME).await;
    let mut looks = 0;
    for _ in 0..40 * 24 * 6 {
        world.pass_minutes(10);
        looks += world.domains.tend().await.expect("round");
    }
    assert!((50..300).contains(&looks), "{looks}");
    world.pass_minutes(60 * 24);
    assert_eq!(world.domains.tend().await.expect("round"), 0);
}

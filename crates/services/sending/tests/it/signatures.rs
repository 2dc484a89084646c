//! What is queued is signed, by both keys, as another implementation checks it with the published records.

use std::{borrow::Borrow, collections::HashMap, hash::Hash, sync::Mutex, time::Instant};

use mail_auth::{
    AuthenticatedMessage, DkimResult, MX, MessageAuthenticator, Parameters, RecordSet, ResolverCache, Txt,
    common::{cache::NoCache, parse::TxtRecordParser, verify::DomainKey},
};
use waxseal_domains::dns::{DnsPurpose, DnsRecord};
use waxseal_model::Clock;
use waxseal_sending::{SendingConfig, request::Parts};
use waxseal_system::SystemClock;

use crate::world::{World, headers, letter, pairs};

/// The verifier looks at the machine's clock, so the message is of today.
async fn world() -> World {
    World::at(SystemClock::new().now(), SendingConfig::new("mail.example.org")).await
}

/// One word per signature, by mail-auth, with the DNS records that the domain's owner is told to publish.
async fn verified(world: &World, body: &[u8]) -> Vec<String> {
    let records = world.domains.dns_records(&world.domain).await.expect("records");
    let zone = Zone::of(&records);
    let resolver = MessageAuthenticator::new_cloudflare().expect("resolver");
    let message = AuthenticatedMessage::parse(body).expect("message");
    let parameters = Parameters {
        params: &message,
        cache_txt: Some(&zone),
        cache_mx: None::<&NoCache<Box<str>, RecordSet<MX>>>,
        cache_ptr: None::<&NoCache<_, _>>,
        cache_ipv4: None::<&NoCache<_, _>>,
        cache_ipv6: None::<&NoCache<_, _>>,
    };
    let results = resolver.verify_dkim(parameters).await;
    let word = |result: &DkimResult| match result {
        DkimResult::Pass => "pass".to_owned(),
        other => format!("{other:?}"),
    };
    results.iter().map(|output| word(output.result())).collect()
}

#[tokio::test]
async fn both_signatures_hold_against_the_published_records() {
    let world = world().await;
    let html = Some("<p>Grüße</p>".into());
    world.send(world.request(Parts { subject: Some("Grüße".into()), html, ..letter() })).await.expect("sent");
    let queued = world.only().await;
    assert_eq!(verified(&world, &queued.body).await, ["pass", "pass"]);
    let told = world.events().await.remove(0).details;
    let records = world.domains.dns_records(&world.domain).await.expect("records");
    assert_eq!(told.primary_dkim.as_deref(), Some(records[0].name.as_str()));
    let changed = String::from_utf8(queued.body).expect("ascii").replace("Hi Bob", "Hi Eve");
    assert_ne!(verified(&world, changed.as_bytes()).await, ["pass", "pass"]);
}

#[tokio::test]
async fn every_copy_of_a_batch_is_signed_for_itself() {
    let world = world().await;
    let to = (0..5).map(|n| format!("user{n}@example.net")).collect();
    let mut request = world.request(Parts { to, text: Some("%recipient_email%".into()), ..letter() });
    request.recipient_variables = Some("{}".into());
    world.send(request).await.expect("sent");
    for queued in world.queued().await {
        assert_eq!(verified(&world, &queued.body).await, ["pass", "pass"], "{}", queued.recipient);
    }
}

#[tokio::test]
async fn customers_mime_is_signed_as_it_leaves() {
    let world = world().await;
    let mime = "From: Ada <ada@mg.example.org>\nTo: bob@example.net\nBcc: x@example.net\nSubject: a\n b\n\nHi  \n\n\n";
    world.send(world.mime_request(mime, &["bob@example.net"])).await.expect("sent");
    assert_eq!(verified(&world, &world.only().await.body).await, ["pass", "pass"]);
}

#[tokio::test]
async fn signing_can_be_switched_off_and_a_second_domain_can_sign_too() {
    let world = world().await;
    let mut unsigned = world.request(letter());
    unsigned.options = pairs(&[("dkim", "no")]);
    world.send(unsigned).await.expect("sent");
    assert!(headers(&world.only().await.body, "DKIM-Signature").is_empty());
    assert_eq!(world.events().await[0].details.primary_dkim, None);
    world.sending.clear_queue(&world.domain).await.expect("cleared");

    let other = world.domains.create(world.caller.account, "other.example.org").await.expect("domain");
    let selector = other.dns[0].name.split('.').next().expect("selector").to_owned();
    for (public, domain) in [(None, "other.example.org"), (Some("alias.example.com/k9"), "alias.example.com")]
    {
        let mut request = world.request(letter());
        request.options = vec![("secondary-dkim".into(), format!("other.example.org/{selector}"))];
        request.options.extend(public.map(|public| ("secondary-dkim-public".to_owned(), public.to_owned())));
        world.send(request).await.expect("sent");
        let signatures = headers(&world.only().await.body, "DKIM-Signature");
        assert_eq!(signatures.len(), 3);
        assert!(
            signatures.iter().any(|signature| signature.contains(&format!("d={domain};"))),
            "{signatures:?}"
        );
        world.sending.clear_queue(&world.domain).await.expect("cleared");
    }
}

struct Zone(Mutex<HashMap<Box<str>, Txt>>);

impl Zone {
    fn of(records: &[DnsRecord]) -> Self {
        let key = |record: &DnsRecord| {
            let parsed = DomainKey::parse(record.value.as_bytes()).expect("key record");
            (format!("{}.", record.name).into_boxed_str(), Txt::from(parsed))
        };
        Self(Mutex::new(records.iter().filter(|r| r.purpose == DnsPurpose::Dkim).map(key).collect()))
    }
}

impl ResolverCache<Box<str>, Txt> for Zone {
    fn get<Q>(&self, name: &Q) -> Option<Txt>
    where
        Box<str>: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.0.lock().expect("lock").get(name).cloned()
    }

    fn remove<Q>(&self, name: &Q) -> Option<Txt>
    where
        Box<str>: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.0.lock().expect("lock").remove(name)
    }

    fn insert(&self, key: Box<str>, value: Txt, _: Instant) {
        self.0.lock().expect("lock").insert(key, value);
    }
}

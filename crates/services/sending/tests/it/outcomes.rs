//! What else a domain or its owner may want: sandbox, resend.

use std::time::Duration;

use waxseal_model::Clock as _;
use waxseal_sending::{
    request::{Parts, SendRequest},
    resend::ResendError,
};
use waxseal_store::message::StoredMessage;

use crate::world::{ACCESS, Queued, World, header, headers, letter, pairs, strings};

#[tokio::test]
async fn mail_of_a_sandbox_domain_is_marked_to_be_kept() {
    let world = World::new().await;
    let sandbox = world.domains.create_sandbox(world.caller.account, None).await.expect("sandbox").domain;
    assert!(sandbox.name.starts_with("sandbox") && sandbox.name.ends_with(".mail.example.org"));
    let request = SendRequest { domain: sandbox, ..world.request(letter()) };
    world.send(request).await.expect("sent");
    let id = world.only().await.entry.message;
    let message = world.store.message(world.caller.account, id).await.expect("store").expect("message");
    assert!(message.capture);
}

#[tokio::test]
async fn a_stored_message_goes_again_to_others() {
    let world = World::new().await;
    let sent = world.send(world.request(letter())).await.expect("sent");
    let first = world.only().await;
    world.clock.advance(Duration::from_secs(3_600));
    let to = strings(&["carl@example.net, dora@example.net"]);
    let again = world
        .sending
        .resend(&world.caller, &world.domain, first.entry.message, &to, None)
        .await
        .expect("sent");
    assert_eq!(again, sent);
    let queued = world.queued().await;
    let recipients: Vec<_> = queued.iter().map(|queued| queued.recipient.as_str()).collect();
    assert_eq!(recipients, ["bob@example.net", "carl@example.net", "dora@example.net"]);
    let body = &queued[1].body;
    assert_eq!(headers(body, "DKIM-Signature").len(), 2);
    assert_ne!(headers(body, "DKIM-Signature"), headers(&first.body, "DKIM-Signature"));
    assert_eq!(header(body, "To").as_deref(), Some("bob@example.net"));
    let content = |body: &[u8]| body.split(|b| *b == b'\n').skip_while(|line| line.len() > 1).count();
    assert_eq!(content(body), content(&first.body));
    let template = world
        .store
        .message(world.caller.account, queued[1].entry.message)
        .await
        .expect("store")
        .expect("message");
    assert_eq!(template.template.open(&ACCESS).message.subject, "Hello");
}

#[tokio::test]
async fn a_stored_message_knows_all_its_recipients_and_its_events_the_first_hundred() {
    let world = World::new().await;
    let everybody: Vec<String> = (0..150).map(|n| format!("user{n}@example.net")).collect();
    world.send(world.request(Parts { to: everybody.clone(), ..letter() })).await.expect("sent");
    let first = world.queued().await.remove(0);
    assert_eq!(stored(&world, &first).await.template.open(&ACCESS).message.recipients, everybody);
    for told in world.events().await {
        assert_eq!(told.details.message.recipients, everybody[..100]);
    }
}

#[tokio::test]
async fn what_goes_again_keeps_the_options_of_its_first_sending() {
    let world = World::new().await;
    let other = world.domains.create(world.caller.account, "other.example.org").await.expect("domain");
    let selector = other.dns[0].name.split('.').next().expect("selector").to_owned();
    let mut request = world.request(letter());
    request.options = pairs(&[
        ("tag", "welcome"),
        ("require-tls", "yes"),
        ("deliver-within", "2h"),
        ("archive-to", "https://archive.example.org/in"),
        ("suppress-headers", "all"),
        ("secondary-dkim-public", "alias.example.com/k9"),
    ]);
    request.options.push(("secondary-dkim".into(), format!("other.example.org/{selector}")));
    world.send(request).await.expect("sent");
    let (first, again) = sent_again(&world).await;
    assert_eq!(headers(&again.body, "X-Mailgun-Tag"), Vec::<String>::new());
    let signatures = headers(&again.body, "DKIM-Signature");
    assert_eq!(signatures.len(), 3);
    assert!(signatures.iter().any(|one| one.contains("d=alias.example.com;")), "{signatures:?}");
    let (first, again) = (stored(&world, &first).await, stored(&world, &again).await);
    assert!(again.options.require_tls);
    assert_eq!(again.options, first.options);
    assert_eq!(again.schedule.not_before, world.clock.now());
    assert_eq!(again.schedule.give_up_at, world.clock.now() + Duration::from_secs(2 * 3_600));
    let template = again.template.open(&ACCESS);
    assert_eq!(template.tags, ["welcome"]);
    assert_eq!(template.archive_to.as_deref(), Some("https://archive.example.org/in"));
    assert!(
        world.events().await.iter().all(|told| told.details.archive_to.is_none()),
        "no event tells the URL"
    );
}

#[tokio::test]
async fn what_went_unsigned_goes_again_unsigned() {
    let world = World::new().await;
    let mut request = world.request(letter());
    request.options = pairs(&[("dkim", "no"), ("testmode", "no")]);
    world.send(request).await.expect("sent");
    let (_, again) = sent_again(&world).await;
    assert_eq!(headers(&again.body, "DKIM-Signature"), Vec::<String>::new());
    assert_eq!(stored(&world, &again).await.template.open(&ACCESS).primary_dkim, None);
}

#[tokio::test]
async fn what_goes_again_has_one_trace_of_ours_and_all_that_the_customer_wrote() {
    let world = World::new().await;
    let mime = "DKIM-Signature: v=1; d=own.example.com;\n s=k1; b=abcd\nReceived: from inside by own.example.com; x\n\
                From: Ada <ada@mg.example.org>\nTo: bob@example.net\nMessage-Id: <1@own.example.com>\n\
                Date: Tue, 10 Feb 2026 12:00:00 +0000\nMime-Version: 1.0\nSubject: Hi\n\nHi  \n";
    let mut request = world.mime_request(mime, &["bob@example.net"]);
    request.recipient_variables = Some("{}".into());
    world.send(request).await.expect("sent");
    let (first, again) = sent_again(&world).await;
    assert_eq!(headers(&first.body, "X-Mailgun-Batch-Id").len(), 1);
    assert_eq!(headers(&again.body, "X-Mailgun-Batch-Id"), Vec::<String>::new());
    assert_eq!(headers(&again.body, "Received").len(), 2, "ours and the customer's");
    let own = |body: &[u8]| {
        let text = String::from_utf8(body.to_vec()).expect("ascii");
        text.split_once("DKIM-Signature: v=1; d=own.example.com;")
            .expect("the customer's signature")
            .1
            .to_owned()
    };
    assert_eq!(own(&again.body), own(&first.body));
    assert_eq!(headers(&again.body, "DKIM-Signature").len(), 3);
}

/// Sends the only message in the queue to Carl as well: both.
async fn sent_again(world: &World) -> (Queued, Queued) {
    let first = world.only().await;
    world.clock.advance(Duration::from_secs(3_600));
    let (caller, to) = (&world.caller, strings(&["carl@example.net"]));
    world.sending.resend(caller, &world.domain, first.entry.message, &to, None).await.expect("sent again");
    (first, world.queued().await.remove(1))
}

async fn stored(world: &World, queued: &Queued) -> StoredMessage {
    let message = world.store.message(world.caller.account, queued.entry.message).await;
    message.expect("store").expect("message")
}

#[tokio::test]
async fn a_message_that_is_gone_or_foreign_is_not_found() {
    let world = World::new().await;
    world.send(world.request(letter())).await.expect("sent");
    let id = world.only().await.entry.message;
    let to = strings(&["carl@example.net"]);
    let other = world.domains.create(world.caller.account, "other.example.org").await.expect("domain").domain;
    let sent = world.sending.resend(&world.caller, &other, id, &to, None).await;
    assert!(matches!(sent, Err(ResendError::NotFound)));
    assert!(world.store.delete_message(world.caller.account, world.domain.id, id).await.expect("deleted"));
    let sent = world.sending.resend(&world.caller, &world.domain, id, &to, None).await;
    assert!(matches!(sent, Err(ResendError::NotFound)), "deleted while it still waits");
    let unknown = waxseal_model::MessageId::from_u128(1);
    let sent = world.sending.resend(&world.caller, &world.domain, unknown, &to, None).await;
    assert!(matches!(sent, Err(ResendError::NotFound)));
    let sent = world.sending.resend(&world.caller, &world.domain, id, &[], None).await;
    assert_eq!(sent.map_err(|error| error.to_string()), Err("to parameter is missing".into()));
}

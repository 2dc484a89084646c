//! What else a domain or its owner may want: sandbox, resend.

use std::time::Duration;

use waxseal_sending::{request::SendRequest, resend::ResendError};

use crate::world::{ACCESS, World, header, headers, letter, strings};

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

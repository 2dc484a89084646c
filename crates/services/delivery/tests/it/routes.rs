//! Mail goes where DNS or the operator says, over as few connections as will do.

use waxseal_model::event::EventKind;
use waxseal_testkit::smtp_peer::{Certificate, Greeting, Reaction, Script};

use crate::world::{CONTENT, World, mail};

#[tokio::test]
async fn a_message_reaches_its_recipients_server_and_the_log_tells_how() {
    let mut world = World::new().await;
    let peer = world.peer(Script::new()).await;
    world.start().await;
    let id = world.send(mail(&["bob@b.example"])).await;
    let events = world.wait_for_events(1).await;

    let received = peer.acknowledged();
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].text(), CONTENT);
    assert!(received[0].mail.contains("<bounce@ours.example>"));
    assert_eq!(received[0].recipients, ["TO:<bob@b.example>"]);

    let event = &events[0];
    assert_eq!((event.kind, event.severity, event.message), (EventKind::Delivered, None, Some(id)));
    assert_eq!(event.recipient(), "bob@b.example");
    assert_eq!(event.details.tags, ["welcome"], "what every event of the message repeats");
    let envelope = event.details.envelope.as_ref().expect("an envelope");
    assert_eq!((envelope.sender.as_str(), envelope.targets.as_str()), ("a@ours.example", "bob@b.example"));
    assert_eq!((envelope.transport.as_str(), envelope.sending_ip.as_deref()), ("smtp", Some("127.0.0.1")));
    let status = event.status();
    assert_eq!((status.code, status.message.as_str(), status.attempt_no), (250, "Taken", 1));
    assert_eq!(status.enhanced_code.as_deref(), Some("2.0.0"));
    assert_eq!(status.mx_host.as_deref(), Some("mx.b.example"));
    assert_eq!(status.mx_host_ip.as_deref(), Some("127.0.0.1"));
    assert_eq!(
        (status.tls, status.certificate_verified, status.utf8),
        (Some(false), Some(false), Some(false))
    );
    assert_eq!(status.first_delivery_attempt_seconds, Some(0.0));

    world.wait_until_idle().await;
    assert_eq!(world.queue().await.waiting, 0);
    assert!(world.store.body(world.account, id).await.expect("store").is_none(), "the content is gone");
}

#[tokio::test]
async fn a_server_is_reached_by_ipv6_where_it_has_nothing_else_or_does_not_answer_otherwise() {
    let mut world = World::new().await;
    // Nobody listens on this port but on the one address.
    world.peer(Script::new()).await;
    let peer = world.peer_at("[::1]", Script::new()).await;
    let ip = |text: &str| text.parse().expect("an address");
    for (domain, addresses) in [("six.example", &["::1"][..]), ("both.example", &["127.0.0.9", "::1"])] {
        let host = format!("mx.{domain}");
        world.zone.mx(domain, 10, &host);
        for address in addresses {
            world.zone.address_of(&host, ip(address));
        }
    }
    world.start().await;
    for (sent, to) in (1..).zip(["a@six.example", "a@both.example"]) {
        world.send(mail(&[to])).await;
        let event = world.wait_for_events(sent).await.pop().expect("an event");
        assert_eq!((event.recipient(), event.short().as_str()), (to, "delivered 250"));
        assert_eq!(event.status().mx_host_ip.as_deref(), Some("::1"));
        assert_eq!(event.details.envelope.and_then(|it| it.sending_ip).as_deref(), Some("::1"));
    }
    assert_eq!(peer.acknowledged().len(), 2);
}

#[tokio::test]
async fn recipients_of_one_message_and_domain_share_a_transaction() {
    let mut world = World::new().await;
    let peer = world.peer(Script::new()).await;
    world.send(mail(&["a@b.example", "b@b.example", "c@c.example", "d@b.example"])).await;
    world.start().await;
    world.wait_for_events(4).await;
    let mut sizes: Vec<_> = peer.acknowledged().iter().map(|message| message.recipients.len()).collect();
    sizes.sort_unstable();
    assert_eq!(sizes.iter().sum::<usize>(), 4);
    assert!(sizes.len() <= 3, "neighbours in the queue go together: {sizes:?}");
}

#[tokio::test]
async fn many_messages_share_few_connections() {
    let mut world = World::new().await;
    world.config.limits.per_destination = 3;
    let peer = world.peer(Script::new()).await;
    for number in 0..40 {
        world.send(mail(&[&format!("r{number}@b.example")])).await;
    }
    world.start().await;
    world.wait_for_events(40).await;
    let seen = peer.seen();
    assert_eq!(seen.messages.len(), 40);
    assert!(seen.most_open <= 3, "the limit of the destination holds: {}", seen.most_open);
    assert!(seen.connections <= 6, "connections are used again: {}", seen.connections);
}

#[tokio::test]
async fn the_next_host_is_tried_where_the_first_does_not_serve() {
    let mut world = World::new().await;
    let good = world.peer(Script::new().hostname("mx3.d.example")).await;
    let busy =
        world.peer_at("127.0.0.2", Script::new().greeting(Greeting::Say("421 4.3.2 busy\r\n".into()))).await;
    let ip = |text: &str| text.parse().expect("an address");
    world.zone.mx("d.example", 10, "mx1.d.example").mx("d.example", 20, "mx2.d.example").mx(
        "d.example",
        30,
        "mx3.d.example",
    );
    // Nobody listens on the first address.
    world.zone.address_of("mx1.d.example", ip("127.0.0.9")).address_of("mx2.d.example", ip("127.0.0.2"));
    world.zone.address_of("mx3.d.example", ip("127.0.0.1"));
    world.start().await;
    world.send(mail(&["x@d.example"])).await;
    let events = world.wait_for_events(1).await;
    assert_eq!(events[0].short(), "delivered 250");
    assert_eq!(events[0].status().mx_host.as_deref(), Some("mx3.d.example"));
    assert_eq!((busy.seen().connections, good.acknowledged().len()), (1, 1));
}

#[tokio::test]
async fn a_relay_gets_everything_with_login_under_tls() {
    let mut world = World::new().await;
    let certificate = Certificate::new(&["127.0.0.1"]);
    for implicit in [false, true] {
        let script = if implicit {
            Script::new().implicit_tls(certificate.clone())
        } else {
            Script::new().tls(certificate.clone())
        };
        let relay =
            waxseal_testkit::smtp_peer::Peer::start(script.login("me", "p:ss")).await.expect("a relay");
        let scheme = if implicit { "smtps" } else { "smtp" };
        let url = format!("{scheme}://me:p%3Ass@127.0.0.1:{}", relay.port());
        world.config.relay = Some(url.parse().expect("a relay"));
        let before = world.events().await.len();
        world.start().await;
        world.send(mail(&["x@nowhere.example", "y@elsewhere.example"])).await;
        let events = world.wait_for_events(before + 2).await;
        let received = relay.acknowledged();
        assert!(received.iter().all(|message| message.tls && message.login.as_deref() == Some("me")));
        assert_eq!(received.iter().map(|message| message.recipients.len()).sum::<usize>(), 2);
        assert!(events[before..].iter().all(|event| event.short() == "delivered 250"));
        world.stop().await;
    }
}

#[tokio::test]
async fn a_relay_that_refuses_our_login_is_tried_again() {
    let mut world = World::new().await;
    let relay = world.peer(Script::new().login("me", "right")).await;
    world.config.relay =
        Some(format!("smtp://me:wrong@127.0.0.1:{}", relay.port()).parse().expect("a relay"));
    world.start().await;
    world.send(mail(&["x@b.example"])).await;
    let events = world.wait_for_events(1).await;
    assert_eq!(events[0].short(), "temporary 535");
    assert!(relay.seen().messages.is_empty());
}

#[tokio::test]
async fn a_connection_that_died_between_messages_is_replaced_without_a_failure() {
    let mut world = World::new().await;
    world.config.limits.per_destination = 1;
    let second_mail =
        [Reaction::Proper, Reaction::SayAndClose("421 4.4.2 idle too long\r\n".into()), Reaction::Proper];
    let peer = world.peer(Script::new().capabilities(&[]).on("MAIL", second_mail)).await;
    world.start().await;
    world.send(mail(&["a@b.example"])).await;
    world.wait_for_events(1).await;
    world.send(mail(&["b@b.example"])).await;
    let events = world.wait_for_events(2).await;
    let shorts: Vec<_> = events.iter().map(super::world::Event::short).collect();
    assert_eq!(shorts, ["delivered 250", "delivered 250"]);
    assert_eq!(peer.seen().connections, 2);
}

#[tokio::test]
async fn unicode_addresses_go_to_servers_that_know_smtputf8() {
    let mut world = World::new().await;
    let peer = world.peer(Script::new()).await;
    world.start().await;
    world.send(mail(&["jörg@b.example"])).await;
    let events = world.wait_for_events(1).await;
    assert_eq!(events[0].status().utf8, Some(true));
    assert!(peer.acknowledged()[0].mail.ends_with("SMTPUTF8"));
}

//! Accepting is one durable step: all of it is there, or nothing.

use std::time::Duration;

use waxseal_model::{MessageId, event::EventKind};
use waxseal_store::{
    StoreError,
    event_log::EventQuery,
    message::{Accepted, Idempotency},
    queue::{QueueCounts, QueueFilter},
};

use crate::world::{ACCESS, World};

pub(crate) async fn an_accepted_message_is_there_after_reopening(mut world: World) {
    let sender = world.sender().await;
    let new = world.message(&["bob@one.example", "eve@two.example"]);
    let (id, body, schedule) = (new.id, new.body.clone(), new.schedule);
    assert_eq!(world.store.accept(world.accept(sender, new)).await.expect("accepted"), Accepted::New);
    world.reopen().await;
    let message = world.store.message(sender.account, id).await.expect("read").expect("there");
    assert_eq!((message.pending, message.size, message.has_body), (2, body.len() as u64, true));
    assert_eq!((message.domain, message.schedule), (sender.domain, schedule));
    assert!(message.options.require_tls);
    assert_eq!(message.template.open(&ACCESS).message.subject, "secret plans");
    let stored = world.store.body(sender.account, id).await.expect("read").expect("there");
    assert_eq!(stored.open(&crate::world::WORKER), &body);
    let events = world.store.read_log(0, 10).await.expect("read");
    assert_eq!(events.len(), 2);
    assert!(events.iter().all(|event| event.kind == EventKind::Accepted && event.message == Some(id)));
    let leased = world.lease(10).await;
    assert_eq!(leased.len(), 2);
    assert!(leased.iter().any(|entry| entry.envelope.open(&ACCESS).recipient == "eve@two.example"));
}

pub(crate) async fn a_repeated_call_is_answered_and_stored_once(world: World) {
    let sender = world.sender().await;
    let key = |request: u8| Idempotency {
        key_hash: [1; 32],
        request_hash: [request; 32],
        answer: "<first@sender.example>".into(),
        expires_at: world.now() + Duration::from_secs(86_400),
    };
    let call = |request: u8| {
        let mut accept = world.accept(sender, world.message(&["bob@one.example"]));
        accept.idempotency = Some(key(request));
        world.store.accept(accept)
    };
    assert!(world.store.replay(sender.account, &[1; 32], &[5; 32]).await.expect("asked").is_none());
    // At the same time, as a client that retries too early does.
    let (one, other) = tokio::join!(call(5), call(5));
    let mut answers = [one.expect("accepted"), other.expect("accepted")];
    answers.sort_by_key(|answer| *answer != Accepted::New);
    let replayed = Accepted::Replayed { answer: "<first@sender.example>".into() };
    assert_eq!(answers, [Accepted::New, replayed.clone()]);
    assert_eq!(call(6).await.expect("accepted"), Accepted::KeyReused);
    let replay = world.store.replay(sender.account, &[1; 32], &[5; 32]).await.expect("asked");
    assert_eq!(replay, Some(replayed));
    let replay = world.store.replay(sender.account, &[1; 32], &[6; 32]).await.expect("asked");
    assert_eq!(replay, Some(Accepted::KeyReused));
    let stranger = world.account().await;
    assert!(world.store.replay(stranger, &[1; 32], &[5; 32]).await.expect("asked").is_none());
    let counts = world.store.queue_counts(&QueueFilter::default()).await.expect("counted");
    assert_eq!(counts, QueueCounts { waiting: 1, in_flight: 0 });
    assert_eq!(world.store.read_log(0, 10).await.expect("read").len(), 1);
    world.clock.advance(Duration::from_secs(86_400));
    assert!(world.store.replay(sender.account, &[1; 32], &[5; 32]).await.expect("asked").is_none());
    assert_eq!(call(6).await.expect("accepted"), Accepted::New, "the key was forgotten after a day");
}

pub(crate) async fn a_message_belongs_to_its_account_alone(world: World) {
    let (sender, stranger) = (world.sender().await, world.sender().await);
    let id = world.send(sender, &["bob@one.example"]).await;
    assert!(world.store.message(stranger.account, id).await.expect("read").is_none());
    assert!(world.store.body(stranger.account, id).await.expect("read").is_none());
    let deleted = world.store.delete_message(stranger.account, sender.domain, id).await;
    assert!(!deleted.expect("asked"));
    let deleted = world.store.delete_message(sender.account, stranger.domain, id).await;
    assert!(!deleted.expect("asked"), "nor does it lie in another domain");
    assert!(world.store.body(sender.account, id).await.expect("read").is_some());
}

pub(crate) async fn a_message_without_recipients_keeps_no_body(world: World) {
    let sender = world.sender().await;
    let id = world.send(sender, &[]).await;
    let message = world.store.message(sender.account, id).await.expect("read").expect("there");
    assert_eq!((message.pending, message.has_body), (0, false));
    assert!(world.store.body(sender.account, id).await.expect("read").is_none());
    let mut kept = world.message(&[]);
    kept.keep_until = world.now() + Duration::from_secs(60);
    let id = kept.id;
    world.store.accept(world.accept(sender, kept)).await.expect("accepted");
    assert!(world.store.body(sender.account, id).await.expect("read").is_some());
    world.clock.advance(Duration::from_secs(60));
    assert_eq!(world.store.purge_bodies(world.now(), 10).await.expect("purged"), 1);
    assert!(world.store.body(sender.account, id).await.expect("read").is_none());
}

pub(crate) async fn a_thousand_recipients_are_one_step(world: World) {
    let sender = world.sender().await;
    let mut accept = world.accept(sender, world.message(&[]));
    accept.messages.clear();
    for number in 0..1000 {
        let message = world.message(&[&format!("r{number}@many.example")]);
        accept.events.extend(world.accept(sender, world.message(&["x@y.example"])).events);
        accept.messages.push(message);
    }
    let ids: Vec<MessageId> = accept.messages.iter().map(|message| message.id).collect();
    world.store.accept(accept).await.expect("accepted");
    let counts = world.store.queue_counts(&QueueFilter::default()).await.expect("counted");
    assert_eq!(counts.waiting, 1000);
    let last = ids.last().copied().expect("ids");
    assert!(world.store.body(sender.account, last).await.expect("read").is_some());
    let query = EventQuery {
        account: sender.account,
        domain: None,
        from: None,
        until: None,
        beyond: None,
        after_seq: None,
        until_seq: None,
        ascending: true,
        kinds: Vec::new(),
        ending: false,
        recipient: None,
        header_message_id: None,
        limit: 5000,
    };
    assert_eq!(world.store.events(&query).await.expect("read").len(), 1000);
}

pub(crate) async fn a_failing_call_takes_nobody_with_it(world: World) {
    let account = world.account().await;
    let domains = (0..20).map(|number| {
        let (store, name) =
            (world.store.clone(), if number % 2 == 0 { "same".into() } else { format!("d{number}") });
        let domain = world.new_domain(account, &format!("{name}.example"));
        tokio::spawn(async move { store.create_domain(domain).await })
    });
    let (mut made, mut refused) = (0, 0);
    for task in domains.collect::<Vec<_>>() {
        match task.await.expect("ran") {
            Ok(()) => made += 1,
            Err(StoreError::Conflict { what: "domain" }) => refused += 1,
            Err(other) => panic!("unexpected: {other}"),
        }
    }
    assert_eq!((made, refused), (11, 9));
    let (count, domains) = world.store.domains(account, 0, 50).await.expect("read");
    assert_eq!(count, 11);
    for domain in domains {
        let keys = world.store.dkim_keys(account, domain.id).await.expect("read");
        assert_eq!(keys.len(), 1, "each domain has its key and none of a refused one's");
    }
}

pub(crate) async fn a_refused_call_takes_nobody_with_it(world: World) {
    let sender = world.sender().await;
    let nobody = waxseal_model::AccountId::new(world.clock(), world.random());
    let calls = (0..20).map(|number| {
        let store = world.store.clone();
        let key = world.key(nobody, waxseal_store::account::KeyScope::Account);
        let accept = world.accept(sender, world.message(&["bob@one.example"]));
        tokio::spawn(async move {
            if number % 2 == 0 {
                store.create_api_key(key).await.is_err()
            } else {
                store.accept(accept).await.is_ok()
            }
        })
    });
    for call in calls.collect::<Vec<_>>() {
        assert!(call.await.expect("ran"), "keys of nobody are refused, messages are accepted");
    }
}

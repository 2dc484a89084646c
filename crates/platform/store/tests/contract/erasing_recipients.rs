//! An erased recipient is named nowhere in the account any more, and nobody else loses anything.

use std::time::Duration;

use waxseal_model::{
    MessageId,
    event::{AttachmentInfo, DeliveryStatus, EnvelopeInfo, EventDetails, EventFlags, EventKind, MessageInfo},
    suppression::SuppressionKind,
};
use waxseal_store::{
    erasure::Erasure,
    event_log::EventQuery,
    export::ExportSubject,
    message::Idempotency,
    suppression::{NewSuppression, SuppressionDetails},
};

use crate::{
    erasing::erase,
    exporting::export,
    inbox::capture,
    search::{places, search},
    world::{ACCESS, Sender, World},
};

const BOB: &str = "bob@x.example";
const ANN: &str = "ann@x.example";
const DAY: Duration = Duration::from_secs(86_400);

/// Details that say an address in every field.
fn full(address: &str, recipient: &str, recipients: &[&str]) -> EventDetails {
    let said = |around: &str| around.replace('*', address);
    let some = |around: &str| Some(said(around));
    EventDetails {
        recipient: Some(recipient.to_owned()),
        tags: vec![said("to-<*>"), "news".into()],
        user_variables: vec![("who".into(), said("*")), (said("*"), "1".into())],
        message: MessageInfo {
            message_id: said("m1.*"),
            from: said("Me <*>"),
            to: recipients.join(", "),
            subject: said("For *"),
            attachments: vec![
                AttachmentInfo { filename: said("bill-*.pdf"), ..AttachmentInfo::default() },
                AttachmentInfo { content_type: said("text/plain; name=\"*\""), ..AttachmentInfo::default() },
            ],
            recipients: recipients.iter().map(|&one| one.to_owned()).collect(),
            size: 1,
            scheduled_for: Some(1),
        },
        envelope: Some(EnvelopeInfo {
            sender: said("*"),
            targets: said("*"),
            transport: said("*"),
            sending_ip: some("*"),
        }),
        flags: EventFlags::default(),
        delivery_status: Some(DeliveryStatus {
            message: said("550 <*>: nobody"),
            description: said("to * in vain"),
            mx_host: some("*"),
            mx_host_ip: some("*"),
            enhanced_code: some("*"),
            last_message: some("450 * is busy"),
            bounce_type: some("*"),
            ..DeliveryStatus::default()
        }),
        method: some("*"),
        originating_ip: some("*"),
        api_key_id: some("*"),
        reason: some("*"),
        reject: Some((said("*"), said("no * here"))),
        primary_dkim: some("*"),
        batch_id: some("b.*"),
        archive_to: some("https://archive.example/?rcpt=*"),
    }
}

/// A message to several whose every field says an address, delivered to all; it is kept and a copy of it waits.
async fn send_full(world: &World, sender: Sender, address: &str, recipients: &[&str]) -> MessageId {
    let mut new = world.message(recipients);
    new.header_message_id = format!("m1.{address}");
    new.body = format!("To: {}\r\n\r\nx\r\n", recipients.join(", ")).into_bytes();
    new.template = full(address, recipients[0], recipients);
    new.archive_to = new.template.archive_to.clone();
    new.keep_until = world.now() + 3 * DAY;
    let id = new.id;
    let mut accept = world.accept(sender, new);
    for (event, recipient) in accept.events.iter_mut().zip(recipients) {
        event.details = full(address, recipient, recipients);
    }
    let mut key_hash = [0; 32];
    world.random().fill(&mut key_hash);
    accept.idempotency = Some(Idempotency {
        key_hash,
        request_hash: [1; 32],
        answer: format!("<m1.{address}>"),
        expires_at: world.now() + DAY,
    });
    world.store.accept(accept).await.expect("accepted");
    let leased = world.lease(100).await;
    let settlements = leased.iter().map(|entry| {
        let mut settlement = world.delivered(entry);
        let recipient = entry.envelope.open(&ACCESS).recipient.clone();
        settlement.events[0].details = full(address, &recipient, recipients);
        settlement
    });
    world.store.settle(settlements.collect()).await.expect("settled");
    id
}

async fn erase_bob(world: &World, sender: Sender) -> Erasure {
    let asked = world.store.ask_recipient_erasure(sender.account, "Bob@X.example").await.expect("asked");
    erase(world, &asked).await
}

/// What the account's events tell, in the form in which it rests.
async fn told(world: &World, sender: Sender) -> Vec<String> {
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
        limit: 100,
    };
    let found = world.store.events(&query).await.expect("read");
    found.iter().map(|event| serde_json::to_string(event.details.open(&ACCESS)).expect("JSON")).collect()
}

async fn suppress(world: &World, sender: Sender, address: &str, error: &str) {
    let entry = NewSuppression {
        account: sender.account,
        domain: sender.domain,
        kind: SuppressionKind::Bounce,
        address: address.into(),
        details: SuppressionDetails { error: error.into(), ..SuppressionDetails::default() },
        created_at: world.now(),
    };
    world.store.suppress(vec![entry]).await.expect("suppressed");
}

pub(crate) async fn nothing_that_named_the_erased_is_left_in_any_column(world: World) {
    let sender = world.sender().await;
    let id = send_full(&world, sender, BOB, &[BOB, ANN]).await;
    suppress(&world, sender, BOB, "550 <bob@x.example>").await;
    suppress(&world, sender, ANN, "550 is forwarded to <bob@x.example>").await;
    assert!(places(&search(&world, BOB).await).len() >= 7);
    erase_bob(&world, sender).await;
    let left: Vec<_> = places(&search(&world, BOB).await).iter().map(|at| (at.0, at.1)).collect();
    assert_eq!(left, [("suppressions", "address_hash")]);
    let events = told(&world, sender).await;
    assert_eq!(events.len(), 2, "Ann's stay");
    assert!(events.iter().all(|told| told.contains(ANN) && told.contains("news")));
    let message = world.store.message(sender.account, id).await.expect("read").expect("Ann's stays");
    let template = message.template.open(&ACCESS);
    assert_eq!((template.message.to.as_str(), message.has_body), (ANN, false));
}

pub(crate) async fn letters_composed_or_not_are_of_the_same_recipient(world: World) {
    let spellings = ["jos\u{e9}@x.example", "jose\u{301}@X.Example", "JOS\u{c9}@x.example"];
    for asked in spellings {
        let sender = world.sender().await;
        for written in spellings {
            send_full(&world, sender, written, &[written, ANN]).await;
            capture(&world, sender, &[written]).await;
            suppress(&world, sender, written, written).await;
        }
        world.send(sender, &[spellings[1]]).await;
        let waiting = world.lease(1).await;
        assert_eq!(
            waiting[0].envelope.open(&ACCESS).recipient,
            spellings[1],
            "it is sent to as it was written"
        );
        let erasure = world.store.ask_recipient_erasure(sender.account, asked).await.expect("asked");
        erase(&world, &erasure).await;
        for written in spellings {
            let left = places(&search(&world, written).await);
            let left: Vec<_> = left.iter().map(|at| (at.0, at.1)).collect();
            assert_eq!(left, [("suppressions", "address_hash")], "{written} after {asked}");
            let rows = world.store.recipient_rows(sender.account, written).await.expect("counted");
            assert_eq!(rows, 0, "{written} after {asked}");
        }
        let events = told(&world, sender).await;
        assert_eq!(events.iter().filter(|told| told.contains(ANN)).count(), 6, "Ann's stay");
        world.store.destroy_account_keys(sender.account).await.expect("the next one is looked for alone");
    }
}

pub(crate) async fn whose_address_ends_alike_keeps_everything(world: World) {
    let sender = world.sender().await;
    let jim = "jimbob@x.example";
    let kept = send_full(&world, sender, jim, &[jim, ANN]).await;
    let shared = send_full(&world, sender, jim, &[jim, BOB]).await;
    suppress(&world, sender, jim, "550 <jimbob@x.example>").await;
    let account = || export(&world, ExportSubject::Account(sender.account));
    let of_jim = || {
        let subject = ExportSubject::Recipient { account: sender.account, address: jim.into() };
        export(&world, subject)
    };
    let (before, jims) = (account().await, of_jim().await);
    assert!(jims.rows("events").iter().all(|event| event["details"]["message"]["to"] == jim));
    erase_bob(&world, sender).await;
    let (after, left) = (account().await, of_jim().await);
    assert_eq!(left.rows("events"), jims.rows("events"));
    assert_eq!(left.rows("suppressions"), jims.rows("suppressions"));
    assert_eq!(after.content.get(&kept), before.content.get(&kept));
    assert!(after.content.contains_key(&kept) && !after.content.contains_key(&shared));
    let template = |id: MessageId| {
        let rows = after.rows("messages");
        rows.into_iter().find(|row| row["id"] == id.to_string()).expect("it stays")["template"].clone()
    };
    assert_eq!(template(shared)["message"]["to"], jim);
    assert_eq!(template(kept)["message"]["to"], "jimbob@x.example, ann@x.example");
    assert_eq!(template(kept)["archive_to"], "https://archive.example/?rcpt=jimbob@x.example");
}

pub(crate) async fn what_a_server_said_of_the_erased_in_mail_to_another_goes(world: World) {
    let sender = world.sender().await;
    let id = world.send(sender, &[ANN]).await;
    let mut event = world.event(sender, EventKind::Failed, Some(id));
    event.details = crate::world::details("a@sender.example", Some(ANN));
    event.details.message.from = "Shop <bob@x.example>".into();
    event.details.delivery_status = Some(DeliveryStatus {
        code: 550,
        message: "5.1.1 ann@x.example is forwarded to <bob@x.example>, who is unknown".into(),
        ..DeliveryStatus::default()
    });
    world.store.append_events(vec![event]).await.expect("an event");
    erase_bob(&world, sender).await;
    let events = told(&world, sender).await;
    assert_eq!(events.len(), 2);
    assert!(!events.concat().contains("forwarded"));
    assert!(events.concat().contains("Shop <bob@x.example>"), "what a customer writes from is its own");
    assert_eq!(world.lease(9).await.len(), 1, "Ann gets hers");
}

pub(crate) async fn of_a_captured_message_to_several_the_content_goes_at_once(world: World) {
    let sender = world.sender().await;
    let id = capture(&world, sender, &[BOB, ANN]).await;
    let mut waits = world.message(&[BOB, ANN]);
    waits.capture = true;
    let waiting = waits.id;
    world.store.accept(world.accept(sender, waits)).await.expect("accepted");
    let anns = capture_of_ann(&world, sender).await;
    let done = erase_bob(&world, sender).await;
    for message in [id, waiting] {
        assert!(world.store.body(sender.account, message).await.expect("read").is_none());
        let row =
            world.store.message(sender.account, message).await.expect("read").expect("Ann's events stay");
        assert_eq!((row.pending, row.has_body), (0, false));
    }
    let inbox = world.store.inbox(sender.account, None, None, None, 10).await.expect("read");
    assert_eq!(inbox.iter().map(|item| item.message).collect::<Vec<_>>(), [anns]);
    assert!(world.store.body(sender.account, anns).await.expect("read").is_some());
    assert!(world.lease(10).await.is_empty());
    assert_eq!(world.store.content_kept(&done).await.expect("read"), None);
    assert_eq!(places(&search(&world, BOB).await), []);
}

async fn capture_of_ann(world: &World, sender: Sender) -> MessageId {
    // What waits for both is leased and given back.
    let mut new = world.message(&[ANN]);
    new.capture = true;
    let id = new.id;
    world.store.accept(world.accept(sender, new)).await.expect("accepted");
    let leased = world.lease(10).await;
    let (own, others): (Vec<_>, Vec<_>) = leased.into_iter().partition(|entry| entry.message == id);
    let settlements = own.iter().map(|entry| {
        let mut settlement = world.delivered(entry);
        let expires_at = world.now() + DAY;
        settlement.outcome = waxseal_store::queue::Outcome::Captured { expires_at };
        settlement
    });
    world.store.settle(settlements.collect()).await.expect("settled");
    assert_eq!(others.len(), 2);
    id
}

pub(crate) async fn content_that_others_wait_for_is_counted_with_its_end(world: World) {
    let sender = world.sender().await;
    let id = world.send(sender, &[BOB, ANN]).await;
    world.send(sender, &[BOB]).await;
    let asked = world.store.ask_recipient_erasure(sender.account, BOB).await.expect("asked");
    let begun = world.store.begin_erasure(&asked).await.expect("begun").expect("not held");
    while world.store.erase_batch(&begun, 3).await.expect("a batch") > 0 {}
    let until = world.now() + 5 * DAY;
    assert_eq!(world.store.content_kept(&begun).await.expect("read"), Some((1, until)));
    let counts = world.store.erasure_counts(&begun).await.expect("counted");
    assert_eq!((counts.get("messages"), counts.get("content kept")), (Some(&1), None), "{counts:?}");
    let leased = world.lease(9).await;
    world.store.settle(leased.iter().map(|entry| world.delivered(entry)).collect()).await.expect("settled");
    assert!(world.store.body(sender.account, id).await.expect("read").is_none(), "nobody waits for it");
}

/// Three messages that are kept longer than their events: to Bob, to Bob and Ann, and to Ann.
async fn outlived(world: &World, sender: Sender) -> [MessageId; 3] {
    let mut sent = Vec::new();
    for recipients in [&[BOB][..], &[BOB, ANN], &[ANN]] {
        let mut new = world.message(recipients);
        new.keep_until = world.now() + 30 * DAY;
        new.body = format!("To: {}\r\n\r\nx\r\n", recipients.join(", ")).into_bytes();
        new.template.message.to = recipients.join(", ");
        new.template.message.recipients = recipients.iter().map(|&one| one.to_owned()).collect();
        sent.push(new.id);
        world.store.accept(world.accept(sender, new)).await.expect("accepted");
    }
    let leased = world.lease(9).await;
    world.store.settle(leased.iter().map(|entry| world.delivered(entry)).collect()).await.expect("settled");
    world.clock.advance(2 * DAY);
    while world.store.purge_events(world.now(), 100).await.expect("purged") > 0 {}
    world.store.purge_messages(world.now(), 100).await.expect("purged");
    sent.try_into().expect("three")
}

pub(crate) async fn a_recipient_whose_events_are_over_is_found_by_the_messages(world: World) {
    let sender = world.sender().await;
    let [alone, shared, anns] = outlived(&world, sender).await;
    assert_eq!(world.store.recipient_rows(sender.account, BOB).await.expect("counted"), 2);
    erase_bob(&world, sender).await;
    assert_eq!(world.store.recipient_rows(sender.account, BOB).await.expect("counted"), 0);
    assert!(world.store.message(sender.account, alone).await.expect("read").is_none());
    assert!(world.store.body(sender.account, shared).await.expect("read").is_none());
    let message = world.store.message(sender.account, shared).await.expect("read").expect("it was Ann's too");
    assert_eq!(message.template.open(&ACCESS).message.to, ANN);
    assert!(world.store.body(sender.account, anns).await.expect("read").is_some(), "Ann's own stays");
    assert_eq!(places(&search(&world, BOB).await), []);
}

pub(crate) async fn a_stored_message_whose_events_are_over_is_in_the_export_of_its_recipient(world: World) {
    let sender = world.sender().await;
    let [alone, _, _] = outlived(&world, sender).await;
    let subject = ExportSubject::Recipient { account: sender.account, address: BOB.into() };
    let dump = export(&world, subject).await;
    assert_eq!(
        dump.content.keys().copied().collect::<Vec<_>>(),
        [alone],
        "what went to others too names them"
    );
    assert_eq!(dump.rows("messages").len(), 1);
    assert!(dump.text().contains(BOB) && !dump.text().contains(ANN));
}

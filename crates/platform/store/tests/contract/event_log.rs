//! The event log is ordered, complete and found by keyed hashes.

use std::{collections::HashSet, time::Duration};

use waxseal_model::event::EventKind;
use waxseal_store::event_log::{EventPosition, EventQuery};

use crate::world::{ACCESS, Sender, World, details};

fn all_of(sender: Sender) -> EventQuery {
    EventQuery {
        account: sender.account,
        domain: Some(sender.domain),
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
    }
}

pub(crate) async fn events_come_by_time_in_both_directions_page_by_page(world: World) {
    let sender = world.sender().await;
    let begin = world.now();
    for _ in 0..4 {
        // Two at the same time, so that the place in the log must tell them apart.
        let pair = (0..2).map(|_| world.event(sender, EventKind::Delivered, None)).collect();
        world.store.append_events(pair).await.expect("appended");
        world.clock.advance(Duration::from_secs(1));
    }
    for ascending in [true, false] {
        let mut query = EventQuery { ascending, limit: 3, ..all_of(sender) };
        let mut seen = Vec::new();
        loop {
            let page = world.store.events(&query).await.expect("read");
            let Some(last) = page.last() else { break };
            query.beyond = Some(EventPosition { at: last.at, seq: last.seq });
            seen.extend(page.iter().map(|event| (event.at, event.seq)));
        }
        assert_eq!(seen.len(), 8);
        assert!(seen.windows(2).all(|two| if ascending { two[0] < two[1] } else { two[0] > two[1] }));
    }
    let range = EventQuery {
        from: Some(begin + Duration::from_secs(1)),
        until: Some(begin + Duration::from_secs(3)),
        ..all_of(sender)
    };
    assert_eq!(world.store.events(&range).await.expect("read").len(), 4);
    let other = world.sender().await;
    assert!(world.store.events(&all_of(other)).await.expect("read").is_empty());
    let everywhere = EventQuery { domain: None, ..all_of(sender) };
    assert_eq!(world.store.events(&everywhere).await.expect("read").len(), 8);
}

pub(crate) async fn events_are_found_by_recipient_message_and_kind(world: World) {
    let (sender, other) = (world.sender().await, world.sender().await);
    // Nobody sees another account's.
    let others =
        vec![world.event(other, EventKind::Accepted, None), world.event(other, EventKind::Failed, None)];
    world.store.append_events(others).await.expect("appended");
    for (number, kind) in
        [EventKind::Accepted, EventKind::Delivered, EventKind::Failed].into_iter().enumerate()
    {
        let mut event = world.event(sender, kind, None);
        event.details =
            details(&format!("m{number}@sender.example"), Some(&format!("R{number}@one.example")));
        world.store.append_events(vec![event]).await.expect("appended");
    }
    let by_recipient = EventQuery { recipient: Some("r1@ONE.example".into()), ..all_of(sender) };
    let found = world.store.events(&by_recipient).await.expect("read");
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].kind, EventKind::Delivered);
    assert_eq!(found[0].details.open(&ACCESS).recipient.as_deref(), Some("R1@one.example"));
    let by_message = EventQuery { header_message_id: Some("m2@sender.example".into()), ..all_of(sender) };
    let found = world.store.events(&by_message).await.expect("read");
    assert_eq!(found.iter().map(|event| event.kind).collect::<Vec<_>>(), [EventKind::Failed]);
    // Of all its domains: it is the account alone that keeps others' out.
    let kinds = vec![EventKind::Accepted, EventKind::Failed];
    let by_kind = EventQuery { domain: None, kinds, ..all_of(sender) };
    assert_eq!(world.store.events(&by_kind).await.expect("read").len(), 2);
    let nobody = EventQuery { recipient: Some("r9@one.example".into()), ..all_of(sender) };
    assert!(world.store.events(&nobody).await.expect("read").is_empty());
}

pub(crate) async fn readers_keep_cursors_and_see_every_event_once(mut world: World) {
    let (one, other) = (world.sender().await, world.sender().await);
    for number in 0..10 {
        let sender = if number % 2 == 0 { one } else { other };
        world
            .store
            .append_events(vec![world.event(sender, EventKind::Opened, None)])
            .await
            .expect("appended");
    }
    assert_eq!(world.store.cursor("webhooks").await.expect("read"), 0);
    let page = world.store.read_log(0, 6).await.expect("read");
    let cursor = page.last().expect("events").seq;
    world.store.save_cursor("webhooks", cursor).await.expect("saved");
    world.store.save_cursor("statistics", 3).await.expect("saved");
    world.reopen().await;
    let cursor = world.store.cursor("webhooks").await.expect("read");
    let rest = world.store.read_log(cursor, 100).await.expect("read");
    assert_eq!(page.len() + rest.len(), 10);
    assert!(page.iter().all(|event| event.seq <= cursor) && rest.iter().all(|event| event.seq > cursor));
    // Numbers are never used twice, even when everything before was purged.
    world.clock.advance(Duration::from_secs(10));
    assert_eq!(world.store.purge_events(world.now(), 100).await.expect("purged"), 10);
    let last = rest.last().expect("events").seq;
    world.store.append_events(vec![world.event(one, EventKind::Opened, None)]).await.expect("appended");
    assert!(world.store.read_log(last, 10).await.expect("read")[0].seq > last);
}

pub(crate) async fn the_log_keeps_its_order_under_load(world: World) {
    let sender = world.sender().await;
    let reader = {
        let store = world.store.clone();
        tokio::spawn(async move {
            let (mut cursor, mut seen) = (0, HashSet::new());
            let mut changes = store.log_changes();
            while seen.len() < 200 {
                let page = store.read_log(cursor, 7).await.expect("read");
                match page.last() {
                    Some(last) => {
                        assert!(page.windows(2).all(|two| two[0].seq < two[1].seq));
                        cursor = last.seq;
                        seen.extend(page.iter().map(|event| event.id));
                    }
                    None => changes.changed().await.expect("the store is open"),
                }
            }
        })
    };
    let writers = (0..20).map(|_| {
        let store = world.store.clone();
        let events: Vec<_> = (0..10).map(|_| world.event(sender, EventKind::Clicked, None)).collect();
        tokio::spawn(async move {
            for event in events {
                store.append_events(vec![event]).await.expect("appended");
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.expect("ran");
    }
    tokio::time::timeout(Duration::from_secs(60), reader).await.expect("in time").expect("saw everything");
}

pub(crate) async fn unreadable_events_are_passed_over(world: World) {
    let sender = world.sender().await;
    for _ in 0..3 {
        let events = (0..4).map(|_| world.event(sender, EventKind::Opened, None)).collect();
        world.store.append_events(events).await.expect("appended");
        world.clock.advance(Duration::from_secs(86_400));
    }
    let second_day = world.now() - Duration::from_secs(2 * 86_400);
    world.store.destroy_event_keys_before(world.now().day()).await.expect("destroyed");
    let today = (0..4).map(|_| world.event(sender, EventKind::Clicked, None)).collect();
    world.store.append_events(today).await.expect("appended");
    let page = world.store.read_log(0, 3).await.expect("read");
    assert_eq!(page.len(), 3, "the reader comes to what can be read");
    let all = world.store.events(&EventQuery { limit: 3, ..all_of(sender) }).await.expect("read");
    assert_eq!(all.len(), 3);
    let last_but_one = EventQuery { from: Some(second_day), ascending: false, ..all_of(sender) };
    assert_eq!(world.store.events(&last_but_one).await.expect("read").len(), 4);
    let none = EventQuery { limit: 0, ..all_of(sender) };
    assert!(world.store.events(&none).await.expect("read").is_empty());
}

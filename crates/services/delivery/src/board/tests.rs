//! What the board does with names and times alone.

use std::{sync::Arc, time::Duration};

use waxseal_model::{ManualClock, SeededRandom};

use super::*;
use crate::{line::Contact, open::TlsNeed, relays::RelayRoute, report::Report};

fn board() -> Board {
    Board::new(Limits::default())
}

fn place(servers: &str, provider: Option<(&str, u32)>) -> Place {
    Place {
        servers: servers.into(),
        provider: provider.map(|(name, _)| Arc::from(name)),
        bounds: Bounds { connections: provider.map(|(_, connections)| connections), ..Bounds::default() },
    }
}

fn alone(domain: &str) -> LaneKey {
    LaneKey::Alone(domain.into(), None)
}

fn allowed(board: &Board, lane: &LaneKey) -> usize {
    board.providers[&board.lanes[lane].provider].pace.allowed()
}

#[test]
fn a_domain_called_like_a_provider_does_not_set_its_limits() {
    let mut board = board();
    let now = Timestamp::from_secs(1_000);
    board.enter_lane(&Route::Domain(Target::new("orange", None)), now);
    let lane = board.found(&alone("d.example"), place("mx.orange.fr", Some(("orange", 2))), now);
    assert_eq!(allowed(&board, &lane), 2);
}

#[test]
fn a_relay_gets_as_many_connections_as_relays_do() {
    let mut board = board();
    let relay = "smtp://relay.example:25".parse().expect("a relay");
    let route = RelayRoute { name: "(relay)".into(), relay, owner: None };
    let lane = board.enter_lane(&Route::Relay(Arc::new(route)), Timestamp::from_secs(1_000));
    assert_eq!(allowed(&board, &lane), Limits::default().per_relay as usize);
}

#[test]
fn what_could_not_be_reached_is_told_to_each_by_its_own_name() {
    let mut board = board();
    let now = Timestamp::from_secs(1_000);
    let lane = board.found(&alone("theirs.example"), place("mx.example", None), now);
    let route = Route::Domain(Target::new("ours.example", None));
    board.destinations.insert(
        "ours.example".into(),
        Destination { name: "ours.example".into(), route, lane: lane.clone(), flows: BTreeMap::new() },
    );
    let report = Report::unreachable("theirs.example", "connection refused");
    let no_line = NoLine { report, contact: Contact::default(), of_servers: true, of_policy: false };
    board.reached(&lane, Some((now + Duration::from_secs(5), no_line)));
    let account = AccountId::new(&ManualClock::at(now), &SeededRandom::new(1));
    let standing = format!("{:?}", board.standing("ours.example", account, now).expect("it waits"));
    assert!(standing.contains("ours.example") && !standing.contains("theirs"), "{standing}");
}

#[test]
fn whom_a_domain_shares_connections_with_is_found_out_again_though_nobody_tidied() {
    let mut board = board();
    let now = Timestamp::from_secs(1_000);
    let lane = board.found(&alone("d.example"), place("mx.d.example", None), now);
    let route = Route::Domain(Target::new("d.example", None));
    assert_eq!(board.enter_lane(&route, now), lane);
    let later = now + KNOWN_FOR;
    assert_eq!(board.enter_lane(&route, later), alone("d.example"));
}

#[test]
fn what_a_provider_says_is_heard_when_its_domain_has_to_be_asked_for_anew_meanwhile() {
    let mut board = board();
    let mut now = Timestamp::from_secs(1_000);
    let lane = board.found(&alone("d.example"), place("mx.d.example", None), now);
    board.lanes.get_mut(&lane).expect("it was found").connections = 1;
    now = now + KNOWN_FOR + Duration::from_secs(1);
    board.tidy(now);
    assert_eq!(
        board.heard(&lane, Said::Less, now),
        Follows::Half,
        "the transaction took longer than the DNS is believed"
    );
    assert!(allowed(&board, &lane) < board.limits.per_destination);
}

#[test]
fn providers_that_asked_for_less_are_not_kept_for_ever() {
    let mut board = board();
    let mut now = Timestamp::from_secs(1_000);
    for number in 0..100 {
        let name = format!("d{number}.example");
        let lane = board.found(&alone(&name), place(&name, None), now);
        board.heard(&lane, Said::Less, now);
    }
    board.tidy(now);
    assert_eq!((board.lanes.len(), board.providers.len()), (0, 100), "they are slowed down for now");
    now = now + Duration::from_secs(2 * 3_600);
    board.tidy(now);
    assert_eq!(board.providers.len(), 0);
}

#[test]
fn while_a_connection_says_goodbye_none_is_made_in_its_place() {
    let mut board = board();
    let now = Timestamp::from_secs(1_000);
    let lane = board.found(&alone("d.example"), place("mx.d.example", Some(("big", 1))), now);
    let is_to_leave = |board: &mut Board, carried| matches!(board.take(&lane, carried, now).0, Work::Leave);
    // They were planned while the provider got more.
    board.lanes.get_mut(&lane).expect("it was found").connections = 2;
    board.providers.values_mut().for_each(|provider| provider.connections = 2);
    assert!(is_to_leave(&mut board, 1), "two are one too many");
    assert!(!is_to_leave(&mut board, 1), "one that is made stays when the other leaves");
    assert!(
        is_to_leave(&mut board, 0),
        "one that is not made would be the second as long as the other is there"
    );
    board.hang_up(&lane, true);
    assert!(!is_to_leave(&mut board, 0), "it is gone");
}

#[test]
fn who_puts_everything_off_is_asked_by_one_connection_until_something_is_taken() {
    let mut board = board();
    let now = Timestamp::from_secs(1_000);
    let lane = board.found(&alone("d.example"), place("mx.d.example", None), now);
    let with = |board: &mut Board, connections: usize| {
        board.lanes.get_mut(&lane).expect("it was found").connections = connections;
        board.lanes.get_mut(&lane).expect("it was found").jobs = 10;
        board.providers.values_mut().for_each(|provider| provider.connections = connections);
    };
    let leaves = |board: &mut Board, carried| matches!(board.take(&lane, carried, now).0, Work::Leave);
    let wants_more = |board: &Board| board.lanes[&lane].wants_more();
    with(&mut board, 3);
    for _ in 0..19 {
        assert_eq!(board.heard(&lane, Said::Later, now), Follows::Nothing);
    }
    assert!(!leaves(&mut board, 1) && wants_more(&board), "some are put off anywhere");
    assert_eq!(board.heard(&lane, Said::Later, now), Follows::One);
    let account = AccountId::new(&ManualClock::at(now), &SeededRandom::new(1));
    let route = Route::Domain(Target::new("d.example", None));
    let place = Destination { name: "d.example".into(), route, lane: lane.clone(), flows: BTreeMap::new() };
    board.destinations.insert("d.example".into(), place);
    assert_eq!(board.standing("d.example", account, now), Some(Standing::PutOff));
    assert!(leaves(&mut board, 1) && leaves(&mut board, 1), "two of three go");
    assert!(!leaves(&mut board, 1), "one goes on asking");
    board.hang_up(&lane, true);
    board.hang_up(&lane, true);
    assert!(!leaves(&mut board, 1) && !wants_more(&board), "and none is made in their place");
    board.heard(&lane, Said::Less, now);
    assert_eq!(board.lanes[&lane].put_off, 20, "that says nothing of who takes what");
    assert_eq!(board.heard(&lane, Said::Taken, now), Follows::More);
    assert!(wants_more(&board));
}

#[test]
fn work_that_woke_a_connection_which_is_to_leave_wakes_another() {
    let mut board = board();
    let now = Timestamp::from_secs(1_000);
    let lane = board.found(&alone("d.example"), place("mx.d.example", None), now);
    let follows: Vec<_> = (0..20).map(|_| board.heard(&lane, Said::Later, now)).collect();
    assert_eq!(follows.last(), Some(&Follows::One));
    let of = board.lanes.get_mut(&lane).expect("it was found");
    (of.connections, of.idle, of.jobs) = (2, 1, 1);
    let work = Arc::clone(&of.work);
    board.providers.values_mut().for_each(|provider| provider.connections = 2);
    assert!(matches!(board.take(&lane, 1, now).0, Work::Leave));
    assert!(std::pin::pin!(work.notified()).enable(), "the one that idles is told");
}

#[test]
fn a_login_leaves_this_machine_only_to_a_relay_that_proved_its_name() {
    let need = |url: &str, address: &str| {
        let relay = url.parse().expect("a relay");
        let route = RelayRoute { name: "(relay)".into(), relay, owner: None };
        Route::Relay(Arc::new(route)).tls_need(address.parse().expect("an address"))
    };
    assert_eq!(need("smtp://me:p@relay.example", "192.0.2.1"), TlsNeed::Verified);
    assert_eq!(need("smtp://me:p@relay.example", "127.0.0.1"), TlsNeed::Opportunistic);
    assert_eq!(need("smtps://relay.example", "192.0.2.1"), TlsNeed::Encrypted);
}

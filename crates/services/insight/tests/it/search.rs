//! Pages, filters and budgets.

use waxseal_insight::{
    Search,
    range::AskedRange,
    search::{Place, filter},
};
use waxseal_model::{Clock as _, Timestamp, event::EventKind};

use crate::world::World;

async fn seven_events() -> World {
    let world = World::new().await;
    for number in 1..=7 {
        let kind = if number % 2 == 0 { EventKind::Failed } else { EventKind::Delivered };
        world.tell(kind, &format!("r{number}@b.example"), &format!("s{number}")).await;
    }
    world
}

#[tokio::test]
async fn pages_follow_each_other_in_both_directions() {
    let world = seven_events().await;
    for ascending in [true, false] {
        let range = world.range(AskedRange { ascending: Some(ascending), ..AskedRange::default() });
        let mut search = Search { range, ..world.question(&[]) };
        let mut expected: Vec<String> = (1..=7).map(|number| format!("s{number}")).collect();
        if !ascending {
            expected.reverse();
        }
        let mut pages = Vec::new();
        loop {
            let (subjects, next, _) = world.ask(&search).await;
            search.place = next;
            if subjects.is_empty() {
                break;
            }
            pages.push(subjects);
        }
        assert_eq!(pages, vec![&expected[..3], &expected[3..6], &expected[6..]]);
        search.place = Place::Last;
        let (last, next, previous) = world.ask(&search).await;
        assert_eq!(last, &expected[4..]);
        let (before, _, first) = world.ask(&Search { place: previous, ..search.clone() }).await;
        assert_eq!(before, &expected[1..4]);
        assert_eq!(world.ask(&Search { place: first, ..search.clone() }).await.0, &expected[..1]);
        assert!(world.ask(&Search { place: next, ..search }).await.0.is_empty());
    }
}

#[tokio::test]
async fn an_empty_page_leads_on_to_what_comes_later() {
    let world = World::new().await;
    let search = world.question(&[("event", "delivered")]);
    let (none, next, _) = world.ask(&search).await;
    assert!(none.is_empty());
    world.tell(EventKind::Failed, "a@b.example", "s1").await;
    world.tell(EventKind::Delivered, "a@b.example", "s2").await;
    let (found, next, previous) = world.ask(&Search { place: next, ..search.clone() }).await;
    assert_eq!(found, ["s2"]);
    assert!(world.ask(&Search { place: previous, ..search.clone() }).await.0.is_empty());
    let (none, next, previous) = world.ask(&Search { place: next, ..search.clone() }).await;
    assert!(none.is_empty());
    assert_eq!(world.ask(&Search { place: previous, ..search.clone() }).await.0, ["s2"]);
    world.tell(EventKind::Delivered, "a@b.example", "s3").await;
    assert_eq!(world.ask(&Search { place: next, ..search }).await.0, ["s3"]);
}

#[tokio::test]
async fn both_ends_of_a_range_belong_to_it() {
    let world = seven_events().await;
    let at = |number: i64| Some(Timestamp::from_secs(1_800_000_000 + number - 1));
    let ask = async |begin, end| {
        let range = world.range(AskedRange { begin, end, ascending: None });
        world.ask(&Search { range, ..world.question(&[]) }).await.0
    };
    assert_eq!(ask(at(2), at(4)).await, ["s2", "s3", "s4"]);
    assert_eq!(ask(at(4), at(2)).await, ["s4", "s3", "s2"]);
    assert_eq!(ask(at(7), None).await, ["s7"]);
}

#[tokio::test]
async fn filters_are_answered_by_the_index_or_by_looking() {
    let world = seven_events().await;
    for (filters, expected) in [
        (vec![("event", "failed")], vec!["s2", "s4", "s6"]),
        (vec![("event", "NOT failed AND NOT accepted")], vec!["s1", "s3", "s5"]),
        (vec![("event", "opened")], vec![]),
        (vec![("event", "nonsense")], vec![]),
        (vec![("recipient", "R3@b.example")], vec!["s3"]),
        (vec![("recipient", "r3 OR r5")], vec!["s3", "s5"]),
        (vec![("recipient", "3@b.example")], vec![]),
        (vec![("message-id", "s4.Id@a.example")], vec!["s4"]),
        (vec![("message-id", "<s4.Id@a.example>")], vec!["s4"]),
        (vec![("event", "failed"), ("subject", "s4 OR s5")], vec!["s4"]),
        (vec![("subject", "s4"), ("subject", "s5")], vec![]),
        (vec![("severity", "permanent"), ("size", ">999 <1001")], vec!["s2", "s4", "s6"]),
        (vec![("size", ">1000")], vec![]),
        (vec![("tags", "any")], vec![]),
    ] {
        assert_eq!(world.ask(&world.question(&filters)).await.0, expected, "{filters:?}");
    }
}

#[tokio::test]
async fn a_search_that_spends_its_budget_goes_on_behind_its_link() {
    let world = World::new().await;
    for number in 0..1_300 {
        let subject = if number % 600 == 599 { "wanted" } else { "other" };
        world.tell(EventKind::Delivered, "a@b.example", subject).await;
    }
    let insight = world.insight.clone().with_scan_budget(500);
    let mut search = world.question(&[("subject", "wanted")]);
    let mut found = Vec::new();
    for _ in 0..4 {
        let page = insight.search(&search, &crate::world::ACCESS).await.expect("a page");
        found.push(page.events.len());
        search.place = page.next;
    }
    assert_eq!(found, [0, 1, 1, 0]);
}

#[tokio::test]
async fn another_accounts_events_are_never_found() {
    let world = World::new().await;
    let (account, domain) = world.other_account().await;
    world.tell_of(account, domain, EventKind::Delivered, "a@b.example", "theirs").await;
    let mine = world.question(&[]);
    assert!(world.ask(&mine).await.0.is_empty());
    assert!(world.ask(&Search { domain: Some(domain), ..mine.clone() }).await.0.is_empty());
    assert!(world.ask(&Search { domain: None, ..mine.clone() }).await.0.is_empty());
    assert_eq!(world.ask(&Search { account, domain: Some(domain), ..mine }).await.0, ["theirs"]);
}

#[tokio::test]
async fn an_event_that_is_committed_late_is_not_missed_and_none_comes_twice() {
    let world = World::new().await;
    world.tell(EventKind::Delivered, "a@b.example", "s1").await;
    let begun = world.clock.now();
    world.clock.advance(std::time::Duration::from_secs(5));
    world.tell(EventKind::Delivered, "a@b.example", "s2").await;
    let mut search = world.question(&[("event", "delivered")]);
    let (first, next, _) = world.ask(&search).await;
    assert_eq!(first, ["s1", "s2"]);
    let now = world.clock.now();
    world.clock.jump_to(begun);
    world.tell(EventKind::Delivered, "a@b.example", "late").await;
    world.tell(EventKind::Failed, "a@b.example", "late too").await;
    world.clock.jump_to(now);
    world.tell(EventKind::Delivered, "a@b.example", "s3").await;
    search.place = next;
    let (second, next, _) = world.ask(&search).await;
    assert_eq!(second, ["late", "s3"]);
    search.place = next;
    let (third, next, _) = world.ask(&search).await;
    assert!(third.is_empty());
    world.clock.jump_to(begun);
    world.tell(EventKind::Delivered, "a@b.example", "later still").await;
    search.place = next;
    assert_eq!(world.ask(&search).await.0, ["later still"]);
}

#[tokio::test]
async fn more_that_comes_late_than_a_page_holds_comes_once_and_so_does_all_the_rest() {
    let world = World::new().await;
    let begun = world.clock.now();
    for number in 0..5 {
        world.clock.advance(std::time::Duration::from_secs(1));
        world.tell(EventKind::Delivered, "a@b.example", &format!("s{number}")).await;
    }
    let mut search = Search { limit: 3, ..world.question(&[]) };
    let (first, next, _) = world.ask(&search).await;
    assert_eq!(first, ["s0", "s1", "s2"]);
    for number in (0..7).rev() {
        world.clock.jump_to(begun + std::time::Duration::from_millis(number));
        world.tell(EventKind::Delivered, "a@b.example", &format!("late{number}")).await;
    }
    search.place = next;
    let mut pages = Vec::new();
    loop {
        let (page, next, _) = world.ask(&search).await;
        if page.is_empty() {
            break;
        }
        pages.push(page);
        search.place = next;
    }
    assert_eq!(
        pages,
        [vec!["late4", "late5", "late6"], vec!["late1", "late2", "late3"], vec!["late0", "s3", "s4"]],
        "as they came, a page in the order of time"
    );
}

#[test]
fn wrong_filters_name_their_parameter() {
    let error = |name, text| filter(name, text).expect_err("an error").to_string();
    assert_eq!(error("colour", "red"), "colour parameter is not a field of events");
    assert_eq!(
        error("event", "failed OR"),
        "event parameter is not a valid filter expression: a term is missing at position 10"
    );
    assert!(filter("user-variables.order", "7").is_ok());
    assert!(filter("user-variables.", "7").is_err());
}

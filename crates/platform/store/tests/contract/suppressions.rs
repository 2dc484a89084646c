//! Suppressed addresses are found by keyed hash and replaced, never doubled.

use std::time::Duration;

use waxseal_model::suppression::SuppressionKind;
use waxseal_store::{
    queue::Outcome,
    suppression::{ListPage, ListPlace, NewSuppression, Suppression, SuppressionDetails},
};

use crate::world::{ACCESS, World};

pub(crate) async fn an_address_is_found_whatever_its_case_and_replaced(mut world: World) {
    let (sender, other) = (world.sender().await, world.sender().await);
    let entry = |kind, error: &str| NewSuppression {
        account: sender.account,
        domain: sender.domain,
        kind,
        address: "Bob@One.Example".into(),
        details: SuppressionDetails { error: error.into(), ..SuppressionDetails::default() },
        created_at: world.now(),
    };
    let entries = vec![entry(SuppressionKind::Bounce, "first"), entry(SuppressionKind::Complaint, "")];
    world.store.suppress(entries).await.expect("kept");
    world.store.suppress(vec![entry(SuppressionKind::Bounce, "second")]).await.expect("kept");
    world.reopen().await;
    let addresses = ["eve@one.example".to_owned(), "bob@one.example".to_owned()];
    let found = world.store.suppressions_of(sender.account, sender.domain, &addresses).await.expect("read");
    assert_eq!(found.len(), 2);
    assert!(found.iter().all(|(index, _)| *index == 1));
    let bounce = found.iter().find(|(_, entry)| entry.kind == SuppressionKind::Bounce).expect("a bounce");
    assert_eq!(bounce.1.details.open(&ACCESS).error, "second");
    assert_eq!(bounce.1.address.as_ref().expect("an address").open(&ACCESS), "Bob@One.Example");
    let elsewhere = world.store.suppressions_of(other.account, other.domain, &addresses).await.expect("read");
    assert!(elsewhere.is_empty());
    let remove =
        || world.store.unsuppress(sender.account, sender.domain, SuppressionKind::Bounce, "BOB@one.example");
    assert!(remove().await.expect("asked"));
    assert!(!remove().await.expect("asked"));
    let found = world.store.suppressions_of(sender.account, sender.domain, &addresses).await.expect("read");
    assert_eq!(found.len(), 1);
}

pub(crate) async fn a_domain_on_the_allow_list_stands_for_its_addresses(world: World) {
    let sender = world.sender().await;
    let entry = |kind, address: &str| NewSuppression {
        account: sender.account,
        domain: sender.domain,
        kind,
        address: address.into(),
        details: SuppressionDetails::default(),
        created_at: world.now(),
    };
    world.store.suppress(vec![entry(SuppressionKind::Allow, "@One.example")]).await.expect("kept");
    world.send(sender, &["bob@one.example", "bob@sub.one.example"]).await;
    let settlements = world.lease(10).await;
    let settlements = settlements.iter().map(|leased| {
        let mut settlement = world.delivered(leased);
        let address = &leased.envelope.open(&ACCESS).recipient;
        settlement.outcome = Outcome::Done { suppress: Some(entry(SuppressionKind::Bounce, address)) };
        settlement
    });
    world.store.settle(settlements.collect()).await.expect("settled");
    let of = (sender.account, sender.domain);
    for (address, bounced) in [("bob@one.example", false), ("bob@sub.one.example", true)] {
        let found = world.store.suppression(of, SuppressionKind::Bounce, address).await.expect("read");
        assert_eq!(found.is_some(), bounced, "{address}");
    }
    let gone = world.store.unsuppress(of.0, of.1, SuppressionKind::Allow, "bob@one.example").await;
    assert!(!gone.expect("asked"), "an address of it is not the domain");
    assert!(world.store.unsuppress(of.0, of.1, SuppressionKind::Allow, "@one.example").await.expect("asked"));
}

pub(crate) async fn pages_of_a_list_follow_each_other_in_the_order_of_addresses(world: World) {
    let sender = world.sender().await;
    let of = (sender.account, sender.domain);
    let entry = |number: u32| NewSuppression {
        account: sender.account,
        domain: sender.domain,
        kind: SuppressionKind::Bounce,
        address: format!("R{number:04}@one.example"),
        details: SuppressionDetails::default(),
        created_at: world.now(),
    };
    // More than are read at once.
    world.store.suppress((0..1_203).rev().map(entry).collect()).await.expect("kept");
    let page = async |place, prefix: &str| {
        let page = ListPage { place, prefix: prefix.into(), limit: 500 };
        let page = world.store.suppression_page(of, SuppressionKind::Bounce, page).await.expect("read");
        let open = |entry: &Suppression| entry.address.as_ref().expect("there").open(&ACCESS).clone();
        page.iter().map(open).collect::<Vec<_>>()
    };
    let name = |number: u32| format!("R{number:04}@one.example");
    let wanted = |range: std::ops::Range<u32>| range.map(name).collect::<Vec<_>>();
    assert_eq!(page(ListPlace::First, "").await, wanted(0..500));
    assert_eq!(page(ListPlace::After(name(499)), "").await, wanted(500..1_000));
    assert_eq!(page(ListPlace::After("r0999@ONE.example".into()), "").await, wanted(1_000..1_203));
    assert_eq!(page(ListPlace::After(name(1_202)), "").await, wanted(0..0));
    assert_eq!(page(ListPlace::Last, "").await, wanted(703..1_203));
    assert_eq!(page(ListPlace::Before(name(703)), "").await, wanted(203..703));
    assert_eq!(page(ListPlace::First, "r010").await, wanted(100..110));
    assert_eq!(world.store.clear_suppressions(of, SuppressionKind::Bounce).await.expect("cleared"), 1_203);
    assert_eq!(page(ListPlace::First, "").await, wanted(0..0));
}

pub(crate) async fn unsubscriptions_at_once_all_count(world: World) {
    let sender = world.sender().await;
    let of = (sender.account, sender.domain);
    let entry = |tag: String| NewSuppression {
        account: sender.account,
        domain: sender.domain,
        kind: SuppressionKind::Unsubscribe,
        address: "bob@one.example".into(),
        details: SuppressionDetails { tags: vec![tag], ..SuppressionDetails::default() },
        created_at: world.now(),
    };
    let all = (0..20).map(|number| world.store.unsubscribe(vec![entry(format!("t{number}"))]));
    futures_util::future::try_join_all(all).await.expect("kept");
    let tags = async || {
        let found = world.store.suppression(of, SuppressionKind::Unsubscribe, "BOB@one.example").await;
        found.expect("read").map_or(0, |found| found.details.open(&ACCESS).tags.len())
    };
    assert_eq!(tags().await, 20);
    assert!(!world.store.resubscribe(of, "bob@one.example", "other").await.expect("asked"));
    for number in 0..20 {
        assert_eq!(tags().await, 20 - number);
        let gone = world.store.resubscribe(of, "bob@one.example", &format!("T{number}")).await;
        assert!(gone.expect("asked"), "{number}");
    }
    assert_eq!(tags().await, 0);
}

pub(crate) async fn whoever_gets_on_a_list_is_found_from_then_on(mut world: World) {
    let sender = world.sender().await;
    let entry = |address: &str| NewSuppression {
        account: sender.account,
        domain: sender.domain,
        kind: SuppressionKind::Bounce,
        address: address.into(),
        details: SuppressionDetails::default(),
        created_at: world.now(),
    };
    let first = entry("before@one.example");
    let (second, third) = (entry("after@one.example"), entry("bounced@one.example"));
    world.store.suppress(vec![first]).await.expect("kept");
    world.reopen().await;
    world.store.know_lists().await;
    world.store.suppress(vec![second]).await.expect("kept");
    world.send(sender, &["bounced@one.example"]).await;
    let mut settlement = world.delivered(&world.lease(1).await[0]);
    settlement.outcome = Outcome::Done { suppress: Some(third) };
    world.store.settle(vec![settlement]).await.expect("settled");
    let addresses = ["before", "after", "bounced", "nobody"].map(|local| format!("{local}@one.example"));
    let found = world.store.suppressions_of(sender.account, sender.domain, &addresses).await.expect("read");
    assert_eq!(
        found.iter().map(|(index, _)| *index).collect::<std::collections::BTreeSet<_>>(),
        [0, 1, 2].into()
    );
    for (index, address) in addresses.iter().enumerate() {
        let alone = std::slice::from_ref(address);
        let found = world.store.suppressions_of(sender.account, sender.domain, alone).await.expect("read");
        assert_eq!(found.len(), usize::from(index < 3), "{address}");
    }
}

pub(crate) async fn a_wish_holds_with_letters_composed_or_not(world: World) {
    let spellings = ["jos\u{e9}@one.example".to_owned(), "Jose\u{301}@One.example".to_owned()];
    for (listed, written) in [(0, 1), (1, 0)] {
        let sender = world.sender().await;
        let entry = NewSuppression {
            account: sender.account,
            domain: sender.domain,
            kind: SuppressionKind::Complaint,
            address: spellings[listed].clone(),
            details: SuppressionDetails::default(),
            created_at: world.now(),
        };
        world.store.suppress(vec![entry]).await.expect("kept");
        let addresses = ["jose@one.example".to_owned(), spellings[written].clone()];
        let of = (sender.account, sender.domain);
        let access =
            waxseal_model::Access::new(waxseal_model::actor::System, waxseal_model::purpose::Suppression);
        let verdicts = world.store.verdicts(of, &addresses, &[], &access).await.expect("asked");
        assert_eq!(verdicts.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [1]);
        world.send(sender, &[&spellings[written]]).await;
        let taken = world.lease(1).await;
        assert!(!world.store.is_unlisted(&taken[0]), "nothing goes out without asking the lists");
        let kind = SuppressionKind::Complaint;
        let gone = world.store.unsuppress(sender.account, sender.domain, kind, &spellings[written]).await;
        assert!(gone.expect("asked"));
    }
}

pub(crate) async fn who_is_on_no_list_when_taken_need_not_be_asked_for_until_a_list_changes(world: World) {
    let sender = world.sender().await;
    let suppress = |address: &str| {
        world.store.suppress(vec![NewSuppression {
            account: sender.account,
            domain: sender.domain,
            kind: SuppressionKind::Unsubscribe,
            address: address.into(),
            details: SuppressionDetails::default(),
            created_at: world.now(),
        }])
    };
    suppress("eve@one.example").await.expect("kept");
    world.send(sender, &["Eve@one.example", "bob@one.example"]).await;
    let taken = world.lease(10).await;
    let [listed, unlisted] = ["Eve@one.example", "bob@one.example"].map(|address| {
        taken.iter().find(|entry| entry.envelope.open(&ACCESS).recipient == address).expect("taken")
    });
    assert!(!world.store.is_unlisted(listed));
    assert!(world.store.is_unlisted(unlisted));
    suppress("ann@two.example").await.expect("kept");
    assert!(!world.store.is_unlisted(unlisted), "somebody was put on a list: it may be this one");

    world.send(sender, &["carol@one.example"]).await;
    let taken = world.lease(10).await;
    let carol = taken.first().expect("taken");
    assert!(world.store.is_unlisted(carol));
    world.clock.advance(Duration::from_secs(60));
    assert!(!world.store.is_unlisted(carol), "another process may have written to the lists meanwhile");
}

pub(crate) async fn what_was_wrong_about_a_person_goes_off_the_lists_or_over_to_the_right_address(
    world: World,
) {
    let (sender, other) = (world.sender().await, world.sender().await);
    let entry = |account, domain, kind, address: &str, tags: &[&str]| NewSuppression {
        account,
        domain,
        kind,
        address: address.into(),
        details: SuppressionDetails {
            tags: tags.iter().map(ToString::to_string).collect(),
            ..SuppressionDetails::default()
        },
        created_at: world.now(),
    };
    let (mine, of) = ((sender.account, sender.domain), (other.account, other.domain));
    let wrong = "wrong@one.example";
    let entries = vec![
        entry(mine.0, mine.1, SuppressionKind::Bounce, wrong, &[]),
        entry(mine.0, mine.1, SuppressionKind::Unsubscribe, wrong, &["news"]),
        entry(mine.0, mine.1, SuppressionKind::Unsubscribe, "right@one.example", &["offers"]),
        entry(mine.0, mine.1, SuppressionKind::Complaint, "eve@one.example", &[]),
        entry(of.0, of.1, SuppressionKind::Bounce, wrong, &[]),
    ];
    world.store.suppress(entries).await.expect("kept");

    let off = world.store.correct_suppressions(mine.0, "Wrong@one.example", None, &[SuppressionKind::Bounce]);
    assert_eq!(off.await.expect("corrected"), 1);
    let over =
        world.store.correct_suppressions(mine.0, wrong, Some("Right@One.example"), &SuppressionKind::ALL);
    assert_eq!(over.await.expect("corrected"), 1, "what was taken off is not there any more");

    let addresses = [wrong, "right@one.example", "eve@one.example"].map(str::to_owned);
    let found = world.store.suppressions_of(mine.0, mine.1, &addresses).await.expect("read");
    let kinds: Vec<_> = found.iter().map(|(index, entry)| (*index, entry.kind)).collect();
    assert_eq!(kinds.len(), 2, "{kinds:?}");
    assert!(kinds.contains(&(2, SuppressionKind::Complaint)), "somebody else's stays: {kinds:?}");
    let (_, right) = found.iter().find(|(index, _)| *index == 1).expect("the right address");
    assert_eq!(right.address.as_ref().expect("an address").open(&ACCESS), "Right@One.example");
    assert_eq!(right.details.open(&ACCESS).tags, ["news", "offers"], "both wishes hold");
    let elsewhere = world.store.suppressions_of(of.0, of.1, &addresses).await.expect("read");
    assert_eq!(elsewhere.len(), 1, "another account's list is its own");
    let again = world.store.correct_suppressions(mine.0, wrong, None, &SuppressionKind::ALL);
    assert_eq!(again.await.expect("asked"), 0);
}

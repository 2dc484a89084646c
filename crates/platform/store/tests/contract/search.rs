//! A term is found wherever it rests: in the clear, sealed, or as a hash.

use std::sync::Arc;

use waxseal_model::{data_class::AtRest, suppression::SuppressionKind};
use waxseal_store::{
    search::{Look, Searched},
    suppression::{NewSuppression, SuppressionDetails},
};

use crate::{
    upgrading::{bytes, change},
    world::{Sender, World},
};

pub(crate) async fn search(world: &World, term: &'static str) -> Searched {
    let look: Look = Arc::new(move |value| {
        value.windows(term.len()).filter(|window| window.eq_ignore_ascii_case(term.as_bytes())).count() as u64
    });
    world.store.search(term, look, &OPERATION).await.expect("searched")
}

pub(crate) fn places(searched: &Searched) -> Vec<(&'static str, &'static str, AtRest, u64)> {
    let place = |at: &waxseal_store::search::Place| (at.table, at.column, at.at_rest, at.rows);
    let mut places: Vec<_> = searched.places.iter().map(place).collect();
    places.sort_by_key(|(table, column, ..)| (*table, *column));
    places
}

async fn a_life(world: &World) -> Sender {
    let sender = world.sender().await;
    world.send(sender, &["bob@one.example", "eve@two.example"]).await;
    let entry = NewSuppression {
        account: sender.account,
        domain: sender.domain,
        kind: SuppressionKind::Bounce,
        address: "Bob@One.example".into(),
        details: SuppressionDetails::default(),
        created_at: world.now(),
    };
    world.store.suppress(vec![entry]).await.expect("kept");
    sender
}

/// Who looks for a term is an operator.
const OPERATION: waxseal_model::Access<waxseal_model::purpose::Operation> =
    waxseal_model::Access::new(waxseal_model::actor::Operator, waxseal_model::purpose::Operation);

pub(crate) async fn a_term_is_found_in_every_form_in_which_it_rests(world: World) {
    a_life(&world).await;
    let found = search(&world, "bob@one.example").await;
    let expected = [
        ("events", "details", AtRest::SealedByDay, 1),
        ("events", "recipient_hash", AtRest::KeyedHash, 1),
        ("queue_entries", "envelope", AtRest::SealedByDay, 1),
        ("suppressions", "address", AtRest::SealedByAccount, 1),
        ("suppressions", "address_hash", AtRest::KeyedHash, 1),
    ];
    assert_eq!(places(&found), expected);
    assert_eq!(found.unreadable, 0, "every sealed value is opened at its place");
    assert!(found.opened >= 6, "{found:?}");
    // Yes and no would tell what stands in a customer's mail.
    let content = search(&world, "the body").await;
    assert_eq!(places(&content), []);
    for column in [("bodies", "mime"), ("messages", "template")] {
        assert!(content.not_searched.contains(&column), "{content:?}");
    }
    let domain = search(&world, "One.example").await;
    assert!(places(&domain).contains(&("queue_entries", "destination", AtRest::KeyedHash, 1)), "{domain:?}");
    assert_eq!(places(&search(&world, "carol@one.example").await), []);
}

pub(crate) async fn the_name_of_a_domain_is_found_though_it_rests_sealed(world: World) {
    let account = world.account().await;
    world.domain(account, "traced-domain.example").await;
    let expected =
        [("domains", "name", AtRest::SealedByAccount, 1), ("domains", "name_hash", AtRest::KeyedHash, 1)];
    assert_eq!(places(&search(&world, "Traced-Domain.example").await), expected);
    assert_eq!(places(&search(&world, "traced-domain").await), expected[..1], "part of it");
    world.store.destroy_account_keys(account).await.expect("destroyed");
    // Whoever has the name and the instance's key can tell that it was here, until the row goes.
    assert_eq!(places(&search(&world, "traced-domain.example").await), expected[1..]);
}

pub(crate) async fn what_an_older_version_left_in_the_clear_is_found(mut world: World) {
    let account = world.account().await;
    world.domain(account, "traced-domain.example").await;
    world.store.close().await;
    let clear = format!("UPDATE dkim_keys SET selector = {}", bytes(&world, b"clear-selector"));
    change(&world, &[&clear]).await;
    world.reopen().await;
    let found = search(&world, "clear-selector").await;
    assert_eq!(places(&found), [("dkim_keys", "selector", AtRest::SealedByAccount, 1)]);
}

pub(crate) async fn nothing_is_found_of_an_account_without_keys(world: World) {
    let sender = a_life(&world).await;
    world.store.destroy_account_keys(sender.account).await.expect("destroyed");
    let found = search(&world, "bob@one.example").await;
    assert_eq!(places(&found), [], "neither sealed nor by hash");
    assert_eq!(found.opened, 0);
    assert!(found.unreadable >= 8, "{found:?}");
}

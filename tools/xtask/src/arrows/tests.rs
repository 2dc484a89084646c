//! The check finds what it is for: each rule is broken once.

use super::*;

fn own(name: &str, folder: &str, dependencies: &[&str]) -> Crate {
    Crate {
        name: name.into(),
        folder: folder.into(),
        dependencies: dependencies.iter().map(|name| ((*name).to_owned(), false)).collect(),
        has_lints: true,
    }
}

fn problems(crates: &[Crate]) -> Vec<String> {
    let mut findings = Findings::of("arrows");
    judge(crates, &mut findings);
    findings.problems().to_vec()
}

fn house() -> Vec<Crate> {
    vec![
        own("model", "crates/core/model", &["thiserror"]),
        own("waxseal-store", "crates/platform/store", &["model", "sea-orm", "tokio"]),
        own("waxseal-net", "crates/platform/net", &["rustls", "hickory-resolver"]),
        own("sending", "crates/services/sending", &["model", "waxseal-store"]),
        own("http-api", "crates/doors/http-api", &["sending", "axum"]),
        own("waxseal", "crates/waxseal", &["http-api", "clap"]),
    ]
}

#[test]
fn a_house_in_order_has_no_problem() {
    assert_eq!(problems(&house()), Vec::<String>::new());
}

#[test]
fn every_kind_of_disorder_is_named() {
    let cases = [
        (own("mail", "crates/core/mail", &["waxseal-store"]), "imports run downwards only"),
        (own("mail", "crates/core/mail", &["tokio"]), "core does no I/O"),
        (own("privacy", "crates/services/privacy", &["sqlx"]), "only platform/store knows SQL"),
        (
            own("delivery", "crates/services/delivery", &["hickory-resolver"]),
            "only platform/net asks the DNS",
        ),
        (own("insight", "crates/services/insight", &["axum"]), "HTTP ends at the doors"),
        (own("smtp-door", "crates/doors/smtp-door", &["openssl-sys"]), "one crypto provider"),
        (own("odd", "elsewhere/odd", &[]), "no floor of the house"),
    ];
    for (disorder, expected) in cases {
        let mut crates = house();
        crates.push(disorder);
        let found = problems(&crates);
        assert!(found.len() == 1 && found[0].contains(expected), "{expected}: {found:?}");
    }
}

#[test]
fn services_that_import_each_other_are_named() {
    let mut crates = house();
    crates.push(own("accounts", "crates/services/accounts", &["domains"]));
    crates.push(own("domains", "crates/services/domains", &["accounts"]));
    let found = problems(&crates);
    assert!(found.iter().any(|problem| problem == "accounts imports itself by way of domains"), "{found:?}");
}

#[test]
fn tools_are_for_tests_alone() {
    let mut crates = house();
    crates.push(own("testkit", "tools/testkit", &["http-api"]));
    let mut door = own("smtp-door", "crates/doors/smtp-door", &[]);
    door.dependencies.push(("testkit".into(), true));
    crates.push(door);
    assert_eq!(problems(&crates), Vec::<String>::new());
    crates.push(own("delivery", "crates/services/delivery", &["testkit"]));
    assert_eq!(problems(&crates).len(), 1);
}

#[test]
fn lints_are_taken_from_the_workspace() {
    let mut crates = house();
    crates[0].has_lints = false;
    assert_eq!(problems(&crates), ["model lacks `[lints] workspace = true`"]);
}

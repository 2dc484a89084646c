//! The check finds what it is for, and nothing in what is in order.

use std::path::Path;

use super::*;

fn problems(path: &str, text: &str) -> Vec<String> {
    let mut findings = Findings::of("tidy");
    look_at(Path::new(path), text, &mut findings);
    findings.problems().to_vec()
}

#[test]
fn a_file_in_order_has_no_problem() {
    assert_eq!(problems("src/queue.rs", "//! The queue.\n\npub struct Queue;\n"), Vec::<String>::new());
    let elsewhere = concat!("See <https://example.org/wo", "rk/page>.\n");
    assert_eq!(problems("README.md", elsewhere), Vec::<String>::new());
}

#[test]
fn every_kind_of_untidiness_is_named() {
    let long = format!("//! Long.\n{}", "// line\n".repeat(700));
    let cases: [(&str, &str, &str); 9] = [
        ("src/queue.rs", "pub struct Queue;\n", "first line"),
        ("src/queue.rs", &long, "701 lines"),
        ("src/utils.rs", "//! Things.\n", "name the module"),
        ("src/queue/mod.rs", "//! Queue.\n", "name the module"),
        ("src/queue.rs", concat!("//! Queue.\n#[", "ignore]\n"), "a test runs"),
        ("src/queue.rs", "//! Queue. \n", "white space"),
        ("src/queue.rs", "//! Queue.", "no line end"),
        ("README.md", concat!("Look into /wo", "rk/main.\n"), "path of one machine"),
        ("README.md", "<<<<<<< HEAD\n", "conflict"),
    ];
    for (path, text, expected) in cases {
        let found = problems(path, text);
        assert!(found.len() == 1 && found[0].contains(expected), "{expected}: {found:?}");
    }
}

#[test]
fn a_link_that_leads_nowhere_is_named() {
    let folder = tempfile::tempdir().expect("folder");
    std::fs::write(folder.path().join("there.md"), "# There it is!\n").expect("file");
    let text =
        "[a](there.md) [b](there.md#there-it-is) [c](gone.md) [d](there.md#gone) [e](https://example.org)";
    let mut findings = Findings::of("tidy");
    links::check(Path::new("page.md"), text, folder.path(), &mut findings);
    let expected =
        ["page.md: the link to gone.md leads nowhere", "page.md: there is no heading for there.md#gone"];
    assert_eq!(findings.problems(), expected);
}

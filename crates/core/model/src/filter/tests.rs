//! What filter expressions match, and what is said of wrong ones.

use proptest::prelude::*;

use super::*;

fn matches(expression: &str, text: &str) -> bool {
    let value = Value::Texts(vec![Words::of(text)]);
    Filter::parse(expression, Kind::Text)
        .unwrap_or_else(|error| panic!("{expression}: {error}"))
        .matches(&value)
}

fn matches_address(expression: &str, address: &str) -> bool {
    Filter::parse(expression, Kind::Text).expect("expression").matches(&Value::Addresses(vec![address]))
}

fn matches_number(expression: &str, number: f64) -> bool {
    Filter::parse(expression, Kind::Number).expect("expression").matches(&Value::Number(number))
}

#[test]
fn words_match_whole_and_without_regard_to_case() {
    assert!(matches("hello", "Hello, world"));
    assert!(matches("WORLD", "Hello, world"));
    assert!(!matches("worl", "Hello, world"));
    assert!(matches("GRÜSSE", "Viele Grüße und grüsse"));
    assert!(matches("a@b.org", "Alice <a@b.org>"));
    assert!(!matches("a@b.org", "Alice <a@c.org>"));
}

#[test]
fn operators_join_terms() {
    assert!(matches("rejected OR failed", "failed"));
    assert!(!matches("rejected OR failed", "delivered"));
    assert!(matches("alice AND NOT bob", "alice carol"));
    assert!(!matches("alice AND NOT bob", "alice bob"));
    assert!(matches("alice carol", "carol and alice"));
    assert!(!matches("alice dave", "carol and alice"));
    assert!(matches("(a OR b) AND (c OR d)", "b d"));
    assert!(!matches("(a OR b) AND (c OR d)", "a b"));
    assert!(matches("a OR b c", "a"), "AND binds tighter than OR");
    assert!(matches("NOT NOT a", "a"));
    assert!(matches("this and that", "this, that and more"), "only capitals are operators");
}

#[test]
fn quotes_make_phrases() {
    assert!(matches("\"weekly report\"", "Your weekly report is here"));
    assert!(!matches("\"report weekly\"", "Your weekly report is here"));
    assert!(matches("\"AND\"", "black and white"));
}

#[test]
fn numbers_are_compared() {
    assert!(matches_number(">10000 <20000", 15_000.0));
    assert!(!matches_number(">10000 <20000", 25_000.0));
    assert!(!matches_number(">10000", 10_000.0));
    assert!(matches_number(">= 10000", 10_000.0));
    assert!(matches_number("<=5 OR 7", 7.0));
    assert!(matches_number("0.5", 0.5));
    assert!(!matches_number("many", 7.0));
}

#[test]
fn a_whole_address_matches_only_itself() {
    assert!(matches_address("Bob@Example.org", "bob@example.ORG"));
    assert!(!matches_address("bob@example.org", "alice.bob@example.org"));
    assert!(matches_address("bob", "alice.bob@example.org"));
    assert!(matches_address("example.org NOT bob", "alice@example.org"));
    assert_eq!(Filter::parse(" a@b.org ", Kind::Text).expect("ok").as_address(), Some("a@b.org"));
    assert_eq!(Filter::parse("\"a@b.org\"", Kind::Text).expect("ok").as_address(), Some("a@b.org"));
    assert_eq!(Filter::parse("<a@b.org>", Kind::Text).expect("ok").as_address(), Some("a@b.org"));
    assert_eq!(Filter::parse("a@b.org c@d.org", Kind::Text).expect("ok").as_address(), None);
    assert_eq!(Filter::parse("NOT a@b.org", Kind::Text).expect("ok").as_address(), None);
}

#[test]
fn nothing_asked_matches_everything() {
    for text in ["", "  ", "{}", "*", "\"\""] {
        let filter = Filter::parse(text, Kind::Text).expect("ok");
        assert!(filter.is_empty() && matches(text, "anything"), "{text}");
    }
    assert!(matches(r#"{"order": "7"}"#, "order 7"), "JSON is read as its words");
}

#[test]
fn errors_name_the_place() {
    let error = |text: &str| Filter::parse(text, Kind::Number).expect_err(text);
    assert_eq!(error("a AND"), FilterError::TermMissing(6));
    assert_eq!(error("OR a"), FilterError::TermMissing(1));
    assert_eq!(error("a OR OR b"), FilterError::TermMissing(6));
    assert_eq!(error("NOT"), FilterError::TermMissing(4));
    assert_eq!(error("a (b"), FilterError::Parenthesis(3));
    assert_eq!(error("a) b"), FilterError::Parenthesis(2));
    assert_eq!(error("()"), FilterError::Parenthesis(2));
    assert_eq!(error("ab \"c"), FilterError::OpenQuote(4));
    assert_eq!(error(">x"), FilterError::Number(1));
    assert_eq!(error(&"(".repeat(40)), FilterError::TooDeep(17));
    assert_eq!(error(&"NOT ".repeat(40)), FilterError::TooDeep(65));
    assert_eq!(error(&"a ".repeat(129)), FilterError::TooManyTerms);
    assert_eq!(error(&"a".repeat(2_049)), FilterError::TooLong);
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in ".{0,200}", value in ".{0,60}") {
        for kind in [Kind::Text, Kind::Number] {
            if let Ok(filter) = Filter::parse(&text, kind) {
                filter.matches(&Value::Texts(vec![Words::of(&value)]));
                filter.matches(&Value::Addresses(vec![&value]));
                filter.matches(&Value::Number(1.0));
            }
        }
    }

    #[test]
    fn operators_in_any_order_do_not_make_it_panic(
        parts in proptest::collection::vec(
            proptest::sample::select(vec!["a", "(", ")", "AND", "OR", "NOT", "\"", ">1", "<", "\"b c\""]), 0..30),
    ) {
        let _ = Filter::parse(&parts.join(" "), Kind::Number);
    }

    #[test]
    fn a_phrase_of_its_own_words_matches_every_text(text in "[a-z0-9 .@-]{1,40}") {
        let phrase = format!("\"{text}\"");
        prop_assert!(matches(&phrase, &text));
    }

    #[test]
    fn not_turns_every_answer_round(term in "[a-c]{1,2}", text in "[a-c ]{0,12}") {
        let not = format!("NOT {term}");
        prop_assert_ne!(matches(&term, &text), matches(&not, &text));
    }
}

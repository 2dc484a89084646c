//! What must hold for filter expressions: the first line is the expression, the rest a text to match.

use waxseal_model::filter::{Filter, Kind, MAX_LENGTH, Value, Words};

/// No text makes it panic; what parses says the opposite behind `NOT`.
pub(crate) fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (expression, text) = text.split_once('\n').unwrap_or((text, ""));
    for kind in [Kind::Text, Kind::Number] {
        let Ok(filter) = Filter::parse(expression, kind) else { continue };
        assert!(expression.len() <= MAX_LENGTH);
        let values =
            || [Value::Texts(vec![Words::of(text)]), Value::Addresses(vec![text]), Value::Number(1.5)];
        let opposite = Filter::parse(&format!("NOT ({expression})"), kind);
        for value in values() {
            let matches = filter.matches(&value);
            assert!(!filter.is_empty() || matches);
            if let (Ok(opposite), false) = (&opposite, filter.is_empty()) {
                assert_ne!(opposite.matches(&value), matches);
            }
        }
    }
}

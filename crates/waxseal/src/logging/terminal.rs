//! What a command says on the terminal of whoever gave it.

use std::borrow::Cow;

use waxseal_model::redact::replaced;

/// Domains that are nobody's (RFC 2606 §3): those of the examples in our own advice.
const EXAMPLES: [&str; 3] = ["example.org", "example.com", "example.net"];

/// The text for the terminal of whoever gave these arguments: the addresses among them stay, and those of examples.
pub(crate) fn for_terminal(text: &str, arguments: impl Iterator<Item = String>) -> Cow<'_, str> {
    let arguments: Vec<String> = arguments.collect();
    replaced(text, |found| {
        let address = found.written.trim_start_matches(['`', '\'']).trim_end_matches('.');
        let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
        // In a URL it is a password with the host: `postgres://user:password@host`.
        let stays = !found.before.ends_with([':', '/'])
            && (EXAMPLES.contains(&domain) || arguments.iter().any(|argument| argument.contains(address)));
        (!stays).then(|| "[address]".to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_and_what_was_typed_stay_on_the_terminal_and_nothing_else() {
        let typed = || ["waxseal", "key", "--for=bob@corp.test"].into_iter().map(str::to_owned);
        for (text, expected) in [
            ("a full address such as ops@example.org.", "a full address such as ops@example.org."),
            ("`bob@corp.test` is not alice@corp.test", "`bob@corp.test` is not [address]"),
            ("ops@example.org, not eve@example.org.test", "ops@example.org, not [address]"),
            ("postgres://user:secret@example.org/x", "postgres://user:[address]/x"),
            ("\"john doe\"@example.org or a%40corp.test", "\"john doe\"@example.org or [address]"),
        ] {
            assert_eq!(for_terminal(text, typed()), expected, "{text}");
        }
    }
}

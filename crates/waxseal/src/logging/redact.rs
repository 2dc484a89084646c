//! Takes addresses of people out of text: everything like `local@domain`, quoted, encoded or bare.

use std::borrow::Cow;

/// Domains that are nobody's (RFC 2606 §3): those of the examples in our own advice.
const EXAMPLES: [&str; 3] = ["example.org", "example.com", "example.net"];

/// What stands in an address's place.
const MARK: &str = "[address]";

/// The text without addresses. Text without `@` and `%40` is handed back as it is.
pub(crate) fn redacted(text: &str) -> Cow<'_, str> {
    redacted_but(text, |_, _| false)
}

/// The text for the terminal of whoever gave these arguments: the addresses among them stay, and those of examples.
pub(crate) fn for_terminal(text: &str, arguments: impl Iterator<Item = String>) -> Cow<'_, str> {
    let arguments: Vec<String> = arguments.collect();
    redacted_but(text, |before, address| {
        let address = address.trim_start_matches(['`', '\'']).trim_end_matches('.');
        let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
        // In a URL it is a password with the host: `postgres://user:password@host`.
        !before.ends_with([':', '/'])
            && (EXAMPLES.contains(&domain) || arguments.iter().any(|argument| argument.contains(address)))
    })
}

/// The text without addresses, but for those of which `stays` says so, given what stands before them.
fn redacted_but(text: &str, stays: impl Fn(&str, &str) -> bool) -> Cow<'_, str> {
    let Some(first) = next_sign(text, 0) else { return Cow::Borrowed(text) };
    let mut clean = String::with_capacity(text.len());
    let mut kept_until = 0;
    let mut sign = Some(first);
    while let Some((at, length)) = sign {
        let start = local_start(text, kept_until, at);
        let end = domain_end(text, at + length);
        let known = || stays(text.get(..start).unwrap_or_default(), text.get(start..end).unwrap_or_default());
        if start < at && end > at + length && !known() {
            clean.push_str(text.get(kept_until..start).unwrap_or_default());
            clean.push_str(MARK);
            kept_until = end;
        }
        sign = next_sign(text, end.max(at + length));
    }
    clean.push_str(text.get(kept_until..).unwrap_or_default());
    Cow::Owned(clean)
}

/// The next `@`, bare or as `%40` or `=40`, with its length.
fn next_sign(text: &str, from: usize) -> Option<(usize, usize)> {
    let rest = text.get(from..)?;
    ["@", "%40", "=40"].iter().filter_map(|sign| Some((rest.find(sign)? + from, sign.len()))).min()
}

/// Where the local part begins that ends at `at`, not before `floor`.
fn local_start(text: &str, floor: usize, at: usize) -> usize {
    let before = text.get(floor..at).unwrap_or_default();
    for quote in ["\\\"", "\""] {
        if let Some(inner) = before.strip_suffix(quote) {
            return inner.rfind(quote).map_or(floor, |open| floor + open);
        }
    }
    let local: usize = before.chars().rev().take_while(|c| is_local(*c)).map(char::len_utf8).sum();
    at - local
}

fn domain_end(text: &str, from: usize) -> usize {
    let after = text.get(from..).unwrap_or_default();
    if after.starts_with('[') {
        return after.find(']').map_or(text.len(), |close| from + close + 1);
    }
    let domain: usize = after.chars().take_while(|c| is_domain(*c)).map(char::len_utf8).sum();
    from + domain
}

fn is_local(c: char) -> bool {
    !c.is_whitespace() && !c.is_control() && !"<>()[]{},;:\"\\/@&?".contains(c)
}

fn is_domain(c: char) -> bool {
    c.is_alphanumeric() || c == '-' || c == '.' || !c.is_ascii()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_go_and_the_rest_stays() {
        let cases = [
            ("nothing to see", "nothing to see"),
            ("to=alice@example.com code=250", "[address] code=250"),
            ("RCPT TO:<alice+tag@example.com> SIZE=1", "RCPT TO:<[address]> SIZE=1"),
            ("a@b.c,d@e.f", "[address],[address]"),
            (r#"{"to":"alice@example.com"}"#, r#"{"to":"[address]"}"#),
            (r#"to "john doe"@example.com."#, "to [address]"),
            (r#"{"to":"\"john doe\"@example.com"}"#, r#"{"to":"[address]"}"#),
            ("GET /v3/x.org/bounces/alice%40example.com?a=1", "GET /v3/x.org/bounces/[address]?a=1"),
            ("päivi@bücher.example ok", "[address] ok"),
            ("bounce+token=abc@[192.0.2.1] gone", "[address] gone"),
            ("postgres://user:secret@db/x", "postgres://user:[address]/x"),
            ("at 5 @ noon", "at 5 @ noon"),
        ];
        for (text, expected) in cases {
            assert_eq!(redacted(text), expected, "{text}");
        }
    }

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

    proptest! {
        #[test]
        fn no_address_gets_through(
            before in ".{0,20}",
            local in "[a-zA-Z0-9.!#$%'*+=^_`|~-]{1,20}",
            domain in "[a-z0-9]{1,10}(\\.[a-z0-9]{1,10}){0,3}",
            after in "[ <>,;:\"]?.{0,20}",
        ) {
            let address = format!("{local}@{domain}");
            let text = format!("{before} {address}{after}");
            prop_assert!(!redacted(&text).contains(&address));
        }

        #[test]
        fn any_text_can_be_redacted(text in ".{0,80}") {
            let clean = redacted(&text).into_owned();
            prop_assert_eq!(redacted(&clean).into_owned(), clean);
        }
    }
}

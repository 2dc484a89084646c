//! Takes addresses of people out of text: everything like `local@domain`, quoted, encoded or bare.

use std::borrow::Cow;

use crate::AddressMarks;

/// The text with `[address]` in the place of addresses. Text without `@` and `%40` is handed back as it is.
pub fn redacted(text: &str) -> Cow<'_, str> {
    replaced(text, |_| Some("[address]".to_owned()))
}

/// The text with `[address MARK]` in the place of addresses.
pub fn marked<'a>(text: &'a str, marks: &dyn AddressMarks) -> Cow<'a, str> {
    replaced(text, |address| Some(format!("[address {}]", marks.mark(&address.plain()))))
}

/// An address in a text.
#[derive(Debug, Clone, Copy)]
pub struct Found<'a> {
    /// What stands before it.
    pub before: &'a str,
    /// The address as it is written, with a name and `=` that stand before it without a space.
    pub written: &'a str,
    /// The sign within: `@`, `%40` or `=40`.
    sign: &'a str,
}

impl Found<'_> {
    /// The address written plainly.
    pub fn plain(&self) -> String {
        let (local, domain) = self.written.rsplit_once(self.sign).unwrap_or_default();
        // `to=ann@b.example`: what stands before the sign is a name and not hers.
        let local = local.rsplit('=').next().unwrap_or_default();
        format!("{local}@{}", domain.trim_end_matches('.'))
    }
}

/// The text with something else in the place of each address; those for which there is nothing else stay.
pub fn replaced<'a>(text: &'a str, instead: impl Fn(Found<'a>) -> Option<String>) -> Cow<'a, str> {
    let Some(first) = next_sign(text, 0) else { return Cow::Borrowed(text) };
    let mut clean = String::with_capacity(text.len());
    let mut kept_until = 0;
    let mut sign = Some(first);
    while let Some((at, length)) = sign {
        let start = local_start(text, kept_until, at);
        let end = domain_end(text, at + length);
        // `status=404` is a number, and `=40` a quoted-printable `@` only before a name.
        let domain = text.get(at + length..end).unwrap_or_default();
        let is_number = text.get(at..).is_some_and(|rest| rest.starts_with("=40"))
            && domain.chars().all(|c| c.is_ascii_digit() || c == '.');
        if start < at && end > at + length && !is_number {
            let part = |from, to| text.get(from..to).unwrap_or_default();
            let found =
                Found { before: part(0, start), written: part(start, end), sign: part(at, at + length) };
            if let Some(instead) = instead(found) {
                clean.push_str(part(kept_until, start));
                clean.push_str(&instead);
                kept_until = end;
            }
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
    if after.starts_with("[address]") || after.starts_with("[address ") {
        // What stands in an address's place already is no domain, whatever stands before it.
        return from;
    }
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
            ("0@[address]", "0@[address]"),
            ("answered route=- status=404 ms=405 rate=40.5", "answered route=- status=404 ms=405 rate=40.5"),
            ("to=bob=40example.org status=400", "[address] status=400"),
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

    #[derive(Debug)]
    struct Backwards;

    impl AddressMarks for Backwards {
        fn mark(&self, address: &str) -> String {
            address.replace('@', " ").chars().rev().collect()
        }
    }

    #[test]
    fn an_address_has_the_same_mark_however_it_is_written() {
        for text in ["<ann@b.example>", "x=ann%40b.example.", "(ann@b.example)"] {
            assert!(
                marked(text, &Backwards).contains("[address elpmaxe.b nna]"),
                "{}",
                marked(text, &Backwards)
            );
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

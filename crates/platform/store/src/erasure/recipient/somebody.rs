//! Whether a text names somebody: by their whole address, however it is written. `jim.bob@x.example` is somebody else
//! than `bob@x.example`, and nothing of theirs is touched.

mod layers;

use std::{collections::BTreeSet, sync::Arc};

use waxseal_mail::address::Address;
use waxseal_model::comparable::{comparable, composed};

use self::layers::layers;
use crate::{seal::Pepper, suppression::address_hash};

/// Who is looked for. What is known of them is a keyed hash or the addresses themselves.
pub(crate) struct Somebody {
    is: Box<dyn Fn(&str) -> bool + Send + Sync>,
}

/// How addresses can stand in a text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Among words: only signs that no provider gives out in addresses set one apart.
    Apart,
    /// In a return path: behind what joins it to the path's own name.
    Returned,
    /// In an id or a name of a file: joined to other parts by any sign.
    Joined,
}

impl Somebody {
    /// Whose address has this hash.
    pub(crate) fn hashed(pepper: Arc<Pepper>, hash: Vec<u8>) -> Self {
        Self { is: Box::new(move |address| address_hash(&pepper, address) == hash) }
    }

    /// Anybody with one of these addresses.
    pub(crate) fn among<'a>(addresses: impl Iterator<Item = &'a str>) -> Self {
        let addresses: BTreeSet<String> = addresses.map(canonical).collect();
        Self { is: Box::new(move |address| addresses.contains(address)) }
    }

    /// Whether the address is theirs.
    pub(crate) fn is(&self, address: &str) -> bool {
        (self.is)(&canonical(address))
    }

    /// Whether a text names them: in a mailbox, in quotes or brackets, as a return path that holds the address, or
    /// written in another way.
    pub(crate) fn is_named_in(&self, text: &str) -> bool {
        self.stands_in(text, Standing::Apart)
    }

    /// Whether an id or a name names them, where other parts can be joined to the address.
    pub(crate) fn is_part_of(&self, text: &str) -> bool {
        self.stands_in(text, Standing::Joined)
    }

    fn stands_in(&self, text: &str, standing: Standing) -> bool {
        self.stands_plainly_in(text, standing)
            || layers(text.as_bytes()).iter().any(|layer| self.stands_plainly_in(layer, standing))
    }

    fn stands_plainly_in(&self, text: &str, standing: Standing) -> bool {
        let text = &*composed(text);
        text.char_indices().any(|(at, sign)| {
            let (before, rest) = text.split_at(at);
            let after = rest.get(sign.len_utf8()..).unwrap_or_default();
            match sign {
                '@' => self.stands_around(before, after, standing),
                // `bounce+bob=x.example@…` and `bob%x.example@…`; the other way round where mail is forwarded.
                '=' | '%' => {
                    self.stands_around(before, after, Standing::Returned)
                        || self.is_joined(domain_at(before), local_at(after))
                }
                _ => false,
            }
        })
    }

    /// Whether the address around this place is theirs.
    fn stands_around(&self, before: &str, after: &str, standing: Standing) -> bool {
        if let Some(quoted) = quoted_local(before) {
            return ends(domain(after), standing).any(|domain| self.is_joined(domain, quoted));
        }
        let local = local(before);
        starts(local, standing)
            .any(|local| ends(domain(after), standing).any(|domain| self.is_joined(domain, local)))
    }

    fn is_joined(&self, domain: &str, local: &str) -> bool {
        !domain.is_empty() && !local.is_empty() && self.is(&format!("{local}@{domain}"))
    }
}

/// The form in which addresses are compared.
pub(crate) fn canonical(address: &str) -> String {
    let address = address.trim();
    let address = address.strip_prefix('<').and_then(|inner| inner.strip_suffix('>')).unwrap_or(address);
    if address.is_ascii() && !address.contains(['"', '\\']) {
        // The most usual ones: what else there is to do is lower case.
        return address.strip_suffix('.').unwrap_or(address).to_ascii_lowercase();
    }
    Address::parse(address).map_or_else(|_| comparable(address), |address| address.key())
}

/// Signs of an atom (RFC 5322, section 3.2.3) that stand around addresses rather than in them.
const AROUND: &str = "!#$%&*/=?^`{|}~";

fn is_of_local(sign: char) -> bool {
    sign.is_ascii_alphanumeric()
        || ".'+-_".contains(sign)
        || AROUND.contains(sign)
        || (!sign.is_ascii() && !sign.is_whitespace())
}

fn is_of_domain(sign: char) -> bool {
    sign.is_ascii_alphanumeric()
        || matches!(sign, '.' | '-' | '_')
        || (!sign.is_ascii() && sign.is_alphanumeric())
}

/// What can be a local part at the end of a text. Longer than an address may be is none.
fn local(before: &str) -> &str {
    let start = before
        .char_indices()
        .rev()
        .take(MOST)
        .take_while(|(_, sign)| is_of_local(*sign))
        .last()
        .map_or(before.len(), |(at, _)| at);
    before.get(start..).unwrap_or_default()
}

/// Letters of a local part that are looked at, with what may stand before it.
const MOST: usize = 256;

/// A local part in quotes at the end of a text, with them.
fn quoted_local(before: &str) -> Option<&str> {
    let inner = before.strip_suffix('"')?;
    let open = inner
        .char_indices()
        .rev()
        .take(MOST)
        .find(|(at, sign)| *sign == '"' && !inner.get(..*at).is_some_and(|left| left.ends_with('\\')))?;
    before.get(open.0..)
}

/// What can be a domain at the beginning of a text.
fn domain(after: &str) -> &str {
    let end = after.find(|sign| !is_of_domain(sign)).unwrap_or(after.len());
    after.get(..end).unwrap_or_default().trim_end_matches(['.', '-', '_'])
}

/// A domain at the end of a text, without what other sign is before it.
fn domain_at(before: &str) -> &str {
    let start = before.char_indices().rev().take(MOST).take_while(|(_, sign)| is_of_domain(*sign)).last();
    before.get(start.map_or(before.len(), |(at, _)| at)..).unwrap_or_default()
}

/// A local part at the beginning of a text.
fn local_at(after: &str) -> &str {
    let end = after.find(|sign| !is_of_local(sign) || sign == '=').unwrap_or(after.len());
    after.get(..end).unwrap_or_default()
}

/// Where a local part can begin: the whole, and what is left of it behind signs that can stand before one.
fn starts(local: &str, standing: Standing) -> impl Iterator<Item = &str> {
    let behind = local.char_indices().filter_map(move |(at, sign)| {
        let is_around = !sign.is_ascii() || AROUND.contains(sign) || (sign == '\'' && at == 0);
        let sets_apart = match standing {
            Standing::Apart => is_around,
            Standing::Returned => is_around || "+-".contains(sign),
            Standing::Joined => !sign.is_ascii_alphanumeric(),
        };
        local.get(at + sign.len_utf8()..).filter(|_| sets_apart)
    });
    std::iter::once(local).chain(behind)
}

/// Where a domain can end: the whole, its part in ASCII, and before each sign where something is joined to it.
fn ends(domain: &str, standing: Standing) -> impl Iterator<Item = &str> {
    let ascii = domain.find(|sign: char| !sign.is_ascii()).and_then(|at| domain.get(..at));
    let before = domain.char_indices().filter_map(move |(at, sign)| {
        let sets_apart = standing == Standing::Joined && !sign.is_alphanumeric();
        domain.get(..at).filter(|_| sets_apart)
    });
    std::iter::once(domain).chain(ascii).chain(before)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bob() -> Somebody {
        Somebody::among(std::iter::once("bob@x.example"))
    }

    #[test]
    fn an_address_is_found_however_it_is_written() {
        for text in [
            "bob@x.example",
            "BOB@X.Example",
            "Bob Hope <bob@x.example>",
            "\"Hope, Bob\" <bob@x.example>, ann@x.example",
            "ann@x.example,bob@x.example",
            "undisclosed: bob@x.example;",
            "write to bob@x.example.",
            "(bob@x.example)",
            "'bob@x.example'",
            "mailto:bob@x.example",
            "\"bob\"@x.example",
            "\"b\\ob\"@x.example",
            "bob%40x.example",
            "https://x.test/?rcpt=bob@x.example&n=1",
            "https://x.test/?rcpt=bob%40x.example",
            "https://x.test/bob@x.example/1",
            "bounce+bob=x.example@sender.test",
            "bounces-7-bob=x.example@sender.test",
            "SRS0=Hh=Tt=x.example=bob@relay.test",
            "bob%x.example@relay.test",
            "=?utf-8?Q?for_bob=40x.example?=",
            "for bob=40x.example",
            "bob&#64;x.example",
            "bob\\u0040x.example",
            "for bob@x.ex\r\nample",
            "who:Ym9iQHguZXhhbXBsZQ==",
            "626f6240782e6578616d706c65",
            "an bob@x.example写",
        ] {
            assert!(bob().is_named_in(text), "{text}");
        }
    }

    #[test]
    fn letters_may_be_composed_or_not() {
        let somebody = Somebody::among(std::iter::once("jos\u{e9}@b\u{fc}cher.example"));
        for text in [
            "jose\u{301}@bu\u{308}cher.example",
            "Jos\u{e9} <JOSE\u{301}@xn--bcher-kva.example>",
            "jose%CC%81@bu%CC%88cher.example",
        ] {
            assert!(somebody.is_named_in(text), "{text}");
        }
        assert!(somebody.is("jose\u{301}@bu\u{308}cher.example"));
        assert!(!somebody.is_named_in("jose@b\u{fc}cher.example"), "another letter is somebody else");
    }

    #[test]
    fn nobody_else_is_taken_for_them() {
        for text in [
            "jimbob@x.example",
            "jim.bob@x.example",
            "jim-bob@x.example",
            "bob+news@x.example",
            "o'bob@x.example",
            "bob@x.example.org",
            "bob@xx.example",
            "bob@y.x.example",
            "\"jim bob\"@x.example",
            "bounce+jimbob=x.example@sender.test",
            "bounce+jim.bob=x.example@sender.test",
            "jimbob%40x.example",
            "who:amltYm9iQHguZXhhbXBsZQ==",
            "bob at x.example",
            "@x.example bob@",
            "",
        ] {
            assert!(!bob().is_named_in(text), "{text}");
        }
    }

    #[test]
    fn an_id_that_holds_the_address_names_them() {
        for text in ["m1.bob@x.example", "invoice_bob@x.example.pdf", "text/plain; name=\"bob@x.example\""] {
            assert!(bob().is_part_of(text), "{text}");
        }
        for text in ["m1.jimbob@x.example", "m1-jimbob@x.example.pdf"] {
            assert!(!bob().is_part_of(text), "{text}");
        }
    }

    #[test]
    fn names_of_domains_compare_as_the_wire_has_them() {
        let somebody = Somebody::among(std::iter::once("Bob@B\u{fc}cher.example"));
        assert!(somebody.is("bob@xn--bcher-kva.example") && somebody.is("<bob@b\u{fc}cher.example>"));
        assert!(somebody.is_named_in("Bob <bob@b\u{fc}cher.example>"));
        assert!(somebody.is_named_in("bob@xn--bcher-kva.example"));
    }
}

//! The addresses of the isemail test suite: what is valid is taken, what is an error is refused.

use waxseal_mail::Address;

/// Category and address of each test.
fn cases(xml: &str) -> Vec<(String, String)> {
    let inner = |test: &str, tag: &str| {
        let start = test.find(&format!("<{tag}>"))? + tag.len() + 2;
        Some(test[start..test.find(&format!("</{tag}>"))?].to_owned())
    };
    let tests = xml.split("<test id=").skip(1);
    tests
        .filter_map(|test| {
            Some((inner(test, "category")?, unescaped(&inner(test, "address").unwrap_or_default())))
        })
        .collect()
}

/// XML entities, and the symbols that stand for control characters.
fn unescaped(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        let (entity, after) = after.split_once(';').unwrap();
        let code = entity.strip_prefix("#x").map(|hex| u32::from_str_radix(hex, 16).unwrap());
        let named = || {
            [("amp", '&'), ("lt", '<'), ("gt", '>'), ("quot", '"')]
                .into_iter()
                .find(|(name, _)| *name == entity)
        };
        out.push_str(before);
        out.push(code.map_or_else(|| named().unwrap().1, |code| char::from_u32(code).unwrap()));
        rest = after;
    }
    out.push_str(rest);
    let control = |c: char| match u32::from(c) {
        code @ 0x2400..=0x2420 => char::from_u32(code - 0x2400).unwrap(),
        _ => c,
    };
    out.chars().map(control).collect()
}

#[test]
fn valid_addresses_are_taken_and_errors_refused() {
    let file = std::env::var("WAXSEAL_CORPORA").map(|folder| format!("{folder}/isemail/tests.xml"));
    let Some(xml) = file.ok().and_then(|file| std::fs::read_to_string(file).ok()) else {
        return crate::skip::note("missing: corpora (WAXSEAL_CORPORA, isemail/tests.xml)");
    };
    let cases = cases(&xml);
    assert_eq!(cases.len(), 164);
    let mut wrong = Vec::new();
    for (category, address) in cases {
        let taken = Address::parse(&address).is_ok();
        let expect = match category.as_str() {
            "ISEMAIL_VALID_CATEGORY" | "ISEMAIL_DNSWARN" => true,
            // The suite is older than addresses in UTF-8 (RFC 6532), where these are legal.
            "ISEMAIL_ERR" if address.is_ascii() => false,
            // Legal somewhere, but not in an envelope, or obsolete: either answer will do.
            _ => continue,
        };
        if taken != expect {
            wrong.push((category, address));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

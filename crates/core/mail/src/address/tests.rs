//! Addresses as customers write them.

use proptest::prelude::*;

use super::*;

fn shown(text: &str) -> Result<Vec<String>, ParseAddressError> {
    Ok(parse_list(text, 50)?
        .iter()
        .map(|mailbox| format!("{}|{}", mailbox.name.as_deref().unwrap_or("-"), mailbox.address))
        .collect())
}

#[test]
fn lists_are_read_as_customers_write_them() {
    for (text, expect) in [
        ("bob@x.org", &["-|bob@x.org"][..]),
        ("  bob@X.ORG ", &["-|bob@x.org"]),
        ("Bob@x.org", &["-|Bob@x.org"]),
        ("<bob@x.org>", &["-|bob@x.org"]),
        ("Bob <bob@x.org>", &["Bob|bob@x.org"]),
        ("Bob<bob@x.org>", &["Bob|bob@x.org"]),
        ("Bob   Q. Smith Jr. <bob@x.org>", &["Bob Q. Smith Jr.|bob@x.org"]),
        ("Bob <bob@x.org>, \"Last, First\" <a@b>", &["Bob|bob@x.org", "Last, First|a@b"]),
        ("a@b.c,,d@e.f, ,", &["-|a@b.c", "-|d@e.f"]),
        ("a@b.c; d@e.f;", &["-|a@b.c", "-|d@e.f"]),
        ("\"Say \\\"hi\\\"\" <a@b.c>", &["Say \"hi\"|a@b.c"]),
        ("O'Brien <o'brien@b.c>", &["O'Brien|o'brien@b.c"]),
        ("a@b.c <a@b.c>", &["a@b.c|a@b.c"]),
        ("Team: Support <a@b.c>", &["Team: Support|a@b.c"]),
        ("Friends: a@b.c, D <d@e.f>; g@h.i", &["-|a@b.c", "D|d@e.f", "-|g@h.i"]),
        ("undisclosed-recipients:;", &[]),
        ("", &[]),
        (" , ,", &[]),
        ("bob@x.org (Bob Smith)", &["Bob Smith|bob@x.org"]),
        ("Bob (at (home)) <bob@x.org>", &["Bob|bob@x.org"]),
        ("Bob :) <bob@x.org>", &["Bob :)|bob@x.org"]),
        ("=?UTF-8?B?WsO8cmljaA==?= <z@x.org>", &["Zürich|z@x.org"]),
        ("\"=?UTF-8?Q?Z=C3=BCrich?=\" <z@x.org>", &["Zürich|z@x.org"]),
        ("=?iso-8859-1?q?J=F8rn?= =?utf-8?q?_=C3=A9?= <z@x.org>", &["Jørn é|z@x.org"]),
        ("Zoë 陳 <z@x.org>", &["Zoë 陳|z@x.org"]),
        ("z@münchen.example", &["-|z@xn--mnchen-3ya.example"]),
        ("用户@例え.jp", &["-|用户@xn--r8jz45g.jp"]),
        ("\"a b\"@x.org", &["-|\"a b\"@x.org"]),
        ("\"plain\"@x.org", &["-|plain@x.org"]),
        ("\"a@b\"@x.org", &["-|\"a@b\"@x.org"]),
        ("\"<>,;\" <a+tag=x@x.org>", &["<>,;|a+tag=x@x.org"]),
        ("a@localhost", &["-|a@localhost"]),
    ] {
        let expect: Vec<String> = expect.iter().map(|text| (*text).to_owned()).collect();
        assert_eq!(shown(text), Ok(expect), "{text}");
    }
}

#[test]
fn an_address_stays_as_it_is_written_and_compares_composed() {
    let [composed, decomposed] = ["jos\u{e9}@x.example", "jose\u{301}@x.example"]
        .map(|text| Address::parse(text).expect("an address"));
    assert_eq!(decomposed.to_string(), "jose\u{301}@x.example");
    assert_eq!(decomposed.key(), composed.key());
}

#[test]
fn what_is_no_address_is_refused_with_a_reason() {
    use ParseAddressError as E;
    let long_local = format!("{}@x.org", "a".repeat(65));
    let long_domain = format!("a@{}org", "a.".repeat(150));
    let long_label = format!("a@{}.org", "a".repeat(64));
    for (text, expect) in [
        ("bob", E::MissingAt),
        ("Bob <bob>", E::MissingAt),
        ("Bob <>", E::Empty),
        ("@x.org", E::BadLocal),
        ("bob@", E::BadDomain),
        ("bob smith@x.org", E::BadLocal),
        ("bob@x org", E::BadDomain),
        ("bob..smith@x.org", E::BadLocal),
        (".bob@x.org", E::BadLocal),
        ("bob.@x.org", E::BadLocal),
        ("bob@x..org", E::BadDomain),
        ("bob@.x.org", E::BadDomain),
        ("bob@x.org.", E::BadDomain),
        ("bob@-x.org", E::BadDomain),
        ("bob@x_y.org", E::BadDomain),
        ("bob@127.0.0.1", E::BadDomain),
        ("bob@[127.0.0.1]", E::BadDomain),
        ("bob@[IPv6:::1]", E::BadDomain),
        ("bob@xn--.org", E::BadDomain),
        ("bob@x.org carol@x.org", E::BadLocal),
        ("bob@x@y.org", E::BadLocal),
        ("Bob <bob@x.org", E::Unclosed),
        ("\"Bob <bob@x.org>", E::Unclosed),
        ("Bob (x <bob@x.org>", E::Unclosed),
        ("Bob <bob@x.org> x", E::TrailingText),
        ("Bob <<bob@x.org>>", E::TrailingText),
        ("\"a\"b@x.org", E::BadLocal),
        ("bob@x.org\r\nBcc: e@x.org", E::ControlCharacter),
        (&long_local, E::TooLong),
        (&long_domain, E::TooLong),
        (&long_label, E::BadDomain),
    ] {
        assert_eq!(shown(text), Err(expect), "{text}");
    }
    assert_eq!(parse_list("a@b.c, d@e.f", 1).err(), Some(E::TooMany { max: 1 }));
    assert_eq!(Mailbox::parse("a@b.c, d@e.f").err(), Some(E::NotOne));
    assert_eq!(Mailbox::parse(" ").err(), Some(E::Empty));
}

#[test]
fn addresses_compare_by_their_key() {
    let key = |text: &str| Address::parse(text).unwrap().key();
    assert_eq!(key("Bob@X.org"), key("bob@x.ORG"));
    assert_eq!(key("\"bob\"@x.org"), key("bob@x.org"));
    assert_eq!(key("a@MÜNCHEN.example"), key("a@xn--mnchen-3ya.example"));
    assert!(!Address::parse("ü@x.org").unwrap().is_ascii());
}

#[test]
fn nothing_of_an_address_is_in_its_debug_output() {
    let mailbox = Mailbox::parse("Bob <bob@x.org>").unwrap();
    let text = format!("{mailbox:?} {:?}", mailbox.address);
    assert!(!text.contains("ob") || text == "Mailbox(…) Address(…)", "{text}");
}

#[test]
fn a_hostile_list_is_read_in_linear_time() {
    for text in ["(", ":", "\"", "<", "=?", "=?a?q?", "a:", "[", "\\", "=?utf-8?q?a?= ", "a@b.c,"] {
        let _ = parse_list(&text.repeat(200_000), 1_000);
    }
}

fn local() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~ \"@(),:;<>\\\\ü漢-]{1,20}"
}

fn name() -> impl Strategy<Value = Option<String>> {
    prop::option::of(
        "[a-zA-Z0-9.,;:<>()@\"\\\\' =?_\\-üé漢🎉\t]{0,40}"
            .prop_filter("no blanks alone", |name| !name.trim().is_empty()),
    )
}

proptest! {
    #[test]
    fn a_printed_mailbox_is_read_back_the_same(
        local in local(),
        domain in "[a-z0-9]{1,10}(\\.[a-z]{2,6}){0,3}",
        name in name(),
    ) {
        prop_assume!(domain.parse::<u64>().is_err());
        let Ok(address) = Address::new(&local, &domain) else { return Ok(()) };
        prop_assert_eq!(Address::parse(&address.to_string()), Ok(address.clone()));
        let mailbox = Mailbox { name, address };
        prop_assert_eq!(Mailbox::parse(&mailbox.to_string()), Ok(mailbox.clone()));
        // In a list, and in a header, too.
        let list = format!("x@y.z, {mailbox}, {mailbox}");
        prop_assert_eq!(parse_list(&list, 3).map(|list| list.get(1).cloned()), Ok(Some(mailbox.clone())));
        let line = crate::header::mailboxes("To", std::slice::from_ref(&mailbox)).unwrap();
        let value = crate::patch::unfold(line.strip_prefix("To:").unwrap().as_bytes());
        prop_assert_eq!(Mailbox::parse(&value), Ok(mailbox));
    }

    #[test]
    fn any_text_is_read_or_refused(text in ".{0,200}") {
        if let Ok(list) = parse_list(&text, 100) {
            for mailbox in list {
                prop_assert_eq!(Mailbox::parse(&mailbox.to_string()), Ok(mailbox));
            }
        }
    }

    #[test]
    fn texts_of_address_characters_are_read_or_refused(text in "[a-c@.,;:<>()\"\\\\ \\[\\]=?]{0,60}") {
        if let Ok(list) = parse_list(&text, 100) {
            for mailbox in list {
                prop_assert_eq!(Mailbox::parse(&mailbox.to_string()), Ok(mailbox));
            }
        }
    }
}

//! Records and policies as domains publish them, and as they should not.

use super::*;

const GOOD: &str =
    "version: STSv1\r\nmode: enforce\r\nmx: mail.b.example\r\nmx: *.b.example\r\nmax_age: 604800\r\n";

fn parse(text: &str) -> Result<Policy, PolicyError> {
    Policy::parse(text.as_bytes())
}

/// The good policy with one thing changed.
fn changed(from: &str, to: &str) -> Result<Policy, PolicyError> {
    assert!(GOOD.contains(from), "{from}");
    parse(&GOOD.replace(from, to))
}

#[test]
fn a_policy_is_read_with_either_line_end() {
    for text in [GOOD.to_owned(), GOOD.replace('\r', ""), format!("{}\r\n \r\n", GOOD.trim_end())] {
        let policy = parse(&text).expect("a policy");
        assert_eq!((policy.mode(), policy.max_age()), (Mode::Enforce, 604_800));
        assert!(policy.allows("mail.b.example"));
    }
    assert_eq!(changed("enforce", "testing").map(|policy| policy.mode()), Ok(Mode::Testing));
    let none = parse("version: STSv1\nmode: none\nmax_age: 1\n").expect("a policy without servers");
    assert_eq!(none.mode(), Mode::None);
    assert!(!none.allows("mail.b.example"));
}

#[test]
fn what_a_policy_does_not_name_is_not_allowed() {
    let policy = changed("mx: mail.b.example\r\n", "").expect("a policy");
    for (host, allowed) in [
        ("mx1.b.example", true),
        ("MX1.B.Example.", true),
        ("b.example", false),
        (".b.example", false),
        ("a.mx1.b.example", false),
        ("mx1.b.example.evil.example", false),
        ("mx1.xb.example", false),
        ("*.b.example", true),
        ("", false),
    ] {
        assert_eq!(policy.allows(host), allowed, "{host}");
    }
    let policy = changed("*.b.example", "mx.b.example").expect("a policy");
    assert!(policy.allows("mx.b.example") && policy.allows("mail.b.example"));
    assert!(!policy.allows("a.mail.b.example") && !policy.allows("example"));
}

#[test]
fn of_what_stands_twice_the_first_counts_and_what_is_new_is_passed_over() {
    let policy = parse(&format!("{GOOD}mode: none\nmax_age: 5\nversion: STSv2\nnew-field: a: b\n"));
    let policy = policy.expect("a policy");
    assert_eq!((policy.mode(), policy.max_age()), (Mode::Enforce, 604_800));
}

#[test]
fn what_is_no_policy_is_refused() {
    for (from, to, error) in [
        ("STSv1", "STSv2", PolicyError::Version),
        ("version: STSv1\r\n", "", PolicyError::Version),
        ("enforce", "Enforce", PolicyError::Mode),
        ("mode: enforce\r\n", "", PolicyError::Mode),
        ("mx: mail", "mx= mail", PolicyError::Syntax),
        ("mode: enforce", "mode : enforce", PolicyError::Syntax),
        ("enforce", "enf\rorce", PolicyError::Syntax),
        ("*.b", "*.*.b", PolicyError::Pattern),
        ("*.b", "m*.b", PolicyError::Pattern),
        ("*.b.example", "*", PolicyError::Pattern),
        ("*.b.example", "b..example", PolicyError::Pattern),
        ("*.b.example", "b.example.", PolicyError::Pattern),
        ("*.b.example", "bücher.example", PolicyError::Pattern),
        ("*.b.example", "", PolicyError::Pattern),
        ("mx: mail.b.example\r\nmx: *.b.example\r\n", "", PolicyError::NoPattern),
        ("604800", "", PolicyError::Age),
        ("604800", "-1", PolicyError::Age),
        ("604800", "+1", PolicyError::Age),
        ("604800", "99999999999", PolicyError::Age),
        ("max_age: 604800\r\n", "", PolicyError::Age),
    ] {
        assert_eq!(changed(from, to), Err(error), "{from} -> {to}");
    }
    assert_eq!(Policy::parse(b"version: STSv1\nmode: \xff"), Err(PolicyError::Syntax));
    let many = format!("{GOOD}{}", "mx: a.example\n".repeat(PATTERNS));
    assert_eq!(parse(&many), Err(PolicyError::Pattern));
}

#[test]
fn no_policy_holds_longer_than_a_year() {
    let policy = changed("604800", "9999999999").expect("a policy");
    assert_eq!(policy.max_age(), LONGEST_AGE);
}

#[test]
fn there_is_a_policy_if_exactly_one_record_says_so() {
    for (records, id) in [
        (&["v=STSv1; id=20160831085700Z;"][..], Some("20160831085700Z")),
        (&["v=STSv1;id=1"], Some("1")),
        (&["v=spf1 -all", "v=STSv1; a=b; id=1;"], Some("1")),
        (&["v=STSv1 ; id=1; id=2;"], Some("1")),
        (&["v=STSv1; id=1;", "v=STSv1; id=1;"], None),
        (&["v=STSv1; id=;"], None),
        (&["v=STSv1; id=a-b;"], None),
        (&["v=STSv1; id=111111111111111111111111111111111;"], None),
        (&["v=STSv1; id"], None),
        (&["v=STSv1"], None),
        (&["v=STSv10; id=1;"], None),
        (&[" v=STSv1; id=1;"], None),
        (&[], None),
    ] {
        assert_eq!(record_id(records.iter().copied()), id, "{records:?}");
    }
}

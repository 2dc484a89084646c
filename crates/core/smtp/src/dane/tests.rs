//! Which records hold for which certificate.

use super::*;

const CERTIFICATE: &[u8] = b"a whole certificate";
const KEY: &[u8] = b"its key";

fn one(usage: u8, selector: u8, matching: u8, data: &[u8]) -> Association {
    Association::new(usage, selector, matching, data).expect("usable")
}

#[test]
fn a_record_tells_of_the_certificate_or_its_key_in_each_of_three_forms() {
    for (selector, selected) in [(0, CERTIFICATE), (1, KEY)] {
        let (short, long) = (digest(&SHA256, selected), digest(&SHA512, selected));
        for (matching, data) in [(0, selected), (1, short.as_ref()), (2, long.as_ref())] {
            let record = one(3, selector, matching, data);
            assert!(record.matches(CERTIFICATE, KEY), "{selector} {matching}");
            assert!(!record.matches(b"another", b"another"), "{selector} {matching}");
            assert!(!record.matches(KEY, CERTIFICATE), "{selector} {matching}: not the other part");
        }
    }
}

#[test]
fn what_smtp_does_not_have_is_unusable() {
    for (usage, selector, matching, length) in [
        (0, 1, 1, 32),
        (1, 1, 1, 32),
        (4, 1, 1, 32),
        (255, 1, 1, 32),
        (3, 2, 1, 32),
        (3, 1, 3, 32),
        (3, 1, 1, 31),
        (3, 1, 1, 64),
        (3, 1, 2, 32),
        (3, 0, 0, 0),
        (3, 0, 0, DATA + 1),
    ] {
        let record = Association::new(usage, selector, matching, &vec![0; length]);
        assert_eq!(record, None, "{usage} {selector} {matching} {length}");
    }
}

#[test]
fn only_the_strongest_digest_of_the_same_thing_counts() {
    let weak = one(3, 1, 1, digest(&SHA256, KEY).as_ref());
    let strong = one(3, 1, 2, &[0; 64]);
    let whole = one(3, 1, 0, b"x");
    let of_certificate = one(3, 0, 1, &[1; 32]);
    let all = Associations::new([weak.clone(), strong.clone(), whole.clone(), of_certificate.clone()]);
    assert_eq!(all.of(Usage::EndEntity).collect::<Vec<_>>(), [&strong, &whole, &of_certificate]);
    assert_eq!(Associations::new([weak.clone()]).of(Usage::EndEntity).collect::<Vec<_>>(), [&weak]);
}

#[test]
fn a_thousand_records_cost_a_few() {
    let all = Associations::new((0..1_000_u32).map(|n| one(3, 1, 0, &n.to_be_bytes())));
    assert_eq!(all.of(Usage::EndEntity).count(), RECORDS);
}

#[test]
fn an_issuer_is_known_whole_only_from_a_record_that_holds_it() {
    assert_eq!(one(2, 0, 0, CERTIFICATE).issuer(), Some(CERTIFICATE));
    for record in [one(3, 0, 0, CERTIFICATE), one(2, 1, 0, KEY), one(2, 0, 1, &[0; 32])] {
        assert_eq!(record.issuer(), None);
    }
}

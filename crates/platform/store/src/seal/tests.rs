//! A sealed value opens in its place under its key, and nowhere else.

use waxseal_model::{AccountId, SeededRandom};

use super::*;

const PLACE: Place<'static> =
    Place { table: "bodies", column: "mime", account: AccountId::from_u128(1), row: &[1, 2, 3] };

fn key(number: i64, byte: u8) -> DataKey {
    DataKey::new(number, &[byte; 32]).expect("a key")
}

#[test]
fn a_sealed_value_opens_in_its_place() {
    let (key, random) = (key(7, 1), SeededRandom::new(1));
    for value in [&b""[..], b"x", &[0; 5000]] {
        let sealed = key.seal(&random, PLACE, value).expect("sealed");
        assert_eq!(key_number(PLACE, &sealed).expect("a number"), 7);
        assert_eq!(key.open(PLACE, &sealed).expect("opened").as_slice(), value);
    }
    let (one, other) = (key.seal(&random, PLACE, b"x"), key.seal(&random, PLACE, b"x"));
    assert_ne!(one.expect("sealed"), other.expect("sealed"), "nonces are fresh");
}

#[test]
fn in_another_place_or_under_another_key_it_does_not_open() {
    let (right, random) = (key(7, 1), SeededRandom::new(1));
    let sealed = right.seal(&random, PLACE, b"secret").expect("sealed");
    let places = [
        Place { account: AccountId::from_u128(2), ..PLACE },
        Place { table: "events", ..PLACE },
        Place { column: "other", ..PLACE },
        Place { row: &[1, 2], ..PLACE },
    ];
    for place in places {
        assert!(matches!(right.open(place, &sealed), Err(StoreError::Corrupt { .. })));
    }
    assert!(key(7, 2).open(PLACE, &sealed).is_err());
}

#[test]
fn a_changed_or_cut_value_does_not_open() {
    let (key, random) = (key(7, 1), SeededRandom::new(1));
    let sealed = key.seal(&random, PLACE, b"secret").expect("sealed");
    for index in HEAD - NONCE_LEN..sealed.len() {
        let mut changed = sealed.clone();
        changed[index] ^= 1;
        assert!(key.open(PLACE, &changed).is_err(), "byte {index}");
    }
    for length in 0..sealed.len() {
        assert!(key.open(PLACE, &sealed[..length]).is_err(), "cut at {length}");
    }
    assert!(key_number(PLACE, &[]).is_err());
    assert!(key_number(PLACE, &[9; 40]).is_err(), "of another version");
}

#[test]
fn hashes_are_of_one_account_and_one_use() {
    let (one, other) = (Pepper::new(&[1; 32]), Pepper::new(&[2; 32]));
    assert_eq!(one.hash(b"address", b"a@b"), one.hash(b"address", b"a@b"));
    assert_ne!(one.hash(b"address", b"a@b"), other.hash(b"address", b"a@b"));
    assert_ne!(one.hash(b"address", b"a@b"), one.hash(b"message-id", b"a@b"));
    assert_ne!(one.hash(b"ab", b"c"), one.hash(b"a", b"bc"));
}

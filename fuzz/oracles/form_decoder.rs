//! What must hold for forms: the first byte says how they are sent and in which pieces, the rest is the body.

use waxseal_form::{Decoder, Field, FormError};

const TYPES: [Option<&str>; 4] = [
    None,
    Some("multipart/form-data; boundary=b"),
    Some("application/x-www-form-urlencoded; charset=iso-8859-1"),
    Some("multipart/form-data; boundary=\"--b b\""),
];

/// No body makes it panic, pieces make no difference, and fields hold no more than was sent.
pub(crate) fn check(data: &[u8]) {
    let Some((first, body)) = data.split_first() else { return };
    let content_type = TYPES[usize::from(*first) % TYPES.len()];
    let whole = decode(content_type, body, body.len());
    let pieces = decode(content_type, body, usize::from(*first / 4));
    match (whole, pieces) {
        (Ok(whole), Ok(pieces)) => {
            assert!(whole.len() == pieces.len());
            assert!(whole.iter().map(|field| field.bytes.len()).sum::<usize>() <= body.len());
            for (one, other) in whole.into_iter().zip(pieces) {
                assert!(
                    one.name == other.name && one.file_name == other.file_name && one.bytes == other.bytes
                );
                let bytes = one.bytes.len();
                assert!(one.into_text(None).len() <= bytes * 3);
            }
        }
        (Err(one), Err(other)) => assert_eq!(one, other),
        (one, other) => panic!("{:?} whole, {:?} in pieces", one.err(), other.err()),
    }
}

fn decode(content_type: Option<&str>, body: &[u8], piece: usize) -> Result<Vec<Field>, FormError> {
    let mut decoder = Decoder::new(content_type, 50)?;
    for piece in body.chunks(piece.max(1)) {
        decoder.push(piece)?;
    }
    decoder.finish()
}

//! What must hold for options in headers.

use waxseal_mail::{
    date, header, options,
    patch::{Limits, Message},
};

/// Options are read from anything; variables written again read back the same.
pub(crate) fn check(data: &[u8]) {
    let Ok(message) = Message::read(data.to_vec(), &Limits::default()) else { return };
    let found = options::from_mime(&message);
    for (_, value) in &found.options {
        let _ = date::parse(value);
    }
    let value = options::variables_value(&found.variables);
    let line = header::custom("X-Mailgun-Variables", &value).expect("variables can be written");
    assert!(line.is_ascii() && line.split("\r\n").all(|line| line.len() <= 998));
    let mime = format!("{line}\r\n").into_bytes();
    let again = Message::read(mime, &Limits { header_block: 1 << 22, ..Limits::default() });
    let again = options::from_mime(&again.expect("the line is a header"));
    assert!(again.variables == found.variables);
}

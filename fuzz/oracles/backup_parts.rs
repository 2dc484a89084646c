//! What must hold for the readers of backups, of copies of the keys and of exports: the input is read as frames, as a
//! sealed file, and sealed itself.

use std::io::{Read as _, Write as _};

use aws_lc_rs::hmac;

use super::{
    frame::{Decoder, Encoder, Frame},
    sealed_file::{Head, Magic, SealedReader, SealedWriter},
};

const MAGICS: [Magic; 2] = [Magic(b"WAXSEAL BACKUP 1"), Magic(b"WAXSEAL KEYS 001")];

/// Frames that read to their end are written again as the same bytes; what was sealed opens to the same, and nothing else
/// opens.
pub(crate) fn check(data: &[u8]) {
    frames(data);
    let key = hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]);
    for magic in MAGICS {
        let mut from = data;
        if let Ok(Some(head)) = Head::read(magic, &mut from) {
            let mut plain = Vec::new();
            let mut reader = SealedReader::new(from, &key, &head).expect("a key");
            // Whoever has no key seals nothing: only inputs that a test wrote open.
            if reader.read_to_end(&mut plain).is_ok() {
                frames(&plain);
            }
        }
    }
    let sealed = sealed(data, &key);
    assert_eq!(opened(&sealed, &key).as_deref(), Some(data));
    let place = data.first().map_or(0, |byte| usize::from(*byte)) * sealed.len() / 256;
    let mut changed = sealed.clone();
    changed[place] ^= 1;
    assert_eq!(opened(&changed, &key), None, "a bit was changed");
    assert_eq!(opened(&sealed[..sealed.len() - 1], &key), None, "its end was cut off");
}

fn sealed(data: &[u8], key: &hmac::Key) -> Vec<u8> {
    let [magic, _] = MAGICS;
    let head = Head::new(magic, &[1; 32], b"{}").expect("a head");
    let mut writer = SealedWriter::new(Vec::new(), key, &head).expect("begun");
    writer.write_all(data).expect("memory");
    writer.finish().expect("memory")
}

fn opened(sealed: &[u8], key: &hmac::Key) -> Option<Vec<u8>> {
    let [magic, _] = MAGICS;
    let mut from = sealed;
    let head = Head::read(magic, &mut from).ok()??;
    let mut plain = Vec::new();
    SealedReader::new(from, key, &head).ok()?.read_to_end(&mut plain).ok()?;
    Some(plain)
}

fn frames(data: &[u8]) {
    let (mut decoder, mut encoder) = (Decoder::new(data), Encoder::new());
    while let Ok(Some(frame)) = decoder.next() {
        match frame {
            Frame::Table(table) => encoder.table(&table).expect("it was read"),
            Frame::Row(row) => encoder.row(&row).expect("it was read"),
            Frame::End(totals) => {
                let again = encoder.end(totals.counters.clone()).expect("it was read");
                assert_eq!(again, totals);
                // The end is JSON, which may be written in other ways; what comes before it may not.
                let written = encoder.take();
                let end = written.len() - serde_json::to_vec(&totals).expect("JSON").len() - 5;
                assert_eq!(written.get(..end), data.get(..end));
                return;
            }
        }
    }
}

//! What packed data inside other bytes holds, as far as it can be unpacked, within limits.

use std::io::Read;

use flate2::read::{DeflateDecoder, GzDecoder, ZlibDecoder};
use memchr::{memchr_iter, memmem};

/// The most that one packed stream may come to.
pub(crate) const MOST: u64 = 16 << 20;
/// Chance resemblances of a zlib head give no more than this before they break.
const CHANCE: usize = 16;

/// Gives what unpacks from a start below `before` to `take`.
pub(crate) fn each(bytes: &[u8], before: usize, mut take: impl FnMut(&[u8])) {
    let starts_at = |at: usize| bytes.get(at..).filter(|_| at < before);
    for at in memmem::find_iter(bytes, b"\x1f\x8b\x08") {
        let Some(rest) = starts_at(at) else { break };
        give(GzDecoder::new(rest), 0, &mut take);
    }
    for at in memchr_iter(0x78, bytes) {
        let Some(rest) = starts_at(at) else { break };
        if matches!(rest.get(1), Some(0x01 | 0x5e | 0x9c | 0xda)) {
            give(ZlibDecoder::new(rest), CHANCE, &mut take);
        }
    }
    for at in memmem::find_iter(bytes, b"PK\x03\x04") {
        let Some(rest) = starts_at(at) else { break };
        if let Some(file) = deflated(rest) {
            give(DeflateDecoder::new(file), 0, &mut take);
        }
    }
}

/// The data behind a local file header of a zip, if it is deflated; stored data is found as it is.
fn deflated(header: &[u8]) -> Option<&[u8]> {
    let short = |at: usize| Some(usize::from(u16::from_le_bytes(*header.get(at..)?.first_chunk()?)));
    (short(8)? == 8).then_some(())?;
    header.get(30 + short(26)? + short(28)?..)
}

fn give(stream: impl Read, least: usize, take: &mut impl FnMut(&[u8])) {
    let mut held = Vec::new();
    // A stream that is cut off gives what it gave until then.
    let _ = stream.take(MOST).read_to_end(&mut held);
    if held.len() > least {
        take(&held);
    }
}

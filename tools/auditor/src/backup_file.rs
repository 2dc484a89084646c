//! When a backup was made: the readable part at its beginning tells.

use std::{fs::File, io::Read as _, path::Path};

/// What a backup begins with, and a copy of the keys; behind it are 32 bytes of salt, the header's length, and the header as JSON.
const MAGICS: [&[u8; 16]; 2] = [b"WAXSEAL BACKUP 1", b"WAXSEAL KEYS 001"];
/// No header is longer.
const LONGEST: u32 = 64 * 1024;

/// When the file was made, in microseconds since the epoch; `None` if it is neither.
pub(crate) fn made_at(path: &Path) -> Option<i64> {
    let mut file = File::open(path).ok()?;
    let mut head = [0; 16 + 32 + 4];
    file.read_exact(&mut head).ok()?;
    let (magic, rest) = head.split_first_chunk::<16>()?;
    let length = u32::from_be_bytes(*rest.last_chunk::<4>()?);
    if !MAGICS.contains(&magic) || length > LONGEST {
        return None;
    }
    let mut header = vec![0; usize::try_from(length).ok()?];
    file.read_exact(&mut header).ok()?;
    let header: serde_json::Value = serde_json::from_slice(&header).ok()?;
    header["created_at"].as_i64()
}

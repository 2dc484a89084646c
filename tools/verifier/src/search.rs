//! Looking through files: all bytes, their names, and what gzip, zlib and zip hide.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{ErrorKind, Read},
    path::{Path, PathBuf},
};

use aho_corasick::AhoCorasick;
use anyhow::{Result, ensure};
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use memchr::memmem;

use crate::{
    account::Account,
    forms::{Needles, views},
};

/// Bytes looked at together.
const WINDOW: usize = 4 << 20;
/// The most that something packed may come to.
const MOST: u64 = 64 << 20;
/// How deep packed data is unpacked.
const DEEPEST: u8 = 3;
/// The shortest word: a shorter one is found in noise by chance.
const SHORTEST: usize = 5;

/// What to look for.
pub(crate) struct Search {
    longest: usize,
    folded: AhoCorasick,
    exact: AhoCorasick,
}

/// What was found where.
#[derive(Default)]
pub(crate) struct Found {
    pub(crate) places: BTreeMap<String, u64>,
    pub(crate) files: u64,
    pub(crate) bytes: u64,
    pub(crate) unreadable: u64,
}

impl Found {
    /// How much in all.
    pub(crate) fn hits(&self) -> u64 {
        self.places.values().sum()
    }
}

impl Search {
    /// A search for an account's id and for words.
    pub(crate) fn new(account: Option<&Account>, words: &[String]) -> Result<Self> {
        let mut needles = Needles::default();
        if let Some(account) = account {
            needles.add_word(&account.text);
            needles.add_bytes(&account.bytes);
        }
        for word in words {
            ensure!(word.len() >= SHORTEST, "--word: at least {SHORTEST} bytes, or it is found by chance");
            needles.add_word(word);
        }
        let longest = needles.longest();
        let folded = AhoCorasick::builder().ascii_case_insensitive(true).build(&needles.folded)?;
        Ok(Self { longest, folded, exact: AhoCorasick::new(&needles.exact)? })
    }

    /// Whether there is nothing to look for.
    pub(crate) fn looks_for_nothing(&self) -> bool {
        self.longest == 0
    }

    /// Looks through every file of these folders. Links are not followed.
    pub(crate) fn folders(&self, folders: &[PathBuf]) -> Result<Found> {
        let mut found = Found::default();
        for folder in folders {
            ensure!(folder.is_dir(), "--scan {}: there is no such folder", folder.display());
            self.folder(folder, &mut found);
        }
        Ok(found)
    }

    fn folder(&self, folder: &Path, found: &mut Found) {
        let Ok(entries) = std::fs::read_dir(folder) else {
            found.unreadable += 1;
            return;
        };
        for path in entries.flatten().map(|entry| entry.path()) {
            let Ok(about) = path.symlink_metadata() else { continue };
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let named = self.count(name.as_bytes(), 0);
            let place = if named > 0 { "a file's name".to_owned() } else { path.display().to_string() };
            note(found, &place, named);
            if about.is_dir() {
                self.folder(&path, found);
            } else if about.is_file() {
                match self.file(&path, found) {
                    Ok(hits) => note(found, &place, hits),
                    // Gone meanwhile.
                    Err(error) if error.kind() == ErrorKind::NotFound => {}
                    Err(_) => found.unreadable += 1,
                }
            }
        }
    }

    /// What is in a file, window by window; each begins with the end of the one before.
    fn file(&self, path: &Path, found: &mut Found) -> std::io::Result<u64> {
        let mut file = File::open(path)?;
        found.files += 1;
        // Escapes take up to six bytes for each.
        let carried = (self.longest * 6).min(WINDOW / 2);
        let (mut window, mut hits, mut first) = (Vec::new(), 0, true);
        loop {
            let read = file.by_ref().take((WINDOW - window.len()) as u64).read_to_end(&mut window)?;
            found.bytes += read as u64;
            if read == 0 {
                return Ok(hits);
            }
            // What lies in the carried part alone was counted before.
            let before = if first { 0 } else { self.count(window.get(..carried).unwrap_or_default(), 0) };
            hits += self.count(&window, 0).saturating_sub(before);
            first = false;
            let keep = window.len().saturating_sub(carried);
            window.drain(..keep);
        }
    }

    /// How often something is in these bytes, in any form.
    fn count(&self, bytes: &[u8], depth: u8) -> u64 {
        let plain = self.direct(bytes);
        let escaped: u64 = views(bytes).iter().map(|view| self.direct(view).saturating_sub(plain)).sum();
        let packed = if depth < DEEPEST { self.packed(bytes, depth) } else { 0 };
        plain + escaped + packed
    }

    fn direct(&self, bytes: &[u8]) -> u64 {
        let count = |search: &AhoCorasick| search.find_overlapping_iter(bytes).count() as u64;
        count(&self.folded) + count(&self.exact)
    }

    /// What is inside packed data that begins anywhere in these bytes.
    fn packed(&self, bytes: &[u8], depth: u8) -> u64 {
        let mut hits = 0;
        for start in memmem::find_iter(bytes, b"\x1f\x8b\x08") {
            hits += self.unpacked(MultiGzDecoder::new(bytes.get(start..).unwrap_or_default()), depth);
        }
        for kind in [0x01, 0x5e, 0x9c, 0xda] {
            for start in memmem::find_iter(bytes, &[0x78, kind]) {
                hits += self.unpacked(ZlibDecoder::new(bytes.get(start..).unwrap_or_default()), depth);
            }
        }
        for start in memmem::find_iter(bytes, b"PK\x03\x04") {
            hits += self.zip_member(bytes.get(start..).unwrap_or_default(), depth);
        }
        hits
    }

    /// A member of a zip archive: local header of 30 bytes, name, extra field, deflated data.
    fn zip_member(&self, bytes: &[u8], depth: u8) -> u64 {
        let short = |at: usize| {
            let pair = bytes.get(at..at + 2)?;
            Some(usize::from(u16::from_le_bytes([*pair.first()?, *pair.last()?])))
        };
        match (short(8), short(26), short(28)) {
            (Some(8), Some(name), Some(extra)) => {
                let data = bytes.get(30 + name + extra..).unwrap_or_default();
                self.unpacked(DeflateDecoder::new(data), depth)
            }
            _ => 0,
        }
    }

    /// What a decoder gives; one that fails gives what it gave until then.
    fn unpacked(&self, decoder: impl Read, depth: u8) -> u64 {
        let mut inner = Vec::new();
        let _ = decoder.take(MOST).read_to_end(&mut inner);
        if inner.len() < SHORTEST { 0 } else { self.count(&inner, depth + 1) }
    }
}

fn note(found: &mut Found, place: &str, hits: u64) {
    if hits > 0 {
        *found.places.entry(place.to_owned()).or_default() += hits;
    }
}

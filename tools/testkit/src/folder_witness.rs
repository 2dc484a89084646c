//! Looks through a folder for what should be gone, in the process of the test.

use std::path::{Path, PathBuf};

use waxseal_privacy::erasure::{LookedFor, Seen, Sighting, Witness, WitnessError};
use waxseal_scan::Scanner;

/// Looks through this folder.
pub struct FolderWitness(pub PathBuf);

impl Witness for FolderWitness {
    fn look(&self, what: LookedFor) -> Sighting<'_> {
        Box::pin(async move {
            let failed = |error: String| WitnessError(error);
            let words = what.words.iter().map(|word| word.as_str());
            let scanner = Scanner::with_bytes(words, what.bytes.iter().map(Vec::as_slice))
                .map_err(|error| failed(error.to_string()))?;
            let mut seen = Seen { software: "of a test".into(), ..Seen::default() };
            look(&scanner, &self.0, &mut seen).map_err(|error| failed(error.to_string()))?;
            Ok(seen)
        })
    }
}

fn look(scanner: &Scanner, folder: &Path, seen: &mut Seen) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            look(scanner, &path, seen)?;
        } else if path.is_file() {
            let bytes = std::fs::read(&path)?;
            seen.files += 1;
            seen.bytes += bytes.len() as u64;
            seen.hits += scanner.count(&bytes).total();
        }
    }
    Ok(())
}

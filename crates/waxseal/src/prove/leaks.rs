//! The search is put to the test: leaks are planted at random in copies of what was searched, and it has to find each.

use std::{
    fs::File,
    io::{Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use waxseal_model::Random as _;
use waxseal_scan::{Form, Scanner, leaks};
use waxseal_system::SystemRandom;

use super::canary::{Canaries, FIELDS};

/// How many are planted.
pub(super) const PLANTED: u64 = 200;
/// Of a file so much is taken, from anywhere in it.
const MOST: u64 = 64 << 10;

/// Plants them, one at a time; how many were found. `folders` are those that were searched.
pub(super) async fn found(folders: &[PathBuf], canaries: &Canaries) -> Result<u64> {
    let mut files = Vec::new();
    for folder in folders {
        collect(folder, &mut files)?;
    }
    let mut found = 0;
    for _ in 0..PLANTED {
        let file = files.get(below(files.len())).context("no file to plant a leak in")?.clone();
        let (field, _) = FIELDS.get(below(FIELDS.len())).context("no field")?;
        let word = canaries.of(field).to_owned();
        let seen = tokio::task::spawn_blocking(move || planted(&file, &word)).await??;
        found += u64::from(seen);
    }
    Ok(found)
}

/// Plants a word in a random form at a random place; whether it is found, and in this form.
fn planted(file: &Path, word: &str) -> Result<bool> {
    let mut forms = leaks::of(word, &noise(below(7)), &noise(below(7)));
    let (form, leak) = forms.swap_remove(below(forms.len()));
    let held = read(file)?;
    let (before, after) = held.split_at(below(held.len() + 1));
    let counts = Scanner::new([word])?.read(&*[before, &leak, after].concat())?;
    // Inside packed or escaped data of the file a leak may count under the form of what is around it.
    Ok(counts.of(form) > 0 || (form != Form::Plain && counts.total() > 0))
}

fn read(file: &Path) -> Result<Vec<u8>> {
    let mut held = Vec::new();
    let mut file = File::open(file)?;
    let room = file.metadata()?.len().saturating_sub(MOST);
    file.seek(SeekFrom::Start(SystemRandom.below(room + 1)))?;
    file.take(MOST).read_to_end(&mut held)?;
    Ok(held)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let about = path.symlink_metadata()?;
        if about.is_dir() {
            collect(&path, files)?;
        } else if about.is_file() {
            files.push(path);
        }
    }
    Ok(())
}

fn below(limit: usize) -> usize {
    SystemRandom.below(limit as u64) as usize
}

/// Random bytes.
fn noise(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    SystemRandom.fill(&mut bytes);
    bytes
}

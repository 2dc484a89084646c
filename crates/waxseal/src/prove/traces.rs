//! The search: every byte of every file, every value of every table, for everything that is the customer's.

use std::path::{Path, PathBuf};

use anyhow::Result;
use waxseal_model::AccountId;
use waxseal_scan::Scanner;
use waxseal_store::{Store, proof::Value};

use super::{
    canary::Canaries,
    dump::PROVING,
    stage::{KEYS, TEMPORARY},
};
use crate::trace::Files;

/// What betrays a customer.
pub(super) struct Traces {
    words: Vec<String>,
    /// Its id, and values of the instance's own making for it.
    bytes: Vec<Vec<u8>>,
}

/// What a search of files looked at and found.
#[derive(Debug, Default)]
pub(super) struct InFiles {
    pub(super) files: u64,
    pub(super) bytes: u64,
    pub(super) hits: u64,
    /// Where, by file and form.
    pub(super) places: Vec<String>,
}

impl InFiles {
    /// Where.
    pub(super) fn told(&self) -> String {
        told(&self.places)
    }
}

impl Traces {
    /// The canaries, and the account's id.
    pub(super) fn of(canaries: &Canaries, account: AccountId) -> Self {
        let mut words: Vec<String> = canaries.all().map(|(_, _, word)| word.to_owned()).collect();
        words.push(account.to_string());
        Self { words, bytes: vec![account.to_bytes().to_vec()] }
    }

    /// The words of these alone.
    pub(super) fn words(words: impl IntoIterator<Item = String>) -> Self {
        Self { words: words.into_iter().collect(), bytes: Vec::new() }
    }

    /// And these values.
    pub(super) fn with(&self, own: impl IntoIterator<Item = Vec<u8>>) -> Self {
        Self { words: self.words.clone(), bytes: self.bytes.iter().cloned().chain(own).collect() }
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.words.len() + self.bytes.len()
    }

    /// Looks for them.
    pub(super) fn scanner(&self) -> Result<Scanner> {
        let words = self.words.iter().map(String::as_str);
        Ok(Scanner::with_bytes(words, self.bytes.iter().map(Vec::as_slice))?)
    }

    /// Looks through everything in these folders.
    pub(super) async fn in_files(&self, folders: &[PathBuf]) -> Result<InFiles> {
        let (scanner, folders) = (self.scanner()?, folders.to_vec());
        let files = tokio::task::spawn_blocking(move || {
            let mut files = Files::new(scanner);
            for folder in &folders {
                files.folder(folder.parent().unwrap_or(folder), folder);
            }
            files
        })
        .await?;
        anyhow::ensure!(files.unreadable == 0, "{} files cannot be read", files.unreadable);
        let hits = files.found.iter().filter_map(|found| found["count"].as_u64()).sum();
        let places =
            files.found.iter().filter_map(|found| found["place"].as_str().map(str::to_owned)).collect();
        Ok(InFiles { files: files.looked_at, bytes: files.bytes, hits, places })
    }

    /// Looks through every value of every table, as it lies and opened: how many it looked at, and where they hold some.
    pub(super) async fn in_tables(&self, store: &Store) -> Result<(u64, Vec<String>)> {
        let scanner = self.scanner()?;
        let (mut looked_at, mut places) = (0, Vec::new());
        let look = |_: Option<AccountId>, values: &[Value<'_>]| {
            for value in values {
                looked_at += 1;
                let shown = [value.rest, value.opened].into_iter().flatten();
                if shown.into_iter().any(|bytes| scanner.count(bytes).total() > 0) {
                    places.push(format!("{}.{}", value.column.table, value.column.column));
                }
            }
        };
        store.every_row(&PROVING, look).await?;
        Ok((looked_at, places))
    }
}

/// Everything that is written in a folder of a proof, the database's own files with it where they can be read.
pub(super) fn folders(stage: &Path, database: Option<PathBuf>) -> Vec<PathBuf> {
    let folders = ["data", "logs", "exports", TEMPORARY].map(|name| stage.join(name));
    let keys = Some(stage.join(KEYS)).filter(|folder| folder.exists());
    folders.into_iter().chain(keys).chain(database).collect()
}

/// Where something was found, for people.
pub(super) fn told(places: &[String]) -> String {
    let mut all = places.to_vec();
    all.sort();
    all.dedup();
    all.truncate(12);
    if all.is_empty() { String::new() } else { format!(": {}", all.join(", ")) }
}

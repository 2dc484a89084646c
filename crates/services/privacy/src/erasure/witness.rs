//! Who looks through the files when everything is erased: another process, because one that closes a database's file
//! loses the locks that SQLite holds on it.

use std::{future::Future, pin::Pin};

use thiserror::Error;
use zeroize::Zeroizing;

/// What would betray that something is left.
#[derive(Clone, Default)]
pub struct LookedFor {
    /// Words: addresses, the account's id.
    pub words: Vec<Zeroizing<String>>,
    /// Bytes that are no word: the account's id as rows hold it.
    pub bytes: Vec<Vec<u8>>,
}

impl LookedFor {
    pub(super) fn all<'a>(each: impl Iterator<Item = &'a Self>) -> Self {
        let mut all = Self::default();
        for one in each {
            all.words.extend(one.words.iter().cloned());
            all.bytes.extend(one.bytes.iter().cloned());
        }
        all
    }
}

/// What was seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// Files looked into.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files that could not be read.
    pub unreadable: u64,
    /// How often something was found.
    pub hits: u64,
    /// Addresses that were looked for beside the account's id.
    pub words: u64,
    /// SHA-256 of the program that looked, which is the one that erased, in hex.
    pub software: String,
}

/// Nobody could look.
#[derive(Debug, Error)]
#[error("the files could not be searched: {0}")]
pub struct WitnessError(pub String);

/// A look that is under way.
pub type Sighting<'a> = Pin<Box<dyn Future<Output = Result<Seen, WitnessError>> + Send + 'a>>;

/// Looks through every file that the instance keeps.
pub trait Witness: Send + Sync {
    /// How often something of it is there.
    fn look(&self, what: LookedFor) -> Sighting<'_>;
}

//! What is being attempted at this moment, for whoever asks why a message is where it is.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use waxseal_model::{RecipientId, Timestamp};

use crate::board::Job;

/// An attempt that has not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attempted {
    entries: Vec<RecipientId>,
    pub(crate) since: Timestamp,
    /// The server that it has a connection to.
    pub(crate) host: Option<String>,
}

/// All attempts: one for each connection at most.
#[derive(Default)]
pub(crate) struct UnderWay(Mutex<(u64, HashMap<u64, Attempted>)>);

/// An attempt; it is over when this is dropped.
pub(crate) struct Turn<'a> {
    under_way: &'a UnderWay,
    number: u64,
}

impl UnderWay {
    /// An attempt begins.
    pub(crate) fn begin(&self, job: &Job, since: Timestamp) -> Turn<'_> {
        let entries = job.entries.iter().map(|entry| entry.id).collect();
        let mut all = self.all();
        all.0 = all.0.wrapping_add(1);
        let number = all.0;
        all.1.insert(number, Attempted { entries, since, host: None });
        Turn { under_way: self, number }
    }

    /// The attempt that an entry is part of.
    pub(crate) fn of(&self, entry: RecipientId) -> Option<Attempted> {
        self.all().1.values().find(|attempted| attempted.entries.contains(&entry)).cloned()
    }

    fn all(&self) -> MutexGuard<'_, (u64, HashMap<u64, Attempted>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn<'_> {
    /// It has a connection.
    pub(crate) fn meets(&self, host: &str) {
        if let Some(attempted) = self.under_way.all().1.get_mut(&self.number) {
            attempted.host = Some(host.to_owned());
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.under_way.all().1.remove(&self.number);
    }
}

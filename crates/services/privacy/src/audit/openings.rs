//! Counts openings of content until they are recorded together.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use waxseal_model::{AccountId, Actor, Purpose};

/// Whose content was opened by whom, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Opening {
    pub(super) actor: Actor,
    pub(super) purpose: Purpose,
    pub(super) account: AccountId,
}

/// What was counted since it was taken last.
#[derive(Debug, Default)]
pub(super) struct Openings(Mutex<HashMap<Opening, u64>>);

impl Openings {
    pub(super) fn count(&self, actor: Actor, purpose: Purpose, account: AccountId) {
        self.put_back(Opening { actor, purpose, account }, 1);
    }

    pub(super) fn put_back(&self, opening: Opening, count: u64) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(opening).or_default() += count;
    }

    pub(super) fn take(&self) -> Vec<(Opening, u64)> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.drain().collect()
    }
}

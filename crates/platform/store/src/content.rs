//! The MIME of a message on its way out of the store: each opening of it is counted.
//!
//! Counting hangs on the value and not on its readers: whoever is added later is counted too.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use waxseal_model::{
    Access, AccountId, Actor, Opens, Purpose, PurposeMark, Sealed, actor, category, purpose,
};

use crate::{grant::Sight, open::Store};

/// A message's MIME. Like [`Sealed`], but openings are counted.
pub struct Content {
    account: AccountId,
    mime: Sealed<Vec<u8>, category::PrivateContent>,
    openings: Arc<Openings>,
}

impl Content {
    pub(crate) const fn new(
        account: AccountId,
        mime: Sealed<Vec<u8>, category::PrivateContent>,
        openings: Arc<Openings>,
    ) -> Self {
        Self { account, mime, openings }
    }

    /// Lends the MIME to somebody who says who they are and why, and counts that. No operator has such an access.
    pub fn open<P: Opens<category::PrivateContent>>(&self, access: &Access<P>) -> &[u8] {
        self.count(access);
        self.mime.open(access)
    }

    /// Hands the MIME over, and counts that.
    pub fn into_open<P: Opens<category::PrivateContent>>(self, access: &Access<P>) -> Vec<u8> {
        self.count(access);
        self.mime.into_open(access)
    }

    /// Hands the MIME over to an operator who has sight of this account's content, and counts that. `None` if it is
    /// another account's.
    pub fn into_open_under(self, sight: Sight) -> Option<Vec<u8>> {
        if sight.account() != self.account {
            return None;
        }
        let access = Access::new(actor::Operator, purpose::Support);
        self.count(&access);
        Some(self.mime.into_granted(&access))
    }

    fn count<P: PurposeMark>(&self, access: &Access<P>) {
        let (actor, purpose) = (access.actor(), access.purpose());
        self.openings.add(Opening { actor, purpose, account: self.account }, 1);
    }
}

/// Whose content was opened by whom, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Opening {
    /// Who looked.
    pub actor: Actor,
    /// Why.
    pub purpose: Purpose,
    /// Whose content.
    pub account: AccountId,
}

/// What was counted since it was taken last.
#[derive(Debug, Default)]
pub(crate) struct Openings(Mutex<HashMap<Opening, u64>>);

impl Openings {
    fn add(&self, opening: Opening, count: u64) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(opening).or_default() += count;
    }
}

impl Store {
    /// Takes the openings that were counted since they were taken last, each with its number.
    pub fn take_openings(&self) -> Vec<(Opening, u64)> {
        let mut counts = self.inner.openings.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.drain().collect()
    }

    /// Counts openings again that could not be recorded.
    pub fn put_back_openings(&self, opening: Opening, count: u64) {
        self.inner.openings.add(opening, count);
    }
}

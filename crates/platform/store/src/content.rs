//! The MIME of a message on its way out of the store: each opening of it is counted or recorded.
//!
//! That hangs on the value and not on its readers: whoever is added later is counted too. What is opened for delivery is
//! counted, and recorded in batches: what became of it shows in the event log. Every other opening is on record before
//! the content is handed over, so that a process which is killed has given out nothing that is not.

use std::{
    collections::HashMap,
    future::Future,
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

    /// Lends the MIME to be delivered, and counts that.
    pub fn open(&self, access: &Access<purpose::Delivery>) -> &[u8] {
        self.openings.add(self.opening(access), 1);
        self.mime.open(access)
    }

    /// Hands the MIME over to be delivered, and counts that.
    pub fn into_open(self, access: &Access<purpose::Delivery>) -> Vec<u8> {
        self.openings.add(self.opening(access), 1);
        self.mime.into_open(access)
    }

    /// Hands the MIME over once `witness` has put it on record. No operator has such an access.
    pub async fn into_open_before<P, W>(self, witness: &W, access: &Access<P>) -> Result<Vec<u8>, W::Error>
    where
        P: Opens<category::PrivateContent>,
        W: Witness,
    {
        witness.opened(self.opening(access), 1).await?;
        Ok(self.mime.into_open(access))
    }

    /// Hands the MIME over to an operator who has sight of this account's content, once `witness` has put it on record.
    /// `None` if it is another account's.
    pub async fn into_open_under<W: Witness>(
        self,
        witness: &W,
        sight: Sight,
    ) -> Result<Option<Vec<u8>>, W::Error> {
        if sight.account() != self.account {
            return Ok(None);
        }
        let access = Access::new(actor::Operator, purpose::Support);
        witness.opened(self.opening(&access), 1).await?;
        Ok(Some(self.mime.into_granted(&access)))
    }

    /// Hands the MIME over to whoever makes a sealed file of many, and counts it there.
    pub fn into_open_for(self, tally: &mut Tally, access: &Access<purpose::Export>) -> Vec<u8> {
        *tally.0.entry(self.opening(access)).or_default() += 1;
        self.mime.into_open(access)
    }

    fn opening<P: PurposeMark>(&self, access: &Access<P>) -> Opening {
        Opening { actor: access.actor(), purpose: access.purpose(), account: self.account }
    }
}

/// Puts openings of content on record.
pub trait Witness: Sync {
    /// Why it could not.
    type Error;

    /// Records that content is opened so many times; it is on stable storage when this answers.
    fn opened(&self, opening: Opening, count: u64) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

/// Openings for one sealed file, which nobody reads before they are on record.
#[derive(Debug, Default)]
#[must_use = "what was opened has to be put on record"]
pub struct Tally(HashMap<Opening, u64>);

impl Tally {
    /// Puts them on record.
    pub async fn record<W: Witness>(self, witness: &W) -> Result<(), W::Error> {
        for (opening, count) in self.0 {
            witness.opened(opening, count).await?;
        }
        Ok(())
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

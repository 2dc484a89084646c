//! The MIME of a message on its way out of the store: each opening of it is counted or recorded.
//!
//! That hangs on the value and not on its readers: whoever is added later is counted too. What is opened for delivery is
//! counted, and recorded in batches; how many wait for that is noted with every commit, so that a process which is killed
//! leaves the number behind. Every other opening is on record before
//! the content is handed over, so that a process which is killed has given out nothing that is not.

use std::{
    collections::HashMap,
    future::Future,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use waxseal_model::{
    Access, AccountId, Actor, Opens, Purpose, PurposeMark, Sealed, actor, category, purpose,
};

use crate::{error::StoreError, grant::Sight, open::Store, rows::count, writer::Effects};

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

/// What was counted since it was taken last, and how much of all that is on no record yet.
///
/// **Invariant:** what became of an opening is committed together with a note of how many are on no record, or after it.
#[derive(Debug, Default)]
pub(crate) struct Openings {
    counts: Mutex<HashMap<Opening, u64>>,
    unrecorded: AtomicU64,
    noted: AtomicU64,
}

impl Openings {
    fn add(&self, opening: Opening, count: u64) {
        self.unrecorded.fetch_add(count, Ordering::SeqCst);
        self.put_back(opening, count);
    }

    fn put_back(&self, opening: Opening, count: u64) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(opening).or_default() += count;
    }

    /// How many are on no record, if that is not what was noted last.
    pub(crate) fn to_note(&self) -> Option<u64> {
        let unrecorded = self.unrecorded.load(Ordering::SeqCst);
        (unrecorded != self.noted.load(Ordering::SeqCst)).then_some(unrecorded)
    }

    /// Remembers what was noted.
    pub(crate) fn noted(&self, unrecorded: u64) {
        self.noted.store(unrecorded, Ordering::SeqCst);
    }
}

/// The note of how many openings are on no record.
pub(crate) const UNRECORDED: &str = "openings on no record";

impl Store {
    /// Takes the openings that were counted since they were taken last, each with its number.
    pub fn take_openings(&self) -> Vec<(Opening, u64)> {
        let mut counts = self.inner.openings.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.drain().collect()
    }

    /// Notes that so many of them are on record.
    pub async fn openings_are_recorded(&self, count: u64) -> Result<(), StoreError> {
        let less = |unrecorded: u64| Some(unrecorded.saturating_sub(count));
        let unrecorded = &self.inner.openings.unrecorded;
        unrecorded.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).unwrap_or_default();
        // Whatever is committed takes the note along.
        self.inner.writer.write(Effects::default(), |_| Box::pin(async { Ok(()) })).await
    }

    /// How many openings a process that ended without closing the store had counted when it committed last, and not
    /// put on record: at most so many, for it may have ended between record and note.
    pub async fn openings_left_behind(&self) -> Result<u64, StoreError> {
        if self.inner.openings.noted.load(Ordering::SeqCst) > 0 {
            // The note is this process's own.
            return Ok(0);
        }
        Ok(self.note(UNRECORDED).await?.map_or(0, count))
    }

    /// Forgets those, once they are on record.
    pub async fn forget_openings_left_behind(&self) -> Result<(), StoreError> {
        self.write_note(UNRECORDED, None).await
    }

    /// Counts openings again that could not be recorded.
    pub fn put_back_openings(&self, opening: Opening, count: u64) {
        self.inner.openings.put_back(opening, count);
    }
}

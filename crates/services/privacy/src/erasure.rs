//! Erasing on request: an account after a time in which it can be undone, a recipient or a user of an account at once;
//! with a signed certificate at the end.
//!
//! The keys go first, then the rows, then what is left of them in files; then another process looks through everything,
//! and what it found is certified. A request is on stable storage before it is answered, and every step can be
//! interrupted: the next start goes on from there.

mod ask;
mod begin;
mod certificate;
mod hold;
mod remove;
mod witness;

use std::{
    collections::HashMap,
    future::Future,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use thiserror::Error;
use tokio::sync::Notify;
use waxseal_model::{AccountId, Clock, ErasureId, Timestamp};
use waxseal_store::{
    Store, StoreError,
    erasure::{Erasure, ErasureKind, ErasureState},
};
use zeroize::Zeroizing;

pub(crate) use self::ask::checked_address;
use self::{ask::MOST_WAITING, certificate::Signer};
pub use self::{
    hold::HoldError,
    witness::{LookedFor, Seen, Sighting, Witness, WitnessError},
};
use crate::{
    Retention,
    audit::{AuditError, AuditLog},
};

/// How erasing is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErasureConfig {
    /// How long the deletion of an account can be undone: `erasure.grace_days`.
    pub grace: Duration,
    /// Rows deleted in one transaction.
    pub batch: u64,
    /// The domain from which owners are written to when an operator opens their content: `access.notice_from`.
    pub notices_from: Option<String>,
}

impl Default for ErasureConfig {
    fn default() -> Self {
        Self { grace: Duration::from_secs(7 * 86_400), batch: 1_000, notices_from: None }
    }
}

/// Why something could not be erased, or not be undone.
#[derive(Debug, Error)]
pub enum ErasureError {
    /// Nobody has this id.
    #[error("there is no such account")]
    NoAccount,
    /// It is too late.
    #[error("the erasure of the account has begun; it cannot be undone any more")]
    TooLate,
    /// Nothing was asked for.
    #[error("the account is not to be erased, so there is nothing to undo")]
    NotAsked,
    /// Not an address.
    #[error("the recipient must be a full address such as bob@example.org")]
    NotAnAddress,
    /// No login is like that.
    #[error("the login must be a full address such as app@example.org")]
    NotALogin,
    /// The account has no such login, and nothing of it.
    #[error(
        "there is no such login in this account; of one that was deleted nothing is left but what is in copies that the \
         account asked for"
    )]
    NoLogin,
    /// The account has asked for more than are done one after the other in reasonable time.
    #[error("{MOST_WAITING} erasures of this account are not done yet; ask again when some are")]
    TooMany,
    /// The audit trail cannot be written: what cannot be recorded is not done.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// The store failed.
    #[error(transparent)]
    Store(StoreError),
    /// Nobody could look through the files.
    #[error(transparent)]
    Witness(#[from] WitnessError),
    /// The certificate could not be made.
    #[error("the certificate could not be signed")]
    Unsigned,
}

impl From<StoreError> for ErasureError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Erased => Self::NoAccount,
            error => Self::Store(error),
        }
    }
}

/// Erases what was asked for. Cheap to clone; one per instance.
#[derive(Clone)]
pub struct Eraser {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    clock: Arc<dyn Clock>,
    audit: AuditLog,
    retention: Arc<Retention>,
    witness: Arc<dyn Witness>,
    config: ErasureConfig,
    signer: Signer,
    /// Held by who begins an erasure, takes one back or adds a hold: each sees what the others did.
    gate: tokio::sync::Mutex<()>,
    /// Held by who removes rows.
    turn: tokio::sync::Mutex<()>,
    asked: Notify,
    begun: Notify,
    /// Words that the witness looks for as well, as long as this process knows them.
    words: Mutex<HashMap<ErasureId, Vec<Zeroizing<String>>>>,
}

/// How far an erasure is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// `waiting` (it can be undone, if it is of an account), `held` (a legal hold puts it off), `erasing` or `done`.
    pub stage: &'static str,
    /// Rows erased so far.
    pub rows: u64,
}

impl Eraser {
    /// The eraser of this store. `retention` tells whether the clock can be trusted.
    pub async fn open(
        store: Store,
        clock: Arc<dyn Clock>,
        audit: AuditLog,
        retention: Arc<Retention>,
        witness: Arc<dyn Witness>,
        config: ErasureConfig,
    ) -> Result<Self, ErasureError> {
        let signer = Signer::of(&store).await?;
        let inner = Inner {
            store,
            clock,
            audit,
            retention,
            witness,
            config,
            signer,
            gate: tokio::sync::Mutex::default(),
            turn: tokio::sync::Mutex::default(),
            asked: Notify::new(),
            begun: Notify::new(),
            words: Mutex::default(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// When an account that is closed now would be erased.
    pub fn grace(&self) -> Duration {
        self.inner.config.grace
    }

    /// The key that certificates are signed with, in hex.
    pub fn public_key(&self) -> &str {
        self.inner.signer.public()
    }

    /// Closes an account and asks for its erasure when the time of grace is over. From now on nobody gets in and
    /// nothing leaves. Asked again, the answer is the same.
    pub async fn close_account(&self, account: AccountId) -> Result<Erasure, ErasureError> {
        let final_at = self.inner.clock.now() + self.inner.config.grace;
        let asked = self.inner.store.ask_account_erasure(account, final_at).await?;
        self.inner.asked.notify_one();
        Ok(asked)
    }

    /// Opens an account again that was closed to be erased.
    pub async fn reopen_account(&self, account: AccountId) -> Result<(), ErasureError> {
        let _gate = self.inner.gate.lock().await;
        if self.inner.store.take_back_erasure(account).await? {
            return Ok(());
        }
        match self.inner.store.account_erasure(account).await? {
            Some(_) => Err(ErasureError::TooLate),
            None => Err(ErasureError::NotAsked),
        }
    }

    /// How far an erasure is.
    pub async fn progress(&self, erasure: &Erasure) -> Result<Progress, ErasureError> {
        let stage = match erasure.state {
            ErasureState::Grace if self.inner.store.is_held(erasure).await? => "held",
            ErasureState::Grace => "waiting",
            ErasureState::Erasing => "erasing",
            ErasureState::Done => "done",
        };
        let rows = match &erasure.certificate {
            Some(certificate) => certificate::rows(certificate),
            None => self.inner.store.erasure_counts(erasure).await?.values().sum(),
        };
        Ok(Progress { stage, rows })
    }

    /// Does everything whose time has come, to its end. A command does this where no server runs.
    pub async fn run_once(&self) -> Result<(), ErasureError> {
        self.begin_due().await?;
        self.remove_begun().await
    }

    /// Does it as it comes, until `stop` is done. What is under way then goes on at the next start.
    pub async fn run(&self, stop: impl Future<Output = ()>) {
        let mut stop = pin!(stop);
        // Two at once, so that no key waits for another account's rows.
        tokio::select! {
            () = &mut stop => {}
            () = self.keep_beginning() => {}
            () = self.keep_removing() => {}
        }
    }

    async fn keep_beginning(&self) {
        loop {
            let next = match self.begin_due().await {
                Ok(next) => next,
                Err(error) => {
                    tracing::warn!(%error, "erasures could not be begun; they are tried again soon");
                    Some(self.inner.clock.now() + AGAIN)
                }
            };
            let wait = match next {
                // A hold may end meanwhile, and a clock may be put right.
                Some(next) => next.since(self.inner.clock.now()).min(AGAIN),
                None => IDLE,
            };
            tokio::select! {
                () = self.inner.asked.notified() => {}
                () = self.inner.clock.sleep_until(self.inner.clock.now() + wait) => {}
            }
        }
    }

    async fn keep_removing(&self) {
        loop {
            let wait = match self.remove_begun().await {
                Ok(()) => IDLE,
                Err(error) => {
                    tracing::warn!(%error, "an erasure could not be ended; it is tried again soon");
                    AGAIN
                }
            };
            tokio::select! {
                () = self.inner.begun.notified() => {}
                () = self.inner.clock.sleep_until(self.inner.clock.now() + wait) => {}
            }
        }
    }

    fn lock_words(&self) -> std::sync::MutexGuard<'_, HashMap<ErasureId, Vec<Zeroizing<String>>>> {
        self.inner.words.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// After a failure, and while something waits.
const AGAIN: Duration = Duration::from_secs(60);
/// While nothing waits.
const IDLE: Duration = Duration::from_secs(3600);

/// Whether a word is long enough not to be found by chance.
const fn is_telling(word: &str) -> bool {
    word.len() >= 5
}

/// Whether the account as a whole goes.
const fn is_whole(erasure: &Erasure) -> bool {
    matches!(erasure.kind, ErasureKind::Account)
}

/// Whether time had to pass before it: then the clock has to be right.
fn has_grace(erasure: &Erasure) -> bool {
    erasure.final_at > erasure.asked_at
}

/// The earlier of two times, if there are any.
fn earlier(one: Option<Timestamp>, other: Timestamp) -> Option<Timestamp> {
    Some(one.map_or(other, |one| one.min(other)))
}

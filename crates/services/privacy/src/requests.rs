//! What people ask about their data: a copy, a correction, an erasure, or that something is not done any more. Each is
//! written down when it comes, has a day by which it is answered, and ends answered or refused; each step is in the audit
//! trail before it is taken.
//!
//! Nothing stops the clock, a fee that is not paid included. What an answer refers to is looked up: an erasure that is
//! done, an entry of the trail that tells of the copy or the correction.

mod evidence;
mod step;
mod watch;

use std::{sync::Arc, time::Duration};

use thiserror::Error;
use waxseal_model::{Access, AccountId, Clock, Timestamp, actor, purpose};
use waxseal_store::{
    Store, StoreError,
    request::{NewRequest, PrivacyRequest, RequestDetails, RequestKind},
};

pub use self::{step::Step, watch::Standing};
use crate::{
    audit::{AuditActor, AuditEntry, AuditError, AuditEvent, AuditLog, AuditPurpose, Operator},
    erasure::checked_address,
};

/// Who handles requests sees who asks.
const ANSWERING: Access<purpose::Request> = Access::new(actor::Operator, purpose::Request);
const DAY: Duration = Duration::from_secs(86_400);
/// More time than the first may be taken once: two further months (GDPR Art. 12 (3)).
const EXTENSION: Duration = Duration::from_secs(60 * 86_400);
/// The longest that a request may have lain elsewhere before it is written down.
const LONGEST_AGO: Duration = Duration::from_secs(365 * 86_400);
/// Requests that one register holds, closed ones included.
const MOST: u64 = 100_000;

/// How requests are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestsConfig {
    /// Days in which: `privacy.answer_days`.
    pub answer_days: u32,
}

/// Who asks.
pub enum Requester {
    /// An account.
    Account(AccountId),
    /// Somebody who has none: an address, or how else they can be reached.
    Person(String),
}

/// Why a request is not written down, or a step not taken.
#[derive(Debug, Error)]
pub enum RequestError {
    /// There is no such request.
    #[error("there is no request {0}: `waxseal privacy request list --all` shows those that are")]
    NoRequest(u64),
    /// There is no such account.
    #[error("there is no such account")]
    NoAccount,
    /// A text is short, long, or has control characters.
    #[error("{field} must have {} to {} characters, and no line breaks", .range.start(), .range.end())]
    Text {
        /// Which.
        field: &'static str,
        /// How long it may be.
        range: std::ops::RangeInclusive<usize>,
    },
    /// Nobody can be answered there.
    #[error(
        "ADDRESS: expected a full address such as bob@example.org, or how else they can be reached: a postal address or a \
         telephone number"
    )]
    NoAddress,
    /// The time of receipt cannot be.
    #[error("--received must lie in the last 365 days")]
    Received,
    /// There are very many.
    #[error("the register holds {MOST} requests: those that were answered go after `retention.request_days`")]
    Full,
    /// It does not fit what the request is or how far it is.
    #[error("{0}")]
    Unfitting(&'static str),
    /// What the answer refers to is not what was asked.
    #[error("{0}")]
    Evidence(String),
    /// Its key was destroyed.
    #[error("the key of the request is destroyed: nothing can be read or added")]
    Erased,
    /// Somebody else has changed it.
    #[error("the request was changed by somebody else meanwhile: look at it again")]
    Changed,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It cannot be recorded, so it is not done.
    #[error("nothing was done, because it cannot be recorded: {0}")]
    Audit(#[from] AuditError),
}

/// The register. Cheap to clone.
#[derive(Clone)]
pub struct Requests {
    store: Store,
    clock: Arc<dyn Clock>,
    audit: AuditLog,
    config: RequestsConfig,
}

impl Requests {
    /// The register of this store, recorded in this trail.
    pub const fn new(store: Store, clock: Arc<dyn Clock>, audit: AuditLog, config: RequestsConfig) -> Self {
        Self { store, clock, audit, config }
    }

    /// Writes down what somebody asks. `about` says what is to be corrected, or not to be done any more. The time for
    /// the answer runs from the receipt.
    pub async fn add(
        &self,
        by: Operator,
        from: Requester,
        kind: RequestKind,
        about: &str,
        received_at: Option<Timestamp>,
    ) -> Result<PrivacyRequest, RequestError> {
        let now = self.clock.now();
        let received_at = received_at.unwrap_or(now);
        if received_at > now || received_at + LONGEST_AGO < now {
            return Err(RequestError::Received);
        }
        let least = usize::from(matches!(kind, RequestKind::Correction | RequestKind::Objection)) * 3;
        let mut details =
            RequestDetails { about: text("--about", about, least..=1_000)?, ..Default::default() };
        let account = match from {
            Requester::Account(account) => {
                if self.store.account(account).await?.is_none() {
                    return Err(RequestError::NoAccount);
                }
                Some(account)
            }
            Requester::Person(person) => {
                details.from = text("who asks", &person, 3..=320)?;
                if !is_reachable(&details.from) {
                    return Err(RequestError::NoAddress);
                }
                None
            }
        };
        if self.store.request_count().await? >= MOST {
            return Err(RequestError::Full);
        }
        let due_at = received_at + DAY * self.config.answer_days;
        let new = NewRequest { account, kind, received_at, due_at, details };
        let request = self.store.add_request(new).await?;
        let received = AuditEvent::RequestReceived { request: request.number };
        if let Err(error) = self.record(by, &request, received).await {
            self.store.forget_request(request.number).await?;
            return Err(error.into());
        }
        Ok(request)
    }

    /// A request with who asks; that it was looked at is recorded.
    pub async fn show(
        &self,
        by: Operator,
        number: u64,
    ) -> Result<(PrivacyRequest, RequestDetails), RequestError> {
        let request = self.known(number).await?;
        self.record(by, &request, AuditEvent::RequestShown { request: number }).await?;
        let details = Self::open(&request)?;
        Ok((request, details))
    }

    /// Requests with a number below `before`, newest first; unless `all`, only those that wait for an answer.
    pub async fn list(
        &self,
        all: bool,
        before: Option<u64>,
        limit: u64,
    ) -> Result<Vec<PrivacyRequest>, RequestError> {
        Ok(self.store.requests(!all, before, limit).await?)
    }

    /// Takes a step with a request.
    pub async fn take(&self, by: Operator, number: u64, step: Step) -> Result<PrivacyRequest, RequestError> {
        let request = self.known(number).await?;
        let mut details = Self::open(&request)?;
        if request.closed.is_some() {
            return Err(RequestError::Unfitting("the request was answered or refused already"));
        }
        if let Step::Answered(answer) = &step {
            self.check_evidence(&request, answer).await?;
        }
        let end = step.apply(&request, &mut details, self.clock.now())?;
        let entry = self.record(by, &request, step.event(number)).await?;
        let changed = self.store.change_request(&request, &details, end.due_at, end.closed).await;
        if !matches!(changed, Ok(true)) {
            self.record(by, &request, AuditEvent::Failed { entry }).await?;
        }
        if !changed? {
            return Err(RequestError::Changed);
        }
        self.known(number).await
    }

    /// What is written about a request.
    pub fn open(request: &PrivacyRequest) -> Result<RequestDetails, RequestError> {
        let details = request.details.as_ref().ok_or(RequestError::Erased)?;
        Ok(details.open(&ANSWERING).clone())
    }

    async fn known(&self, number: u64) -> Result<PrivacyRequest, RequestError> {
        self.store.request(number).await?.ok_or(RequestError::NoRequest(number))
    }

    async fn record(
        &self,
        by: Operator,
        request: &PrivacyRequest,
        what: AuditEvent,
    ) -> Result<u64, AuditError> {
        let (actor, purpose, account) = (AuditActor::Operator(by), AuditPurpose::Request, request.account);
        self.audit.record(AuditEntry { actor, purpose, what, account, count: 1 }).await
    }
}

/// A text of one line within its limits, without spaces around it.
/// Whether somebody can be answered there: an address; or something with digits, as houses and telephones have them.
fn is_reachable(text: &str) -> bool {
    match text.contains('@') {
        true => !text.contains(char::is_whitespace) && checked_address(text).is_some(),
        false => text.contains(|sign: char| sign.is_ascii_digit()),
    }
}

fn text(
    field: &'static str,
    given: &str,
    range: std::ops::RangeInclusive<usize>,
) -> Result<String, RequestError> {
    let given = given.trim();
    if !range.contains(&given.chars().count()) || given.chars().any(char::is_control) {
        return Err(RequestError::Text { field, range });
    }
    Ok(given.to_owned())
}

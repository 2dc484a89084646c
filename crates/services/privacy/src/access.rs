//! Break-glass: how an operator gets to see a customer's content, and how its owner gets to know.
//!
//! By default no operator sees any. One who has to opens a grant: for one account, with a reason, for a time that
//! has a limit, and if the instance is set so with the word of a second operator. Opening, confirming, each look,
//! each refusal and closing are in the audit trail before they happen; the owner sees each grant in its own list.

use std::{sync::Arc, time::Duration};

use aws_lc_rs::{
    constant_time::verify_slices_are_equal,
    digest::{SHA256, digest},
};
use thiserror::Error;
use waxseal_model::{AccountId, Clock, MessageId, Purpose, Random};
use waxseal_store::{
    Store, StoreError,
    grant::{Grant, GrantState, NewGrant, Sight},
    message::StoredMessage,
};

use crate::audit::{
    AuditActor, AuditEntry, AuditError, AuditEvent, AuditLog, AuditPurpose, OpenedBy, Operator, Query,
};

/// Characters of a reason.
const REASON: std::ops::RangeInclusive<usize> = 10..=500;
/// The shortest grant.
const SHORTEST: Duration = Duration::from_secs(60);
/// A notice that could not be sent for so long is not sent any more.
const NOTICE_WITHIN: Duration = Duration::from_secs(30 * 86_400);

/// What grants are possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccessConfig {
    /// The longest grant.
    pub longest: Duration,
    /// SHA-256 of the secret with which a second operator confirms; `None` if one is enough.
    pub second_operator: Option<[u8; 32]>,
    /// Whether the account has to consent to each.
    pub needs_consent: bool,
}

/// Why there is nothing to see.
#[derive(Debug, Error)]
pub enum AccessError {
    /// There is no such account.
    #[error("there is no such account")]
    NoAccount,
    /// There is no such grant.
    #[error("there is no grant {0}: `waxseal access list` shows those that are")]
    NoGrant(u64),
    /// The grant is not open.
    #[error("grant {number} {why}; `waxseal access open` makes another")]
    NotOpen {
        /// Which.
        number: u64,
        /// What is the matter with it.
        why: &'static str,
    },
    /// It does not wait for anybody.
    #[error("grant {0} does not wait to be confirmed")]
    NotWaiting(u64),
    /// The secret is not that of the second operator.
    #[error("the secret is not the one whose hash `access.second_operator` holds")]
    Secret,
    /// Who opened it confirms it.
    #[error("{0} opened the grant: another operator has to confirm it")]
    OpenedBySame(String),
    /// The audit trail does not tell who opened it, and it may be whoever confirms.
    #[error("the audit trail does not tell who opened grant {0}: have it closed, and open a new one")]
    OpenerUnknown(u64),
    /// The reason is short or long.
    #[error("the reason must have {} to {} characters: its owner reads it", REASON.start(), REASON.end())]
    Reason,
    /// The time is short or long.
    #[error("--for must be from one minute to {} hours (`access.longest_hours`)", .0.as_secs() / 3_600)]
    Time(Duration),
    /// The account has no such message, or its content is gone.
    #[error(
        "the account has no such message, or its content is gone: `waxseal access show` lists those that are"
    )]
    NoMessage,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It cannot be recorded, so it is not done.
    #[error("nothing was shown, because it cannot be recorded: {0}")]
    Audit(#[from] AuditError),
}

/// Operators' access to content. Cheap to clone.
#[derive(Clone)]
pub struct BreakGlass {
    store: Store,
    clock: Arc<dyn Clock>,
    audit: AuditLog,
    config: AccessConfig,
}

/// Content that was opened under a grant.
pub struct Shown {
    /// Whose it is.
    pub account: AccountId,
    /// The MIME.
    pub mime: Vec<u8>,
}

impl BreakGlass {
    /// Access to the content of this store, recorded in this trail.
    pub const fn new(store: Store, clock: Arc<dyn Clock>, audit: AuditLog, config: AccessConfig) -> Self {
        Self { store, clock, audit, config }
    }

    /// Makes a grant for the content of an account.
    pub async fn open(
        &self,
        by: Operator,
        account: AccountId,
        reason: &str,
        time: Duration,
    ) -> Result<Grant, AccessError> {
        let reason = reason.trim();
        if !REASON.contains(&reason.chars().count()) || reason.chars().any(char::is_control) {
            return Err(AccessError::Reason);
        }
        if time < SHORTEST || time > self.config.longest {
            return Err(AccessError::Time(self.config.longest));
        }
        if self.store.account(account).await?.is_none() {
            return Err(AccessError::NoAccount);
        }
        let grant = NewGrant {
            account,
            reason: reason.to_owned(),
            expires_at: self.clock.now() + time,
            second_operator: self.config.second_operator.is_some(),
            needs_consent: self.config.needs_consent,
        };
        let grant = self.store.add_grant(grant).await?;
        let minutes = time.as_secs().div_ceil(60);
        let granted = AuditEvent::BreakGlassGranted { grant: grant.number, minutes };
        if let Err(error) = self.record(by, &grant, granted).await {
            self.store.close_grant(grant.number).await?;
            return Err(error.into());
        }
        Ok(grant)
    }

    /// Confirms a grant as the second operator, who is not the one that opened it.
    pub async fn confirm(&self, by: Operator, number: u64, secret: &str) -> Result<Grant, AccessError> {
        let grant = self.known(number).await?;
        if grant.state(self.clock.now()) != GrantState::Waiting {
            return Err(AccessError::NotWaiting(number));
        }
        if matches!(by, Operator::Named(_)) {
            let refused = match self.opened_by(&grant).await? {
                Some(opener) if opener != by => None,
                Some(_) => Some(AccessError::OpenedBySame(by.to_string())),
                // It may be their own.
                None => Some(AccessError::OpenerUnknown(number)),
            };
            if let Some(refused) = refused {
                self.record(by, &grant, AuditEvent::BreakGlassUnconfirmed { grant: number }).await?;
                return Err(refused);
            }
        }
        let known = self.config.second_operator.unwrap_or_default();
        let given = secret_hash(secret);
        if self.config.second_operator.is_none() || verify_slices_are_equal(&known, &given).is_err() {
            self.record(by, &grant, AuditEvent::BreakGlassUnconfirmed { grant: number }).await?;
            return Err(AccessError::Secret);
        }
        self.record(by, &grant, AuditEvent::BreakGlassConfirmed { grant: number }).await?;
        if !self.store.confirm_grant(number).await? {
            return Err(AccessError::NotWaiting(number));
        }
        self.known(number).await
    }

    /// Ends a grant.
    pub async fn close(&self, by: Operator, number: u64) -> Result<Grant, AccessError> {
        let grant = self.known(number).await?;
        self.record(by, &grant, AuditEvent::BreakGlassClosed { grant: number }).await?;
        self.store.close_grant(number).await?;
        self.known(number).await
    }

    /// Messages of the grant's account whose content is there, newest first: who wrote to whom about what.
    pub async fn messages(
        &self,
        by: Operator,
        number: u64,
        before: Option<MessageId>,
        limit: u64,
    ) -> Result<Vec<StoredMessage>, AccessError> {
        let sight = self.look(by, number).await?;
        Ok(self.store.messages_with_body(sight.account(), before, limit).await?)
    }

    /// The content of one message of the grant's account.
    pub async fn read(&self, by: Operator, number: u64, message: MessageId) -> Result<Shown, AccessError> {
        let sight = self.look(by, number).await?;
        let account = sight.account();
        let body =
            self.store.body_for(Purpose::Support, account, message).await?.ok_or(AccessError::NoMessage)?;
        let witness = OpenedBy { audit: &self.audit, operator: by };
        let mime = body.into_open_under(&witness, sight).await?.ok_or(AccessError::NoMessage)?;
        Ok(Shown { account, mime })
    }

    /// One export of what the grant's account has, counted as a look; whose that is.
    pub async fn export(&self, by: Operator, number: u64) -> Result<AccountId, AccessError> {
        Ok(self.look(by, number).await?.account())
    }

    /// Grants whose owner has not been written to, oldest first.
    pub async fn unnoticed(&self, limit: u64) -> Result<Vec<Grant>, AccessError> {
        Ok(self.store.unnoticed_grants(self.clock.now() - NOTICE_WITHIN, limit).await?)
    }

    /// Notes that the notice of a grant is on its way.
    pub async fn noticed(&self, grant: &Grant) -> Result<(), AccessError> {
        if self.store.grant_noticed(grant.number).await? {
            self.record_as(AuditActor::System, grant, AuditEvent::OwnerNotified { grant: grant.number })
                .await?;
        }
        Ok(())
    }

    /// One look under a grant that is open at this moment; refused and recorded otherwise.
    async fn look(&self, by: Operator, number: u64) -> Result<Sight, AccessError> {
        let grant = self.known(number).await?;
        let state = grant.state(self.clock.now());
        if state == GrantState::Open {
            self.record(by, &grant, AuditEvent::BreakGlassUsed { grant: number }).await?;
            // It may have ended while that was written.
            if let Some(sight) = self.store.use_grant(number).await? {
                return Ok(sight);
            }
        }
        self.record(by, &grant, AuditEvent::ContentRefused).await?;
        let why = match self.known(number).await?.state(self.clock.now()) {
            GrantState::Waiting => "waits for a second operator: `waxseal access confirm`",
            GrantState::Unconsented => {
                "waits for the account's consent: it is in its list, `GET /v1/privacy/access`, under the id that \
                 `waxseal access list` shows"
            }
            GrantState::Closed => "was closed",
            GrantState::Expired | GrantState::Open => "is over",
        };
        Err(AccessError::NotOpen { number, why })
    }

    async fn known(&self, number: u64) -> Result<Grant, AccessError> {
        self.store.grant(number).await?.ok_or(AccessError::NoGrant(number))
    }

    /// Who opened a grant, by the audit trail: of what is there under its number the last, because a database that was
    /// put back gives numbers out once more.
    async fn opened_by(&self, grant: &Grant) -> Result<Option<Operator>, AuditError> {
        let query = Query { account: Some(grant.account), ..Query::default() };
        let entries = self.audit.entries(query).await?;
        let opening = entries.iter().rev().find(|entry| {
            entry.what == "break_glass_granted"
                && entry.more.get("grant").and_then(|number| number.as_u64()) == Some(grant.number)
        });
        Ok(opening.and_then(|entry| entry.by.as_deref()).and_then(|by| by.parse().ok()))
    }

    async fn record(&self, by: Operator, grant: &Grant, what: AuditEvent) -> Result<(), AuditError> {
        self.record_as(AuditActor::Operator(by), grant, what).await
    }

    async fn record_as(&self, actor: AuditActor, grant: &Grant, what: AuditEvent) -> Result<(), AuditError> {
        let (purpose, account) = (AuditPurpose::Support, Some(grant.account));
        self.audit.record(AuditEntry { actor, purpose, what, account, count: 1 }).await.map(drop)
    }
}

/// What the configuration keeps of a second operator's secret.
pub fn secret_hash(secret: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, secret.trim().as_bytes()).as_ref());
    hash
}

/// A hash as the configuration holds it: 64 hex digits.
pub fn read_hash(text: &str) -> Option<[u8; 32]> {
    let mut hash = [0; 32];
    hex::decode_to_slice(text, &mut hash).ok()?;
    Some(hash)
}

/// A new secret of a second operator, and its hash for the configuration.
pub fn new_secret(random: &dyn Random) -> (String, String) {
    let mut bytes = [0; 32];
    random.fill(&mut bytes);
    let secret = hex::encode(bytes);
    let hash = hex::encode(secret_hash(&secret));
    (secret, hash)
}

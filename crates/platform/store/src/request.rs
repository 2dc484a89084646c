//! The register of what people ask about their data: who, what, by when, and how it was answered.
//!
//! Who asks may have no account: then the row has a key of its own, which is destroyed with it. What is written about a
//! request is opened for [`Purpose::Request`] and shown to the account that asked, and for nothing else.

mod ahead;
mod details;
mod purge;

use sea_orm::{
    ActiveValue::NotSet, ColumnTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, sea_query::Expr,
};
use waxseal_model::{AccountId, Purpose, RequestId, Sealed, Timestamp, category};

pub use self::details::{Extension, Fee, FeeState, IdentityCheck, RequestAnswer, RequestDetails};
use crate::{
    entity::privacy_request,
    error::StoreError,
    open::Store,
    rows::{RowId, count, signed, time},
    vault::Slot,
    writer::Effects,
};

/// The account of those who have none.
pub(crate) const NOBODY: AccountId = AccountId::from_u128(0);
const DETAILS: Slot = Slot::new("privacy_requests", "details");

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RequestKind {
    /// A copy of all that is kept (GDPR Art. 15 and 20).
    Access,
    /// That something is corrected (Art. 16).
    Correction,
    /// That everything is erased (Art. 17).
    Erasure,
    /// That something is not done any more (Art. 18 and 21).
    Objection,
}

impl RequestKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Access, Self::Correction, Self::Erasure, Self::Objection];

    /// The stored name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Correction => "correction",
            Self::Erasure => "erasure",
            Self::Objection => "objection",
        }
    }

    /// The kind with this stored name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestOutcome {
    /// What was asked was done.
    Answered,
    /// It was refused, with a reason.
    Refused,
}

impl RequestOutcome {
    /// The stored name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Refused => "refused",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Answered, Self::Refused].into_iter().find(|outcome| outcome.as_str() == text)
    }
}

/// A request to be written down.
pub struct NewRequest {
    /// Who asks, if it is an account.
    pub account: Option<AccountId>,
    /// What is asked.
    pub kind: RequestKind,
    /// When it came.
    pub received_at: Timestamp,
    /// By when it has to be answered.
    pub due_at: Timestamp,
    /// Who asks, if it is no account, and what for.
    pub details: RequestDetails,
}

/// A request.
pub struct PrivacyRequest {
    /// Its number.
    pub number: u64,
    /// Id.
    pub id: RequestId,
    /// Who asks, if it is an account.
    pub account: Option<AccountId>,
    /// What is asked.
    pub kind: RequestKind,
    /// When it came.
    pub received_at: Timestamp,
    /// By when it has to be answered.
    pub due_at: Timestamp,
    /// When and how it ended.
    pub closed: Option<(Timestamp, RequestOutcome)>,
    /// Who asks, and what was done; `None` once its key is destroyed.
    pub details: Option<Sealed<RequestDetails, category::Contact>>,
    /// The row as it was read, so that nothing is changed that somebody else has changed since.
    was: Vec<u8>,
}

/// A request that waits for an answer, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenRequest {
    /// Its number.
    pub number: u64,
    /// What is asked.
    pub kind: RequestKind,
    /// By when it has to be answered.
    pub due_at: Timestamp,
}

impl PrivacyRequest {
    /// Whether it should have been answered by now.
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        self.closed.is_none() && self.due_at <= now
    }
}

impl Store {
    /// Writes a request down. [`StoreError::Erased`] if the account's keys are destroyed.
    pub async fn add_request(&self, request: NewRequest) -> Result<PrivacyRequest, StoreError> {
        let NewRequest { account, kind, received_at, due_at, details } = request;
        let id = RequestId::new(self.inner.clock.as_ref(), self.inner.random.as_ref());
        let (owner, account) = (owner(account, id), account.unwrap_or(NOBODY));
        let key = self.inner.keyring.request_key(owner, received_at.day()).await?;
        let row = privacy_request::Model {
            number: 0,
            id: id.to_row(),
            account: account.to_row(),
            kind: kind.as_str().to_owned(),
            received_at: received_at.as_micros(),
            due_at: due_at.as_micros(),
            closed_at: None,
            outcome: None,
            details: self.inner.seal_json(&key, DETAILS, account, &id.to_bytes(), &details)?,
        };
        let new = privacy_request::ActiveModel { number: NotSet, ..row.clone().into_active_model() };
        let number = self
            .inner
            .writer
            .write(Effects::default(), move |tx| {
                Box::pin(
                    async move { Ok(privacy_request::Entity::insert(new).exec(tx).await?.last_insert_id) },
                )
            })
            .await?;
        // It counts as used until its row is there.
        drop(key);
        self.request_of(privacy_request::Model { number, ..row }).await
    }

    /// The request of this number.
    pub async fn request(&self, number: u64) -> Result<Option<PrivacyRequest>, StoreError> {
        let row = privacy_request::Entity::find_by_id(signed(number));
        match row.one(self.read_for(Purpose::Request)).await? {
            Some(row) => self.request_of(row).await.map(Some),
            None => Ok(None),
        }
    }

    /// Requests with a number below `before`, newest first; with `open` only those that wait for an answer.
    pub async fn requests(
        &self,
        open: bool,
        before: Option<u64>,
        limit: u64,
    ) -> Result<Vec<PrivacyRequest>, StoreError> {
        let mut query =
            privacy_request::Entity::find().order_by_desc(privacy_request::Column::Number).limit(limit);
        if open {
            query = query.filter(privacy_request::Column::ClosedAt.is_null());
        }
        if let Some(before) = before {
            query = query.filter(privacy_request::Column::Number.lt(signed(before)));
        }
        self.requests_of(query.all(self.read_for(Purpose::Request)).await?).await
    }

    /// What an account asked, newest first, older than `before`.
    pub async fn requests_of_account(
        &self,
        account: AccountId,
        before: Option<RequestId>,
        limit: u64,
    ) -> Result<Vec<PrivacyRequest>, StoreError> {
        let mut query = privacy_request::Entity::find()
            .filter(privacy_request::Column::Account.eq(account.to_row()))
            .order_by_desc(privacy_request::Column::Id)
            .limit(limit);
        if let Some(before) = before {
            query = query.filter(privacy_request::Column::Id.lt(before.to_row()));
        }
        self.requests_of(query.all(self.read_for(Purpose::CustomerAccess)).await?).await
    }

    /// All requests that wait for an answer, the first due first; nothing is opened.
    pub async fn open_requests(&self) -> Result<Vec<OpenRequest>, StoreError> {
        use privacy_request::Column;
        let rows: Vec<(i64, String, i64)> = privacy_request::Entity::find()
            .select_only()
            .columns([Column::Number, Column::Kind, Column::DueAt])
            .filter(Column::ClosedAt.is_null())
            .order_by_asc(Column::DueAt)
            .order_by_asc(Column::Number)
            .into_tuple()
            .all(self.read_for(Purpose::Operation))
            .await?;
        let open = |(number, kind, due_at): (i64, String, i64)| {
            let kind = RequestKind::parse(&kind)
                .ok_or(StoreError::Corrupt { table: "privacy_requests", column: "kind" })?;
            Ok(OpenRequest { number: count(number), kind, due_at: time(due_at) })
        };
        rows.into_iter().map(open).collect()
    }

    /// How many requests there are, closed ones too.
    pub async fn request_count(&self) -> Result<u64, StoreError> {
        Ok(privacy_request::Entity::find().count(self.read_for(Purpose::Request)).await?)
    }

    /// Writes another state of a request that waits for an answer; `closed` ends it. `false`, and nothing is changed, if
    /// it has changed since it was read.
    pub async fn change_request(
        &self,
        request: &PrivacyRequest,
        details: &RequestDetails,
        due_at: Timestamp,
        closed: Option<(Timestamp, RequestOutcome)>,
    ) -> Result<bool, StoreError> {
        let (number, was) = (signed(request.number), request.was.clone());
        let owner = owner(request.account, request.id);
        let account = request.account.unwrap_or(NOBODY);
        let key = self.inner.keyring.request_key(owner, request.received_at.day()).await?;
        let details = self.inner.seal_json(&key, DETAILS, account, &request.id.to_bytes(), details)?;
        let (closed_at, outcome) = closed.unzip();
        let changed = self
            .inner
            .writer
            .write(Effects::default(), move |tx| {
                Box::pin(async move {
                    let changed = privacy_request::Entity::update_many()
                        .col_expr(privacy_request::Column::Details, Expr::value(details))
                        .col_expr(privacy_request::Column::DueAt, Expr::value(due_at.as_micros()))
                        .col_expr(
                            privacy_request::Column::ClosedAt,
                            Expr::value(closed_at.map(Timestamp::as_micros)),
                        )
                        .col_expr(
                            privacy_request::Column::Outcome,
                            Expr::value(outcome.map(RequestOutcome::as_str)),
                        )
                        .filter(privacy_request::Column::Number.eq(number))
                        .filter(privacy_request::Column::ClosedAt.is_null())
                        .filter(privacy_request::Column::Details.eq(was))
                        .exec(tx)
                        .await?;
                    Ok(changed.rows_affected > 0)
                })
            })
            .await;
        drop(key);
        changed
    }

    async fn requests_of(
        &self,
        rows: Vec<privacy_request::Model>,
    ) -> Result<Vec<PrivacyRequest>, StoreError> {
        let mut requests = Vec::with_capacity(rows.len());
        for row in rows {
            requests.push(self.request_of(row).await?);
        }
        Ok(requests)
    }

    async fn request_of(&self, row: privacy_request::Model) -> Result<PrivacyRequest, StoreError> {
        let corrupt = |column| StoreError::Corrupt { table: "privacy_requests", column };
        let account = AccountId::from_row(&row.account, "privacy_requests", "account")?;
        let details = match self.inner.open_json(DETAILS, account, &row.id, &row.details).await {
            Ok(details) => Some(Sealed::new(details)),
            Err(StoreError::Erased) => None,
            Err(error) => return Err(error),
        };
        let closed = match (row.closed_at, &row.outcome) {
            (Some(at), Some(outcome)) => {
                Some((time(at), RequestOutcome::parse(outcome).ok_or_else(|| corrupt("outcome"))?))
            }
            _ => None,
        };
        Ok(PrivacyRequest {
            number: count(row.number),
            id: RequestId::from_row(&row.id, "privacy_requests", "id")?,
            account: (account != NOBODY).then_some(account),
            kind: RequestKind::parse(&row.kind).ok_or_else(|| corrupt("kind"))?,
            received_at: time(row.received_at),
            due_at: time(row.due_at),
            closed,
            details,
            was: row.details,
        })
    }
}

/// Whose key a request is sealed under: the account's, or one of its own.
fn owner(account: Option<AccountId>, id: RequestId) -> AccountId {
    account.unwrap_or(AccountId::from_u128(id.as_u128()))
}

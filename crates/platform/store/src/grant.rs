//! Grants: an operator's sight of one account's content, with a reason, for a time.
//!
//! A grant is used by [`Store::use_grant`], which counts the use and makes the [`Sight`] that opens one piece of
//! content. There is no other way to a `Sight`, and none to the content for an operator without one.

use sea_orm::{
    ActiveValue::NotSet,
    ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait, SimpleExpr},
};
use waxseal_model::{AccountId, GrantId, Purpose, Sealed, Timestamp, category};

use crate::{
    deletion::{DeletionKind, Noted},
    entity::access_grant,
    error::StoreError,
    open::Store,
    rows::{RowId, count, signed, time},
    vault::Slot,
    writer::Effects,
};

const REASON: Slot = Slot::new("access_grants", "reason");

/// A grant to be made. It begins now.
pub struct NewGrant {
    /// Whose content.
    pub account: AccountId,
    /// Why.
    pub reason: String,
    /// Its end.
    pub expires_at: Timestamp,
    /// Whether it waits for a second operator.
    pub second_operator: bool,
    /// Whether it waits for the account's consent.
    pub needs_consent: bool,
}

/// A grant.
pub struct Grant {
    /// Its number in the audit trail.
    pub number: u64,
    /// Id.
    pub id: GrantId,
    /// Whose content.
    pub account: AccountId,
    /// Why; `None` once the account's keys are destroyed.
    pub reason: Option<Sealed<String, category::Account>>,
    /// When it was asked for.
    pub opened_at: Timestamp,
    /// Its end.
    pub expires_at: Timestamp,
    /// Whether a second operator has to confirm it.
    pub second_operator: bool,
    /// When it was confirmed; at once if nobody has to.
    pub confirmed_at: Option<Timestamp>,
    /// When it was ended before its time.
    pub closed_at: Option<Timestamp>,
    /// How often something was opened under it.
    pub openings: u64,
    /// When the owner was written to.
    pub noticed_at: Option<Timestamp>,
    /// Whether the account has to consent.
    pub needs_consent: bool,
    /// When it did.
    pub consented_at: Option<Timestamp>,
}

/// What a grant allows at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrantState {
    /// Content can be seen.
    Open,
    /// It waits for a second operator.
    Waiting,
    /// It waits for the account's consent.
    Unconsented,
    /// It was ended.
    Closed,
    /// Its time is over.
    Expired,
}

impl Grant {
    /// What it allows.
    pub fn state(&self, now: Timestamp) -> GrantState {
        match self {
            Self { closed_at: Some(_), .. } => GrantState::Closed,
            // A clock that was set back does not make a grant longer.
            _ if now >= self.expires_at || now < self.opened_at => GrantState::Expired,
            Self { confirmed_at: None, .. } => GrantState::Waiting,
            Self { needs_consent: true, consented_at: None, .. } => GrantState::Unconsented,
            _ => GrantState::Open,
        }
    }
}

/// One use of a grant. Made by [`Store::use_grant`] alone; it opens one piece of content.
pub struct Sight {
    account: AccountId,
}

impl Sight {
    /// Whose content.
    pub const fn account(&self) -> AccountId {
        self.account
    }
}

impl Store {
    /// Makes a grant. [`StoreError::Erased`] if the account's keys are destroyed.
    pub async fn add_grant(&self, grant: NewGrant) -> Result<Grant, StoreError> {
        let NewGrant { account, reason, expires_at, second_operator, needs_consent } = grant;
        let id = GrantId::new(self.inner.clock.as_ref(), self.inner.random.as_ref());
        let key = self.inner.keyring.account_key(account).await?;
        let opened_at = self.inner.clock.now().as_micros();
        let row = access_grant::Model {
            number: 0,
            id: id.to_row(),
            account: account.to_row(),
            reason: self.inner.seal(&key, REASON, account, &id.to_bytes(), reason.as_bytes())?,
            opened_at,
            expires_at: expires_at.as_micros(),
            second_operator,
            confirmed_at: (!second_operator).then_some(opened_at),
            closed_at: None,
            openings: 0,
            noticed_at: None,
            needs_consent,
            consented_at: None,
        };
        let new = access_grant::ActiveModel { number: NotSet, ..row.clone().into_active_model() };
        let number = self
            .inner
            .writer
            .write(Effects::default(), move |tx| {
                Box::pin(async move { Ok(access_grant::Entity::insert(new).exec(tx).await?.last_insert_id) })
            })
            .await?;
        self.grant_of(access_grant::Model { number, ..row }).await
    }

    /// The grant of this number.
    pub async fn grant(&self, number: u64) -> Result<Option<Grant>, StoreError> {
        match access_grant::Entity::find_by_id(signed(number)).one(self.read_for(Purpose::Operation)).await? {
            Some(row) => self.grant_of(row).await.map(Some),
            None => Ok(None),
        }
    }

    /// The account's grant with this id.
    pub async fn grant_of_account(
        &self,
        account: AccountId,
        id: GrantId,
    ) -> Result<Option<Grant>, StoreError> {
        let found = access_grant::Entity::find()
            .filter(access_grant::Column::Account.eq(account.to_row()))
            .filter(access_grant::Column::Id.eq(id.to_row()));
        match found.one(self.read_for(Purpose::CustomerAccess)).await? {
            Some(row) => self.grant_of(row).await.map(Some),
            None => Ok(None),
        }
    }

    /// Grants of an account or of all, newest first, older than `before`; also those that are over.
    pub async fn grants(
        &self,
        account: Option<AccountId>,
        before: Option<GrantId>,
        limit: u64,
    ) -> Result<Vec<Grant>, StoreError> {
        let mut query = access_grant::Entity::find().order_by_desc(access_grant::Column::Id).limit(limit);
        if let Some(account) = account {
            query = query.filter(access_grant::Column::Account.eq(account.to_row()));
        }
        if let Some(before) = before {
            query = query.filter(access_grant::Column::Id.lt(before.to_row()));
        }
        self.grants_of(query.all(self.read_for(Purpose::CustomerAccess)).await?).await
    }

    /// Grants made since, of which the owner has not been written to, oldest first.
    pub async fn unnoticed_grants(&self, since: Timestamp, limit: u64) -> Result<Vec<Grant>, StoreError> {
        let rows = access_grant::Entity::find()
            .filter(access_grant::Column::NoticedAt.is_null())
            .filter(access_grant::Column::OpenedAt.gte(since.as_micros()))
            .order_by_asc(access_grant::Column::Number)
            .limit(limit)
            .all(self.read_for(Purpose::Operation))
            .await?;
        self.grants_of(rows).await
    }

    /// Counts one use of a grant. `None`, and nothing is counted, unless it is open at this moment.
    pub async fn use_grant(&self, number: u64) -> Result<Option<Sight>, StoreError> {
        let now = self.inner.clock.now().as_micros();
        let account = self
            .inner
            .writer
            .write(Effects::default(), move |tx| {
                Box::pin(async move {
                    let used = access_grant::Entity::update_many()
                        .col_expr(
                            access_grant::Column::Openings,
                            Expr::col(access_grant::Column::Openings).add(1),
                        )
                        .filter(access_grant::Column::Number.eq(signed(number)))
                        .filter(access_grant::Column::OpenedAt.lte(now))
                        .filter(access_grant::Column::ExpiresAt.gt(now))
                        .filter(access_grant::Column::ConfirmedAt.is_not_null())
                        .filter(access_grant::Column::ClosedAt.is_null())
                        .filter(consented())
                        .exec(tx)
                        .await?;
                    if used.rows_affected == 0 {
                        return Ok(None);
                    }
                    let row = access_grant::Entity::find_by_id(signed(number)).one(tx).await?;
                    Ok(row.map(|row| row.account))
                })
            })
            .await?;
        let account = account.map(|row| AccountId::from_row(&row, "access_grants", "account")).transpose()?;
        Ok(account.map(|account| Sight { account }))
    }

    /// Confirms a grant that waits; whether it did.
    pub async fn confirm_grant(&self, number: u64) -> Result<bool, StoreError> {
        let waits = access_grant::Column::ConfirmedAt.is_null();
        self.stamp_grant(
            Noted::default(),
            number,
            access_grant::Column::ConfirmedAt,
            waits.and(self.not_over()),
        )
        .await
    }

    /// Notes the account's consent to a grant that waits for it; whether it did.
    pub async fn consent_to_grant(&self, number: u64) -> Result<bool, StoreError> {
        self.stamp_grant(
            Noted::default(),
            number,
            access_grant::Column::ConsentedAt,
            consented().not().and(self.not_over()),
        )
        .await
    }

    /// Ends a grant; whether it was not over before.
    pub async fn close_grant(&self, number: u64) -> Result<bool, StoreError> {
        let open = access_grant::Entity::find_by_id(signed(number)).filter(self.not_over());
        let Some(row) = open.one(&self.inner.readers).await? else { return Ok(false) };
        let account = AccountId::from_row(&row.account, "access_grants", "account")?;
        let noted = match self.note_deletion(DeletionKind::Grant, account, row.id).await {
            // Its rows go, and nothing of it can be opened.
            Err(StoreError::Erased) => Noted::default(),
            outcome => outcome?,
        };
        self.stamp_grant(noted, number, access_grant::Column::ClosedAt, self.not_over()).await
    }

    /// Notes that the owner was written to; whether that was owed.
    pub async fn grant_noticed(&self, number: u64) -> Result<bool, StoreError> {
        let owed = access_grant::Column::NoticedAt.is_null();
        self.stamp_grant(Noted::default(), number, access_grant::Column::NoticedAt, owed).await
    }

    /// Neither closed nor past its end.
    fn not_over(&self) -> SimpleExpr {
        let now = self.inner.clock.now().as_micros();
        access_grant::Column::ClosedAt.is_null().and(access_grant::Column::ExpiresAt.gt(now))
    }

    /// Sets a time of a grant to now if it fits; whether it did.
    async fn stamp_grant(
        &self,
        noted: Noted,
        number: u64,
        column: access_grant::Column,
        fits: SimpleExpr,
    ) -> Result<bool, StoreError> {
        let now = self.inner.clock.now().as_micros();
        self.carry_out(noted, Effects::default(), move |tx| {
            Box::pin(async move {
                let stamped = access_grant::Entity::update_many()
                    .col_expr(column, Expr::value(now))
                    .filter(access_grant::Column::Number.eq(signed(number)))
                    .filter(fits)
                    .exec(tx)
                    .await?;
                Ok(stamped.rows_affected > 0)
            })
        })
        .await
    }

    async fn grants_of(&self, rows: Vec<access_grant::Model>) -> Result<Vec<Grant>, StoreError> {
        let mut grants = Vec::with_capacity(rows.len());
        for row in rows {
            grants.push(self.grant_of(row).await?);
        }
        Ok(grants)
    }

    async fn grant_of(&self, row: access_grant::Model) -> Result<Grant, StoreError> {
        let account = AccountId::from_row(&row.account, "access_grants", "account")?;
        let reason = match self.inner.open_text(REASON, account, &row.id, &row.reason).await {
            Ok(reason) => Some(Sealed::new(reason)),
            Err(StoreError::Erased) => None,
            Err(error) => return Err(error),
        };
        Ok(Grant {
            number: count(row.number),
            id: GrantId::from_row(&row.id, "access_grants", "id")?,
            account,
            reason,
            opened_at: time(row.opened_at),
            expires_at: time(row.expires_at),
            second_operator: row.second_operator,
            confirmed_at: row.confirmed_at.map(time),
            closed_at: row.closed_at.map(time),
            openings: count(row.openings),
            noticed_at: row.noticed_at.map(time),
            needs_consent: row.needs_consent,
            consented_at: row.consented_at.map(time),
        })
    }
}

/// The account has consented, or was not to be asked.
fn consented() -> SimpleExpr {
    access_grant::Column::NeedsConsent.eq(false).or(access_grant::Column::ConsentedAt.is_not_null())
}

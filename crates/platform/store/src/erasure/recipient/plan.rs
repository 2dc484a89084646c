//! What becomes of a message that went to the recipient, or that names them: read and sealed anew before the writer's
//! turn.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use waxseal_model::{AccountId, event::EventDetails, time::Day};

use super::{
    Wanted,
    scrub::{Sender, reached, scrub},
};
use crate::{
    entity::{body, event, idempotency_key, message},
    error::StoreError,
    event_log::DETAILS,
    message::{ANSWER, MIME, TEMPLATE},
    open::Store,
    rows::{RowId, time},
};

/// One message.
pub(super) struct Plan {
    /// Its id.
    pub(super) message: Vec<u8>,
    /// What becomes of it.
    pub(super) fate: Fate,
    /// Events of others that named the recipient, sealed anew.
    pub(super) events: Vec<(i64, Vec<u8>)>,
    /// What every event of it repeats, sealed anew.
    pub(super) template: Option<Vec<u8>>,
    /// Whether the link that a copy would go to named the recipient.
    pub(super) drops_copy: bool,
    /// The answer that a repeated call would get.
    answer: Option<String>,
}

/// What becomes of a message.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It went to the recipient alone: all of it goes.
    Whole,
    /// It went to others too: its content is kept no longer than somebody waits for it.
    Shared,
    /// It went to others too, but into an inbox: nobody waits for it, so its content goes at once.
    Captured,
    /// It went to others, and what is told of it names the recipient.
    Mentioned,
}

impl Store {
    /// Decides about the message of an event that tells of the recipient.
    pub(super) async fn plan_of_told(
        &self,
        wanted: &Wanted,
        told: &event::Model,
        id: &[u8],
    ) -> Result<Plan, StoreError> {
        let account = wanted.account;
        let row =
            message::Entity::find_by_id((account.to_row(), id.to_vec())).one(&self.inner.readers).await?;
        let details = match &row {
            Some(row) => self.template_of(account, row).await?,
            None => None,
        };
        let is_alone = details.as_ref().is_none_or(|details| reached(details, &wanted.whom).unwrap_or(true));
        let header = told.header_hash.as_ref().or(row.as_ref().map(|row| &row.header_hash));
        let mut plan = self.plan(wanted, id, header, row.as_ref(), details, is_alone).await?;
        if plan.answer.is_none() {
            let details = self.details_of(account, told).await?;
            plan.answer = details.map(|details| format!("<{}>", details.message.message_id));
        }
        Ok(plan)
    }

    /// Decides about a message of the account; `None` if it has nothing to do with the recipient.
    pub(super) async fn plan_of_row(
        &self,
        wanted: &Wanted,
        row: &message::Model,
    ) -> Result<Option<Plan>, StoreError> {
        let Some(mut details) = self.template_of(wanted.account, row).await? else {
            // Nobody can tell any more whom it went to, except by its head.
            let is_theirs = row.pending <= 0 && self.head_names(wanted, row).await?;
            let plan = self.plan(wanted, &row.id, Some(&row.header_hash), Some(row), None, false);
            return Ok(if is_theirs { Some(plan.await?) } else { None });
        };
        if let Some(is_alone) = reached(&details, &wanted.whom) {
            let header = Some(&row.header_hash);
            return self.plan(wanted, &row.id, header, Some(row), Some(details), is_alone).await.map(Some);
        }
        let copied = details.archive_to.is_some();
        if !scrub(&mut details, &wanted.whom, Sender::Stays) {
            return Ok(None);
        }
        let drops_copy = copied && details.archive_to.is_none();
        let template = Some(self.seal_template(wanted.account, row, &details).await?);
        let (message, events) = (row.id.clone(), Vec::new());
        Ok(Some(Plan { message, fate: Fate::Mentioned, events, template, drops_copy, answer: None }))
    }

    async fn plan(
        &self,
        wanted: &Wanted,
        id: &[u8],
        header: Option<&Vec<u8>>,
        row: Option<&message::Model>,
        details: Option<EventDetails>,
        mut is_alone: bool,
    ) -> Result<Plan, StoreError> {
        let Wanted { account, hash, whom } = wanted;
        // The recipient's own entries went before: who waits is somebody else.
        is_alone &= row.is_none_or(|row| row.pending <= 0);
        let answer = details.as_ref().map(|details| format!("<{}>", details.message.message_id));
        let mut template = None;
        if let (Some(row), Some(mut details)) = (row, details)
            && scrub(&mut details, whom, Sender::Too)
        {
            template = Some(self.seal_template(*account, row, &details).await?);
        }
        let mut events = Vec::new();
        for other in self.events_of(*account, header, id).await? {
            match &other.recipient_hash {
                Some(of) if of == hash => continue,
                Some(_) => is_alone = false,
                None => {}
            }
            if let Some(mut details) = self.details_of(*account, &other).await?
                && scrub(&mut details, whom, Sender::Too)
            {
                events.push((other.seq, self.seal_details(*account, &other, &details).await?));
            }
        }
        let fate = match row {
            _ if is_alone => Fate::Whole,
            Some(row) if row.capture => Fate::Captured,
            _ => Fate::Shared,
        };
        Ok(Plan { message: id.to_vec(), fate, events, template, drops_copy: true, answer })
    }

    /// The keys of the idempotency results that would give these messages away.
    pub(super) async fn answers_of(
        &self,
        wanted: &Wanted,
        plans: &[Plan],
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        let gone = plans.iter().filter(|plan| plan.fate == Fate::Whole);
        let answers: Vec<&String> = gone.filter_map(|plan| plan.answer.as_ref()).collect();
        if answers.is_empty() {
            return Ok(Vec::new());
        }
        self.answers(wanted.account, |answer| answers.contains(&answer)).await
    }

    /// The keys of the idempotency results that fit.
    pub(super) async fn answers(
        &self,
        account: AccountId,
        fits: impl Fn(&String) -> bool,
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        let rows = idempotency_key::Entity::find()
            .filter(idempotency_key::Column::Account.eq(account.to_row()))
            .all(&self.inner.readers)
            .await?;
        let mut keys = Vec::new();
        for row in rows {
            let answer = self.inner.open_text(ANSWER, account, &row.key_hash, &row.answer).await;
            if readable(answer)?.is_some_and(|answer| fits(&answer)) {
                keys.push(row.key_hash);
            }
        }
        Ok(keys)
    }

    /// All events of the message.
    async fn events_of(
        &self,
        account: AccountId,
        header: Option<&Vec<u8>>,
        id: &[u8],
    ) -> Result<Vec<event::Model>, StoreError> {
        // Those without a Message-ID cannot be others'.
        let Some(header) = header else { return Ok(Vec::new()) };
        Ok(event::Entity::find()
            .filter(event::Column::Account.eq(account.to_row()))
            .filter(event::Column::HeaderHash.eq(header.clone()))
            .filter(event::Column::Message.eq(id.to_vec()))
            .all(&self.inner.readers)
            .await?)
    }

    /// Whether the head of a message that is still there names the recipient.
    async fn head_names(&self, wanted: &Wanted, row: &message::Model) -> Result<bool, StoreError> {
        let id = (row.account.clone(), row.id.clone());
        let Some(body) = body::Entity::find_by_id(id).one(&self.inner.readers).await? else {
            return Ok(false);
        };
        let opened = readable(self.inner.open(MIME, wanted.account, &row.id, &body.mime).await)?;
        Ok(opened.is_some_and(|mime| {
            let mime = String::from_utf8_lossy(&mime);
            let head = mime.split_once("\r\n\r\n").map_or(&*mime, |(head, _)| head);
            wanted.whom.is_named_in(head)
        }))
    }

    /// What every event of a message repeats, unless nobody can read it any more.
    pub(crate) async fn template_of(
        &self,
        account: AccountId,
        row: &message::Model,
    ) -> Result<Option<EventDetails>, StoreError> {
        readable(self.inner.open_json(TEMPLATE, account, &row.id, &row.template).await)
    }

    async fn seal_template(
        &self,
        account: AccountId,
        row: &message::Model,
        details: &EventDetails,
    ) -> Result<Vec<u8>, StoreError> {
        let key = self.inner.keyring.event_key(account, time(row.created_at).day()).await?;
        self.inner.seal_json(&key, TEMPLATE, account, &row.id, details)
    }

    pub(super) async fn details_of(
        &self,
        account: AccountId,
        row: &event::Model,
    ) -> Result<Option<EventDetails>, StoreError> {
        readable(self.inner.open_json(DETAILS, account, &row.id, &row.details).await)
    }

    pub(super) async fn seal_details(
        &self,
        account: AccountId,
        row: &event::Model,
        details: &EventDetails,
    ) -> Result<Vec<u8>, StoreError> {
        let day: Day = time(row.at).day();
        let key = self.inner.keyring.event_key(account, day).await?;
        self.inner.seal_json(&key, DETAILS, account, &row.id, details)
    }
}

/// A value, unless nobody can read it any more.
pub(super) fn readable<T>(value: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match value {
        Ok(value) => Ok(Some(value)),
        Err(StoreError::Erased | StoreError::Corrupt { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

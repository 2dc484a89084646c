//! The event log: append-only, ordered; queries for the customer and cursors for readers.

use sea_orm::{
    ActiveValue::NotSet,
    ColumnTrait, Condition, EntityTrait, IntoActiveModel, Order, QueryFilter, QueryOrder, QuerySelect, Set,
    sea_query::{Expr, ExprTrait, OnConflict, Query},
};
use tokio::sync::watch;
use waxseal_model::{
    AccountId, DomainId, EventId, MessageId, Purpose, Sealed, Timestamp, category,
    event::{EventDetails, EventKind, Severity},
};

use crate::{
    domain::DomainKind,
    entity::{domain, event, reader_cursor},
    error::StoreError,
    message::NewEvent,
    open::Store,
    rows::{RowId, count, signed, time},
    seal::Pepper,
    suppression::address_hash,
    vault::Slot,
    writer::{Batch, Effects},
};

/// An event as it was stored.
pub struct StoredEvent {
    /// Place in the log: strictly increasing in the order of commits.
    pub seq: u64,
    /// Id.
    pub id: EventId,
    /// When it happened.
    pub at: Timestamp,
    /// Kind.
    pub kind: EventKind,
    /// Severity of a failure.
    pub severity: Option<Severity>,
    /// Account.
    pub account: AccountId,
    /// Domain.
    pub domain: DomainId,
    /// The stored message it tells of.
    pub message: Option<MessageId>,
    /// All the rest.
    pub details: Sealed<EventDetails, category::Email>,
}

/// A place between events in the order of (`at`, `seq`): where a page ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventPosition {
    /// Time of the event.
    pub at: Timestamp,
    /// Its place in the log.
    pub seq: u64,
}

/// Which events, in which order. Conditions are joined by "and".
#[derive(Debug, Clone)]
pub struct EventQuery {
    /// Account.
    pub account: AccountId,
    /// Domain; all of the account's otherwise.
    pub domain: Option<DomainId>,
    /// At this time or later.
    pub from: Option<Timestamp>,
    /// Before this time.
    pub until: Option<Timestamp>,
    /// Only events beyond this position in the direction of reading.
    pub beyond: Option<EventPosition>,
    /// Only events whose place in the log is behind this one.
    pub after_seq: Option<u64>,
    /// Only events up to this place in the log.
    pub until_seq: Option<u64>,
    /// Oldest first.
    pub ascending: bool,
    /// Of one of these kinds; any if empty.
    pub kinds: Vec<EventKind>,
    /// Only those with which a recipient's delivery ends: `delivered`, and `failed` for good.
    pub ending: bool,
    /// Of this recipient (found by keyed hash).
    pub recipient: Option<String>,
    /// Of the message with this Message-ID, without angle brackets (found by keyed hash).
    pub header_message_id: Option<String>,
    /// At most this many.
    pub limit: u64,
}

impl EventQuery {
    /// The newest event of a message of this account, by its Message-ID: for more, another limit.
    pub fn of_message(account: AccountId, header_message_id: String) -> Self {
        Self {
            account,
            domain: None,
            from: None,
            until: None,
            beyond: None,
            after_seq: None,
            until_seq: None,
            ascending: false,
            kinds: Vec::new(),
            ending: false,
            recipient: None,
            header_message_id: Some(header_message_id),
            limit: 1,
        }
    }
}

pub(crate) const DETAILS: Slot = Slot::new("events", "details");

impl Store {
    /// Events by time.
    pub async fn events(&self, query: &EventQuery) -> Result<Vec<StoredEvent>, StoreError> {
        let order = if query.ascending { Order::Asc } else { Order::Desc };
        let mut query = query.clone();
        let mut events = Vec::new();
        while query.limit > 0 {
            let rows = event::Entity::find()
                .filter(self.conditions(&query).await?)
                .order_by(event::Column::At, order.clone())
                .order_by(event::Column::Seq, order.clone())
                .limit(query.limit)
                .all(self.read_for(Purpose::CustomerAccess))
                .await?;
            let last = rows.last().map(|row| EventPosition { at: time(row.at), seq: count(row.seq) });
            let full = rows.len() as u64 == query.limit;
            let readable = self.stored_events(rows).await?;
            query.limit = if full { query.limit - readable.len() as u64 } else { 0 };
            query.beyond = last.or(query.beyond);
            events.extend(readable);
        }
        Ok(events)
    }

    /// Events in the order of the log, whatever `ascending` says, and the place of the last that was looked at; `None`
    /// once there is none behind `after_seq`. Events whose key was destroyed are passed over.
    pub async fn events_in_log_order(
        &self,
        query: &EventQuery,
    ) -> Result<(Vec<StoredEvent>, Option<u64>), StoreError> {
        let rows = event::Entity::find()
            .filter(self.conditions(query).await?)
            .order_by_asc(event::Column::Seq)
            .limit(query.limit)
            .all(self.read_for(Purpose::CustomerAccess))
            .await?;
        let last = rows.last().map(|row| count(row.seq));
        Ok((self.stored_events(rows).await?, last))
    }

    /// Appends events that come with no other change.
    pub async fn append_events(&self, events: Vec<NewEvent>) -> Result<(), StoreError> {
        let effects = Effects { log: true, weight: events.len() * 1024, ..Effects::default() };
        let batch = Batch { events: self.event_rows(events).await?, ..Batch::default() };
        self.inner.writer.append(effects, batch, Box::new(|_| {})).await
    }

    /// Events of all accounts after `cursor`, in the order of the log: for readers. Never skips an
    /// event that is committed later. Events whose key was destroyed are passed over.
    pub async fn read_log(&self, cursor: u64, limit: u64) -> Result<Vec<StoredEvent>, StoreError> {
        let mut cursor = cursor;
        loop {
            let rows = event::Entity::find()
                .filter(event::Column::Seq.gt(signed(cursor)))
                .order_by_asc(event::Column::Seq)
                .limit(limit)
                .all(self.read_for(Purpose::CustomerAccess))
                .await?;
            let Some(last) = rows.last() else { return Ok(Vec::new()) };
            cursor = count(last.seq);
            let readable = self.stored_events(rows).await?;
            // An empty page would tell the reader that it has come to the end.
            if !readable.is_empty() {
                return Ok(readable);
            }
        }
    }

    /// The place of the newest event in the log; 0 if there is none.
    pub async fn log_end(&self) -> Result<u64, StoreError> {
        let newest = event::Entity::find()
            .order_by_desc(event::Column::Seq)
            .select_only()
            .column(event::Column::Seq)
            .into_tuple::<i64>()
            .one(self.read_for(Purpose::CustomerAccess))
            .await?;
        Ok(newest.map_or(0, count))
    }

    /// Where a reader stopped; 0 at first.
    pub async fn cursor(&self, reader: &str) -> Result<u64, StoreError> {
        let row =
            reader_cursor::Entity::find_by_id(reader).one(self.read_for(Purpose::CustomerAccess)).await?;
        Ok(row.map_or(0, |row| count(row.seq)))
    }

    /// Notes where a reader stopped.
    pub async fn save_cursor(&self, reader: &str, seq: u64) -> Result<(), StoreError> {
        let row = reader_cursor::Model { reader: reader.to_owned(), seq: signed(seq) }.into_active_model();
        self.inner
            .writer
            .write(Effects::default(), move |tx| {
                Box::pin(async move {
                    reader_cursor::Entity::insert(row)
                        .on_conflict(
                            OnConflict::column(reader_cursor::Column::Reader)
                                .update_column(reader_cursor::Column::Seq)
                                .to_owned(),
                        )
                        .exec_without_returning(tx)
                        .await?;
                    Ok(())
                })
            })
            .await
    }

    /// Changes whenever events were appended: wakes readers.
    pub fn log_changes(&self) -> watch::Receiver<u64> {
        self.inner.writer.changes().log.subscribe()
    }

    /// Rows of new events, sealed under their day's keys.
    pub(crate) async fn event_rows(
        &self,
        events: Vec<NewEvent>,
    ) -> Result<Vec<event::ActiveModel>, StoreError> {
        let mut rows = Vec::with_capacity(events.len());
        for event in events {
            rows.push(self.event_row(event).await?);
        }
        Ok(rows)
    }

    /// How many messages a server took since a time, as far as the log has it. Captured ones were taken by none.
    pub async fn delivered_messages(&self, since: Timestamp) -> Result<u64, StoreError> {
        let captured = Query::select()
            .column(domain::Column::Id)
            .from(domain::Entity)
            .and_where(domain::Column::Kind.eq(DomainKind::Sandbox.as_str()))
            .to_owned();
        let messages: Option<i64> = event::Entity::find()
            .select_only()
            .expr(Expr::col(event::Column::Message).count_distinct())
            .filter(event::Column::Kind.eq(EventKind::Delivered.as_str()))
            .filter(event::Column::At.gte(since.as_micros()))
            .filter(event::Column::Domain.not_in_subquery(captured))
            .into_tuple()
            .one(&self.inner.readers)
            .await?;
        Ok(messages.map_or(0, count))
    }

    async fn event_row(&self, event: NewEvent) -> Result<event::ActiveModel, StoreError> {
        let account = event.account;
        let pepper = self.inner.keyring.pepper(account).await?;
        let key = self.inner.keyring.event_key(account, event.at.day()).await?;
        let details = &event.details;
        let header = &details.message.message_id;
        Ok(event::ActiveModel {
            seq: NotSet,
            id: Set(event.id.to_row()),
            at: Set(event.at.as_micros()),
            kind: Set(event.kind.as_str().to_owned()),
            severity: Set(event.severity.map(|severity| severity.as_str().to_owned())),
            account: Set(account.to_row()),
            domain: Set(event.domain.to_row()),
            message: Set(event.message.map(RowId::to_row)),
            recipient_hash: Set(details.recipient.as_ref().map(|address| address_hash(&pepper, address))),
            header_hash: Set((!header.is_empty()).then(|| header_hash(&pepper, header))),
            details: Set(self.inner.seal_json(&key, DETAILS, account, &event.id.to_bytes(), details)?),
        })
    }

    async fn conditions(&self, query: &EventQuery) -> Result<Condition, StoreError> {
        let mut all = Condition::all()
            .add(event::Column::Account.eq(query.account.to_row()))
            .add_option(query.domain.map(|domain| event::Column::Domain.eq(domain.to_row())))
            .add_option(query.from.map(|from| event::Column::At.gte(from.as_micros())))
            .add_option(query.until.map(|until| event::Column::At.lt(until.as_micros())))
            .add_option(query.after_seq.map(|seq| event::Column::Seq.gt(signed(seq))))
            .add_option(query.until_seq.map(|seq| event::Column::Seq.lte(signed(seq))))
            .add_option(query.beyond.map(|position| beyond(position, query.ascending)));
        if !query.kinds.is_empty() {
            all = all.add(event::Column::Kind.is_in(query.kinds.iter().map(|kind| kind.as_str())));
        }
        if query.ending {
            let kind = |kind: EventKind| event::Column::Kind.eq(kind.as_str());
            let for_good = event::Column::Severity.eq(Severity::Permanent.as_str());
            let failed = Condition::all().add(kind(EventKind::Failed)).add(for_good);
            all = all.add(Condition::any().add(kind(EventKind::Delivered)).add(failed));
        }
        if query.recipient.is_some() || query.header_message_id.is_some() {
            let key = self.inner.keyring.pepper(query.account).await?;
            let recipient = query.recipient.as_ref().map(|address| address_hash(&key, address));
            let header = query.header_message_id.as_ref().map(|header| header_hash(&key, header));
            all = all
                .add_option(recipient.map(|hash| event::Column::RecipientHash.eq(hash)))
                .add_option(header.map(|hash| event::Column::HeaderHash.eq(hash)));
        }
        Ok(all)
    }

    async fn stored_events(&self, rows: Vec<event::Model>) -> Result<Vec<StoredEvent>, StoreError> {
        let mut events = Vec::with_capacity(rows.len());
        for row in rows {
            match self.stored_event(row).await {
                Ok(event) => events.push(event),
                // Its day's key is destroyed: the row only waits for the next purge.
                Err(StoreError::Erased) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(events)
    }

    async fn stored_event(&self, row: event::Model) -> Result<StoredEvent, StoreError> {
        let corrupt = |column| StoreError::Corrupt { table: "events", column };
        let account = AccountId::from_row(&row.account, "events", "account")?;
        let details = self.inner.open_json(DETAILS, account, &row.id, &row.details).await?;
        Ok(StoredEvent {
            seq: count(row.seq),
            id: EventId::from_row(&row.id, "events", "id")?,
            at: time(row.at),
            kind: EventKind::parse(&row.kind).ok_or_else(|| corrupt("kind"))?,
            severity: match &row.severity {
                Some(text) => Some(Severity::parse(text).ok_or_else(|| corrupt("severity"))?),
                None => None,
            },
            account,
            domain: DomainId::from_row(&row.domain, "events", "domain")?,
            message: match &row.message {
                Some(id) => Some(MessageId::from_row(id, "events", "message")?),
                None => None,
            },
            details: Sealed::new(details),
        })
    }
}

/// The hash by which the events of a Message-ID are found.
pub(crate) fn header_hash(pepper: &Pepper, header_message_id: &str) -> Vec<u8> {
    pepper.hash(b"message-id", header_message_id.as_bytes())
}

/// Beyond the position, in the order of (`at`, `seq`).
fn beyond(position: EventPosition, ascending: bool) -> Condition {
    let (at, seq) = (position.at.as_micros(), signed(position.seq));
    let (later, after) = if ascending {
        (event::Column::At.gt(at), event::Column::Seq.gt(seq))
    } else {
        (event::Column::At.lt(at), event::Column::Seq.lt(seq))
    };
    // The first condition alone follows from the second; it is what the index on `at` can use.
    let bound = if ascending { event::Column::At.gte(at) } else { event::Column::At.lte(at) };
    Condition::all()
        .add(bound)
        .add(Condition::any().add(later).add(Condition::all().add(event::Column::At.eq(at)).add(after)))
}

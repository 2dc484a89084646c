//! The writer's part of settling: check the leases, then write.

use std::collections::{BTreeMap, HashMap};

use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, IntoActiveModel, QueryFilter,
    sea_query::{Expr, ExprTrait, Query},
};
use waxseal_model::{Timestamp, suppression::SuppressionKind};

use super::{Prepared, Step};
use crate::{
    archive,
    entity::{body, event, inbox_item, message, queue_entry, suppression},
    error::StoreError,
    message::settled_keep,
    queue::{CLEARED, Settled},
    rows::{insert_all, padded, run_each},
    suppression::{Admitted, upsert},
    writer::Tx,
};

/// Ids in one statement.
const IDS: usize = 256;

/// What the settlements that are ours amount to.
#[derive(Default)]
struct Work {
    events: Vec<event::ActiveModel>,
    items: Vec<inbox_item::Model>,
    suppressions: Vec<Admitted>,
    captured: Vec<Vec<u8>>,
    released: Vec<Vec<u8>>,
    /// What waits for another attempt.
    waiting: Vec<Again>,
    /// Each with the round in which it is set aside.
    paused: BTreeMap<i64, Vec<Vec<u8>>>,
    /// What ended of each message, by account and message.
    settled: BTreeMap<(Vec<u8>, Vec<u8>), Ended>,
}

/// An entry that stays, for another attempt.
struct Again {
    id: Vec<u8>,
    attempts: i32,
    due_at: Timestamp,
    first_attempt_at: Option<i64>,
    /// Sealed: what was said last.
    reply: Vec<u8>,
}

/// Recipients of a message that are settled together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Ended {
    /// How many.
    count: i32,
    /// Whether one of them got it.
    delivered: bool,
}

impl Ended {
    /// One that did not get it.
    pub(crate) const fn silent() -> Self {
        Self { count: 1, delivered: false }
    }

    /// One more.
    pub(crate) const fn add(&mut self, delivered: bool) {
        self.count += 1;
        self.delivered |= delivered;
    }
}

/// Settles what is ours and answers in order, and whether copies for archives became due.
pub(super) async fn settle(
    tx: &Tx,
    prepared: Vec<Prepared>,
    now: Timestamp,
) -> Result<(Vec<Settled>, bool), StoreError> {
    let mut entries = find(tx, &prepared).await?;
    let mut gone = take_done(tx, &prepared).await?;
    let mut work = Work::default();
    let mut answers = Vec::with_capacity(prepared.len());
    for settlement in prepared {
        let ours = match &settlement.step {
            Step::Done { .. } => gone.remove(&settlement.entry),
            Step::Gone => None,
            Step::Deferred { .. }
            | Step::PutOff { .. }
            | Step::Captured { .. }
            | Step::Released
            | Step::Paused(_) => {
                entries.remove(&settlement.entry).filter(|entry| entry.lease == settlement.lease)
            }
        };
        answers.push(if ours.is_some() { Settled::Yes } else { Settled::NotOurs });
        if let Some(entry) = ours {
            work.add(entry, settlement);
        }
    }
    let archives = work.write(tx, now).await?;
    Ok((answers, archives))
}

/// The entries that stay for now, whosever they are.
async fn find(tx: &Tx, prepared: &[Prepared]) -> Result<HashMap<Vec<u8>, queue_entry::Model>, StoreError> {
    let stays = |settlement: &&Prepared| !matches!(settlement.step, Step::Done { .. } | Step::Gone);
    let ids: Vec<_> = prepared.iter().filter(stays).map(|settlement| settlement.entry.clone()).collect();
    let mut entries = HashMap::with_capacity(ids.len());
    for chunk in ids.chunks(IDS) {
        let rows =
            queue_entry::Entity::find().filter(queue_entry::Column::Id.is_in(padded(chunk))).all(tx).await?;
        entries.extend(rows.into_iter().map(|row| (row.id.clone(), row)));
    }
    Ok(entries)
}

/// Takes the entries that are done out of the queue. Those that turn out to be somebody else's by now are put back.
async fn take_done(
    tx: &Tx,
    prepared: &[Prepared],
) -> Result<HashMap<Vec<u8>, queue_entry::Model>, StoreError> {
    let done: HashMap<&[u8], &Option<Vec<u8>>> = prepared
        .iter()
        .filter(|settlement| matches!(settlement.step, Step::Done { .. }))
        .map(|settlement| (settlement.entry.as_slice(), &settlement.lease))
        .collect();
    let ids: Vec<_> = done.keys().map(|id| id.to_vec()).collect();
    let mut taken = HashMap::with_capacity(ids.len());
    let mut others = Vec::new();
    for chunk in ids.chunks(IDS) {
        let rows = queue_entry::Entity::delete_many()
            .filter(queue_entry::Column::Id.is_in(padded(chunk)))
            .exec_with_returning(tx)
            .await?;
        for row in rows {
            if done.get(row.id.as_slice()).is_some_and(|lease| **lease == row.lease) {
                taken.insert(row.id.clone(), row);
            } else {
                others.push(row.into_active_model());
            }
        }
    }
    insert_all::<queue_entry::ActiveModel, _>(tx, others).await?;
    Ok(taken)
}

impl Work {
    fn add(&mut self, entry: queue_entry::Model, settlement: Prepared) {
        let cleared = entry.due_at == CLEARED.as_micros();
        if cleared && matches!(settlement.step, Step::Captured { .. }) {
            self.released.push(entry.id);
            return;
        }
        self.events.extend(settlement.events);
        match settlement.step {
            Step::Done { suppress } => {
                self.suppressions.extend(suppress);
                self.done(entry, settlement.delivered);
            }
            Step::Captured { item } => {
                self.items.push(item);
                self.captured.push(entry.id.clone());
                self.done(entry, settlement.delivered);
            }
            Step::Paused(round) if !cleared => self.paused.entry(round).or_default().push(entry.id),
            Step::Released | Step::Paused(_) => self.released.push(entry.id),
            Step::Deferred { next_attempt_at, first_attempt_at, last_reply } => {
                let next_attempt_at = if cleared { CLEARED } else { next_attempt_at };
                self.waiting.push(Again {
                    id: entry.id,
                    attempts: entry.attempts.saturating_add(1),
                    due_at: next_attempt_at,
                    first_attempt_at: Some(first_attempt_at.as_micros()),
                    reply: last_reply,
                });
            }
            Step::PutOff { until, why } => {
                let until = if cleared { CLEARED } else { until };
                self.waiting.push(Again {
                    id: entry.id,
                    attempts: entry.attempts,
                    due_at: until,
                    first_attempt_at: entry.first_attempt_at,
                    reply: why,
                });
            }
            Step::Gone => {}
        }
    }

    fn done(&mut self, entry: queue_entry::Model, delivered: bool) {
        self.settled.entry((entry.account, entry.message)).or_default().add(delivered);
    }

    async fn write(self, tx: &Tx, now: Timestamp) -> Result<bool, StoreError> {
        insert_all(tx, self.events).await?;
        for ids in self.captured.chunks(IDS) {
            queue_entry::Entity::delete_many()
                .filter(queue_entry::Column::Id.is_in(padded(ids)))
                .exec(tx)
                .await?;
        }
        release(tx, &self.released).await?;
        wait_again(tx, self.waiting).await?;
        set_aside(tx, self.paused).await?;
        keep_captured(tx, &self.items).await?;
        insert_all::<inbox_item::ActiveModel, _>(
            tx,
            self.items.into_iter().map(IntoActiveModel::into_active_model).collect(),
        )
        .await?;
        for row in self.suppressions {
            if !allowed(tx, &row).await? {
                upsert(tx, vec![row]).await?;
            }
        }
        count_down(tx, self.settled, now).await
    }
}

/// Lets entries wait for their next attempt.
async fn wait_again(tx: &Tx, entries: Vec<Again>) -> Result<(), StoreError> {
    use queue_entry::Column;

    // Values are put in for each entry.
    let update = Query::update()
        .table(queue_entry::Entity)
        .value(Column::Attempts, 0)
        .value(Column::ReadyAt, 0_i64)
        .value(Column::DueAt, 0_i64)
        .value(Column::FirstAttemptAt, 0_i64)
        .value(Column::Lease, Option::<Vec<u8>>::None)
        .value(Column::LastReply, Vec::<u8>::new())
        .and_where(Column::Id.eq(Vec::<u8>::new()))
        .to_owned();
    let values = entries.into_iter().map(|entry| {
        let due_at = entry.due_at.as_micros();
        vec![
            entry.attempts.into(),
            due_at.into(),
            due_at.into(),
            entry.first_attempt_at.into(),
            Option::<Vec<u8>>::None.into(),
            entry.reply.into(),
            entry.id.into(),
        ]
    });
    run_each(tx, &update, values.collect()).await?;
    Ok(())
}

async fn release(tx: &Tx, ids: &[Vec<u8>]) -> Result<(), StoreError> {
    for ids in ids.chunks(IDS) {
        queue_entry::Entity::update_many()
            .col_expr(queue_entry::Column::Lease, Expr::value(Option::<Vec<u8>>::None))
            .col_expr(queue_entry::Column::ReadyAt, Expr::col(queue_entry::Column::DueAt))
            .filter(queue_entry::Column::Id.is_in(padded(ids)))
            .exec(tx)
            .await?;
    }
    Ok(())
}

async fn set_aside(tx: &Tx, paused: BTreeMap<i64, Vec<Vec<u8>>>) -> Result<(), StoreError> {
    for (round, ids) in paused {
        for ids in ids.chunks(IDS) {
            queue_entry::Entity::update_many()
                .col_expr(queue_entry::Column::Lease, Expr::value(Option::<Vec<u8>>::None))
                .col_expr(queue_entry::Column::ReadyAt, Expr::value(round))
                .filter(queue_entry::Column::Id.is_in(ids.to_vec()))
                .exec(tx)
                .await?;
        }
    }
    Ok(())
}

/// Keeps the bodies of captured messages until the inbox forgets them.
async fn keep_captured(tx: &Tx, items: &[inbox_item::Model]) -> Result<(), StoreError> {
    for item in items {
        let until = message::Column::CapturedUntil;
        message::Entity::update_many()
            .col_expr(until, Expr::value(item.expires_at))
            .filter(message::Column::Account.eq(item.account.clone()))
            .filter(message::Column::Id.eq(item.message.clone()))
            .filter(until.is_null().or(until.lt(item.expires_at)))
            .exec(tx)
            .await?;
    }
    Ok(())
}

/// Whether the domain never puts this address on its bounce list.
async fn allowed(tx: &Tx, row: &Admitted) -> Result<bool, StoreError> {
    let allowing = suppression::Entity::find()
        .filter(suppression::Column::Account.eq(row.account.clone()))
        .filter(suppression::Column::Domain.eq(row.domain.clone()))
        .filter(suppression::Column::Kind.eq(SuppressionKind::Allow.as_str()))
        .filter(suppression::Column::AddressHash.is_in(row.allowed_by()));
    Ok(allowing.one(tx).await?.is_some())
}

/// What a message has left.
#[derive(FromQueryResult)]
struct Counted {
    id: Vec<u8>,
    pending: i32,
    body_expires_at: Option<i64>,
    archive: bool,
}

impl Counted {
    const COLUMNS: [message::Column; 4] = [
        message::Column::Id,
        message::Column::Pending,
        message::Column::BodyExpiresAt,
        message::Column::Archive,
    ];
}

/// Counts down the pending recipients of messages; where none is left the body goes or gets its term. Whether copies
/// for archives became due with it.
pub(crate) async fn count_down(
    tx: &Tx,
    settled: BTreeMap<(Vec<u8>, Vec<u8>), Ended>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    use message::Column;

    let mut archives = false;
    let mut groups: BTreeMap<(Vec<u8>, i32), Vec<Vec<u8>>> = BTreeMap::new();
    for ((account, message), ended) in &settled {
        groups.entry((account.clone(), ended.count)).or_default().push(message.clone());
    }
    for ((account, count), messages) in groups {
        for ids in messages.chunks(IDS) {
            let counted = Query::update()
                .table(message::Entity)
                .value(Column::Pending, Expr::col(Column::Pending).sub(count))
                .value(Column::BodyExpiresAt, settled_keep(count, now))
                .and_where(Column::Account.eq(account.clone()))
                .and_where(Column::Id.is_in(padded(ids)))
                .returning(Query::returning().columns(Counted::COLUMNS))
                .to_owned();
            let counted = tx.get_database_backend().build(&counted);
            let rows = Counted::find_by_statement(counted).all(tx).await?;
            let mut finished = Vec::new();
            for row in rows {
                let place = (account.clone(), row.id.clone());
                let delivered = settled.get(&place).is_some_and(|ended| ended.delivered);
                if row.archive
                    && archive::after_recipient(tx, place, row.pending <= 0, delivered, now).await?
                {
                    archives = true;
                } else if row.pending <= 0 && row.body_expires_at.is_none() {
                    finished.push(row.id);
                }
            }
            if !finished.is_empty() {
                body::Entity::delete_many()
                    .filter(body::Column::Account.eq(account.clone()))
                    .filter(body::Column::Message.is_in(padded(&finished)))
                    .exec(tx)
                    .await?;
            }
        }
    }
    Ok(archives)
}

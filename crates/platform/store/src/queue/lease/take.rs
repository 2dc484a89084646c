//! Finding what is ready, whatever waits: the cost of a lease depends on its size alone.

mod walk;

pub(crate) use walk::Walk;

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbBackend, EntityTrait, FromQueryResult, QueryFilter,
    QueryOrder, QuerySelect, Select,
    sea_query::{Expr, LockBehavior, LockType},
};
use waxseal_model::Timestamp;

use crate::{
    entity::queue_entry::{self, Column, Entity},
    error::StoreError,
    queue::{LeaseId, LeaseRequest, PassedOver},
    rows::RowId,
    writer::Tx,
};

/// Looked at beyond the limit before turning to accounts and destinations one by one.
const LOOK_AHEAD: usize = 256;
/// Ids in one statement.
const IDS: usize = 256;

/// Whose entries stay, by what rows have of them.
pub(super) struct Skip {
    accounts: HashSet<Vec<u8>>,
    /// Sending domains by account.
    domains: HashMap<Vec<u8>, HashSet<Vec<u8>>>,
    /// Destinations by account.
    flows: HashMap<Vec<u8>, HashSet<Vec<u8>>>,
}

impl Skip {
    /// `hash` is that of a recipients' domain.
    pub(super) fn new(passed_over: &PassedOver, hash: impl Fn(&str) -> Vec<u8>) -> Self {
        let accounts = passed_over.accounts.iter().map(|account| account.to_row()).collect();
        let mut domains: HashMap<_, HashSet<_>> = HashMap::new();
        for (account, domain) in &passed_over.domains {
            domains.entry(account.to_row()).or_default().insert(domain.to_row());
        }
        let mut flows: HashMap<_, HashSet<_>> = HashMap::new();
        for flow in &passed_over.flows {
            flows.entry(flow.account.to_row()).or_default().insert(hash(&flow.recipient_domain));
        }
        Self { accounts, domains, flows }
    }

    fn is_empty(&self) -> bool {
        self.accounts.is_empty() && self.domains.is_empty() && self.flows.is_empty()
    }

    fn has_flow(&self, account: &Vec<u8>, destination: &Vec<u8>) -> bool {
        self.flows.get(account).is_some_and(|destinations| destinations.contains(destination))
    }

    /// Sending domains of an account whose entries stay.
    fn domains_of(&self, account: &Vec<u8>) -> Option<&HashSet<Vec<u8>>> {
        self.domains.get(account)
    }

    fn has(&self, entry: &Ready) -> bool {
        self.accounts.contains(&entry.account)
            || self.domains_of(&entry.account).is_some_and(|domains| domains.contains(&entry.domain))
            || self.has_flow(&entry.account, &entry.destination)
    }
}

/// Marks the entries that are ready longest and returns them; what `skip` has stays. `walk` is where the walk over accounts
/// and their destinations goes on.
pub(super) async fn take(
    tx: &Tx,
    (request, skip): (LeaseRequest, &Skip),
    lease: LeaseId,
    walk: &mut Walk,
    closed: &[Vec<u8>],
) -> Result<Vec<queue_entry::Model>, StoreError> {
    let search = Search { tx, now: request.now, skip, closed };
    let ids = search.ready(request.limit as usize, walk).await?;
    mark(tx, ids, lease, request.now, request.hold_for).await
}

async fn mark(
    tx: &Tx,
    ids: Vec<Vec<u8>>,
    lease: LeaseId,
    now: Timestamp,
    hold_for: Duration,
) -> Result<Vec<queue_entry::Model>, StoreError> {
    let mut rows = Vec::with_capacity(ids.len());
    for ids in ids.chunks(IDS) {
        let marked = Entity::update_many()
            .col_expr(Column::Lease, Expr::value(Some(lease.to_row())))
            .col_expr(Column::ReadyAt, Expr::value((now + hold_for).as_micros()))
            .filter(Column::Id.is_in(ids.to_vec()))
            .exec_with_returning(tx)
            .await?;
        rows.extend(marked);
    }
    Ok(rows)
}

/// Rows of other accounts than these.
pub(crate) fn not_of(column: impl ColumnTrait, accounts: Vec<Vec<u8>>) -> Condition {
    let some = (!accounts.is_empty()).then(|| column.is_not_in(accounts));
    Condition::all().add_option(some)
}

struct Search<'a> {
    tx: &'a Tx,
    now: Timestamp,
    skip: &'a Skip,
    /// Accounts whose entries stay: few, and most of their entries are parked elsewhere.
    closed: &'a [Vec<u8>],
}

/// An entry that is ready.
#[derive(FromQueryResult)]
struct Ready {
    id: Vec<u8>,
    account: Vec<u8>,
    domain: Vec<u8>,
    destination: Vec<u8>,
}

impl Search<'_> {
    async fn ready(&self, limit: usize, walk: &mut Walk) -> Result<Vec<Vec<u8>>, StoreError> {
        // Where nobody is passed over, the oldest are the ones.
        let window = if self.skip.is_empty() { limit } else { limit.saturating_add(LOOK_AHEAD) };
        let oldest = self.oldest(Entity::find(), window).await?;
        let exhausted = oldest.len() < window;
        walk.goes_on = false;
        let wanted = oldest.into_iter().filter(|entry| !self.skip.has(entry));
        let mut ids: Vec<_> = wanted.map(|entry| entry.id).take(limit).collect();
        if ids.len() < limit && !exhausted {
            // Those who have enough are in front of all others, perhaps by the million: walk around them.
            self.of_others(limit, &mut ids, walk).await?;
        }
        Ok(ids)
    }

    /// The oldest ready entries.
    async fn oldest(&self, among: Select<Entity>, limit: usize) -> Result<Vec<Ready>, StoreError> {
        let mut ready = among
            .select_only()
            .columns([Column::Id, Column::Account, Column::Domain, Column::Destination])
            .filter(Column::ReadyAt.lte(self.now.as_micros()))
            .filter(not_of(Column::Account, self.closed.to_vec()))
            .order_by_asc(Column::ReadyAt)
            .limit(limit as u64);
        if self.tx.get_database_backend() == DbBackend::Postgres {
            ready = ready.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
        }
        Ok(ready.into_model().all(self.tx).await?)
    }
}

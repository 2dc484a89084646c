//! Clearing the queue of a domain: what waits ends, whoever holds it.
//!
//! Entries are first marked, durably: their due time is one that no clock reaches, so nobody is given them any more, not
//! after a restart either. Those that nobody holds end at once. Holders are told, and give back what has not begun to go
//! out; whatever they say of a marked entry, except that it is done, ends it.

mod ending;
mod told;

pub(crate) use told::Cleared;

use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr};
use tokio::sync::watch;
use waxseal_model::{AccountId, DomainId, RecipientId, Timestamp};

use super::HELD;
use crate::{
    deletion::{DeletionKind, Noted},
    entity::queue_entry::{self, Column},
    error::StoreError,
    open::Store,
    rows::RowId,
    writer::{Effects, Tx},
};

/// Due time of entries that nobody delivers any more.
pub(crate) const CLEARED: Timestamp = Timestamp::from_micros(HELD.as_micros() + 1);
/// Entries marked by one transaction, and ended by one.
const PAGE: u64 = 500;
/// Ids in one statement.
const IDS: usize = 256;

/// Entries of one domain that are not marked yet.
struct Unmarked {
    account: AccountId,
    domain: DomainId,
}

impl Store {
    /// Drops all scheduled and undelivered mail of a domain; how many recipients. When it answers, each of them has
    /// its one terminal event, or is in the hands of somebody who is told ([`Store::clearings`]): content that has
    /// begun to go out by then may arrive, everything else never will, also after a crash.
    ///
    /// # Errors
    /// The store does not answer: part of it may be cleared.
    pub async fn clear_queue(&self, account: AccountId, domain: DomainId) -> Result<u64, StoreError> {
        let unmarked = Unmarked { account, domain };
        let mut after = Vec::new();
        let mut cleared = 0;
        let mut in_hands = Vec::new();
        loop {
            let page = self.unmarked(&unmarked, &after).await?;
            let Some(last) = page.last() else { break };
            after.clone_from(last);
            let noted = self.note_deletion(DeletionKind::Queue, account, page.concat()).await?;
            let held = self.mark_cleared(noted, &unmarked, page, &mut cleared).await?;
            self.inner.cleared.tell(&held);
            in_hands.extend(held);
        }
        self.end_cleared().await?;
        self.forget_ended(in_hands).await?;
        Ok(cleared)
    }

    /// Forgets those whose holders were done before they were told.
    async fn forget_ended(&self, mut in_hands: Vec<RecipientId>) -> Result<(), StoreError> {
        while !in_hands.is_empty() {
            let some = in_hands.split_off(in_hands.len().saturating_sub(IDS));
            let rows: Vec<Vec<u8>> = queue_entry::Entity::find()
                .select_only()
                .column(Column::Id)
                .filter(Column::Id.is_in(some.iter().map(|entry| entry.to_row()).collect::<Vec<_>>()))
                .into_tuple()
                .all(&self.inner.readers)
                .await?;
            let ended: Vec<_> = some.into_iter().filter(|entry| !rows.contains(&entry.to_row())).collect();
            self.inner.cleared.settled(&ended);
        }
        Ok(())
    }

    /// Whether one of these entries was cleared while somebody held it, and is not settled yet.
    pub fn is_any_cleared(&self, entries: impl IntoIterator<Item = RecipientId>) -> bool {
        self.inner.cleared.holds_any(entries)
    }

    /// Whether anything was cleared while somebody held it, and is not settled yet.
    pub fn is_anything_cleared(&self) -> bool {
        self.inner.cleared.holds_something()
    }

    /// Changes whenever entries were cleared that somebody holds.
    pub fn clearings(&self) -> watch::Receiver<u64> {
        self.inner.cleared.subscribe()
    }

    /// The next ids.
    async fn unmarked(&self, of: &Unmarked, after: &[u8]) -> Result<Vec<Vec<u8>>, StoreError> {
        let ids = queue_entry::Entity::find()
            .select_only()
            .column(Column::Id)
            .filter(of.condition())
            .filter(Column::Id.gt(after.to_vec()))
            .order_by_asc(Column::Id)
            .limit(PAGE)
            .into_tuple()
            .all(&self.inner.readers)
            .await?;
        Ok(ids)
    }

    /// Marks these entries; those among them that somebody holds.
    async fn mark_cleared(
        &self,
        noted: Noted,
        of: &Unmarked,
        ids: Vec<Vec<u8>>,
        cleared: &mut u64,
    ) -> Result<Vec<RecipientId>, StoreError> {
        let those = of.condition().add(Column::Id.is_in(ids));
        let rows =
            self.carry_out(noted, Effects::default(), move |tx| Box::pin(mark_cleared(tx, those))).await?;
        *cleared += rows.len() as u64;
        let held = rows.iter().filter(|row| row.lease.is_some());
        held.map(|row| RecipientId::from_row(&row.id, "queue_entries", "id")).collect()
    }
}

/// Marks the entries that fit and are not marked yet; which.
pub(crate) async fn mark_cleared(tx: &Tx, those: Condition) -> Result<Vec<queue_entry::Model>, StoreError> {
    let never = CLEARED.as_micros();
    let marking = queue_entry::Entity::update_many()
        .col_expr(Column::DueAt, Expr::value(never))
        .col_expr(Column::ReadyAt, Expr::value(never))
        .filter(those.add(Column::DueAt.ne(never)));
    Ok(marking.exec_with_returning(tx).await?)
}

impl Unmarked {
    fn condition(&self) -> Condition {
        Condition::all()
            .add(Column::Account.eq(self.account.to_row()))
            .add(Column::Domain.eq(self.domain.to_row()))
            .add(Column::DueAt.ne(CLEARED.as_micros()))
    }
}

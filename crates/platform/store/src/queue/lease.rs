//! Taking work from the queue and giving it back.

mod stranded;
mod take;
mod unlisted;
mod unpaused;
mod unreadable;

pub(crate) use stranded::Stranded;
pub(crate) use take::{Walk, not_of};
pub(crate) use unlisted::Unlisted;

use sea_orm::{
    ColumnTrait, DatabaseTransaction, DbBackend, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    TransactionTrait, sea_query::Expr,
};
use waxseal_model::{
    AccountId, DomainId, MessageId, Purpose, RecipientId, Sealed, Timestamp, options::Schedule,
};

use super::{CLEARED, HELD, LeaseId, LeaseRequest, LeasedEntry};
use crate::{
    entity::queue_entry::{self, Column},
    erasure::PARKED,
    error::StoreError,
    message::Envelope,
    open::Store,
    rows::{RowId, time},
    suppression::address_hash,
    vault::Slot,
    writer::Effects,
};

pub(crate) const ENVELOPE: Slot = Slot::new("queue_entries", "envelope");

impl Store {
    /// Takes due entries, oldest due first. Those whose addresses cannot be read any more end here, each with
    /// one `failed` event. After an error nothing stays in anybody's hands: the next call frees it.
    pub async fn lease(&self, request: LeaseRequest) -> Result<Vec<LeasedEntry>, StoreError> {
        if request.limit == 0 {
            return Ok(Vec::new());
        }
        self.free_stranded().await?;
        self.finish_clearing().await?;
        self.end_pauses(request.now).await?;
        self.bring_back().await?;
        let lease = self.new_lease();
        let until = request.now + request.hold_for;
        let taken = self.lease_as(lease, request).await;
        if taken.is_err() {
            // Whether or not it was committed.
            self.inner.stranded.add(lease, until);
        }
        taken
    }

    async fn lease_as(&self, lease: LeaseId, request: LeaseRequest) -> Result<Vec<LeasedEntry>, StoreError> {
        let mut rows = self.take(lease, request).await?;
        rows.sort_unstable_by(|one, other| (one.due_at, &one.id).cmp(&(other.due_at, &other.id)));
        let (mut entries, mut hashes) = (Vec::with_capacity(rows.len()), Vec::with_capacity(rows.len()));
        let mut unreadable = Vec::new();
        for row in rows {
            match self.leased(&row, lease).await {
                Ok((entry, hash)) => {
                    entries.push(entry);
                    hashes.push(hash);
                }
                // One value that cannot be read must not hold up the queue.
                Err(StoreError::Erased | StoreError::Corrupt { .. }) => unreadable.push(row),
                Err(error) => return Err(error),
            }
        }
        self.fail_unreadable(&unreadable, lease).await?;
        self.leave_paused(&mut entries, &mut hashes, lease).await?;
        self.ask_lists(&mut entries, &hashes).await?;
        Ok(entries)
    }

    /// Marks the rows as ours.
    async fn take(
        &self,
        lease: LeaseId,
        request: LeaseRequest,
    ) -> Result<Vec<queue_entry::Model>, StoreError> {
        let mut turn = self.inner.turn();
        let skip = take::Skip::new(&request.pass_over, |domain| self.inner.keyring.destination_hash(domain));
        let closed = self.inner.closed.rows();
        let pauses = self.inner.pauses.current();
        let round = pauses.round;
        let work = async move |tx: &DatabaseTransaction| {
            let taken = unpaused::take(tx, (request, skip), lease, &mut turn, (&closed, &pauses)).await?;
            Ok::<_, StoreError>((taken, turn))
        };
        let (taken, turn) = match self.inner.readers.get_database_backend() {
            // There it runs beside the writer: rows that others hold are passed over.
            DbBackend::Postgres => {
                let tx = self.inner.readers.begin().await?;
                let taken = work(&tx).await?;
                tx.commit().await?;
                taken
            }
            _ => self.inner.writer.write(Effects::default(), move |tx| Box::pin(work(tx))).await?,
        };
        self.inner.set_turn(turn);
        if taken.set_aside {
            self.after_setting_aside(round);
        }
        if taken.there_is_more {
            self.inner.writer.changes().queue.send_modify(|changes| *changes = changes.wrapping_add(1));
        }
        Ok(taken.rows)
    }

    /// Frees every lease, at start: whoever held them is gone. Entries that were cleared in their hands end. Returns
    /// how many leases there were. (One node only.)
    pub async fn free_leases(&self) -> Result<u64, StoreError> {
        let freed = self.free_all().await?;
        self.end_cleared().await?;
        Ok(freed)
    }

    async fn free_all(&self) -> Result<u64, StoreError> {
        self.inner
            .writer
            .write(Effects { queue: true, ..Effects::default() }, move |tx| {
                Box::pin(async move {
                    let freed = queue_entry::Entity::update_many()
                        .col_expr(Column::Lease, Expr::value(Option::<Vec<u8>>::None))
                        .col_expr(Column::ReadyAt, Expr::col(Column::DueAt))
                        .filter(Column::Lease.is_not_null())
                        .exec(tx)
                        .await?;
                    Ok(freed.rows_affected)
                })
            })
            .await
    }

    /// When the next entry that nobody holds is due, or a pause ends by itself.
    pub async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let due: Option<i64> = queue_entry::Entity::find()
            .select_only()
            .column(Column::ReadyAt)
            .filter(Column::Lease.is_null())
            .filter(Column::ReadyAt.lt(HELD.as_micros()))
            .filter(Column::ReadyAt.lt(PARKED))
            .filter(not_of(Column::Account, self.inner.closed.rows()))
            .order_by_asc(Column::ReadyAt)
            .limit(1)
            .into_tuple()
            .one(self.read_for(Purpose::Delivery))
            .await?;
        Ok(due.map(time).into_iter().chain(self.next_pause_end()).min())
    }

    /// Makes the waiting entries of a message due now; how many.
    pub async fn retry_now(&self, message: MessageId, now: Timestamp) -> Result<u64, StoreError> {
        self.inner
            .writer
            .write(Effects { queue: true, ..Effects::default() }, move |tx| {
                Box::pin(async move {
                    let changed = queue_entry::Entity::update_many()
                        .col_expr(Column::DueAt, Expr::value(now.as_micros()))
                        .col_expr(Column::ReadyAt, Expr::value(now.as_micros()))
                        .filter(Column::Message.eq(message.to_row()))
                        .filter(Column::DueAt.ne(CLEARED.as_micros()))
                        .filter(Column::Lease.is_null())
                        .exec(tx)
                        .await?;
                    Ok(changed.rows_affected)
                })
            })
            .await
    }

    pub(super) fn new_lease(&self) -> LeaseId {
        let mut bits = [0u8; 16];
        self.inner.random.fill(&mut bits);
        LeaseId(u128::from_be_bytes(bits))
    }

    /// An entry, and the hash by which its recipient is found on lists; `None` where there may be another.
    async fn leased(
        &self,
        row: &queue_entry::Model,
        lease: LeaseId,
    ) -> Result<(LeasedEntry, Option<Vec<u8>>), StoreError> {
        const TABLE: &str = "queue_entries";
        let account = AccountId::from_row(&row.account, TABLE, "account")?;
        let envelope: Envelope = self.inner.open_json(ENVELOPE, account, &row.id, &row.envelope).await?;
        let pepper = self.inner.keyring.pepper(account).await?;
        let hash = envelope.recipient.is_ascii().then(|| address_hash(&pepper, &envelope.recipient));
        let entry = LeasedEntry {
            id: RecipientId::from_row(&row.id, TABLE, "id")?,
            lease,
            account,
            domain: DomainId::from_row(&row.domain, TABLE, "domain")?,
            message: MessageId::from_row(&row.message, TABLE, "message")?,
            recipient_domain: envelope.recipient_domain().to_owned(),
            envelope: Sealed::new(envelope),
            attempts: u32::try_from(row.attempts).unwrap_or(0),
            accepted_at: time(row.accepted_at),
            first_attempt_at: row.first_attempt_at.map(time),
            schedule: Schedule { not_before: time(row.not_before), give_up_at: time(row.give_up_at) },
            capture: row.capture,
            unlisted: None,
        };
        Ok((entry, hash))
    }
}

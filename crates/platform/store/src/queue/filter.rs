//! Which entries are meant, and reading them page by page, whatever waits.

use std::collections::HashSet;

use sea_orm::{
    ColumnTrait, Condition, DatabaseConnection, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait, Func},
};
use waxseal_model::{Access, actor, purpose};

use super::{QueueEntry, QueueFilter};
use crate::{
    entity::queue_entry::{self, Column},
    erasure::recipient::canonical,
    error::StoreError,
    open::Store,
    rows::RowId,
};

/// Compares who is asked for with who is written to.
const ACCESS: Access<purpose::Delivery> = Access::new(actor::System, purpose::Delivery);
/// As many entries of one kind are sorted for a page. Where there are more, the queue is walked through by id: then each
/// page costs the same, and all of them one walk.
const SORTED: u64 = 20_000;

impl QueueFilter {
    /// Whether an entry is to the recipient that is asked for.
    pub(super) fn is_to(&self, entry: &QueueEntry) -> bool {
        self.recipient
            .as_ref()
            .is_none_or(|wanted| canonical(&entry.envelope.open(&ACCESS).recipient) == canonical(wanted))
    }
}

impl Store {
    /// The next rows by id, at most `limit`; who they are to is not looked at.
    pub(super) async fn queue_rows(
        &self,
        filter: &QueueFilter,
        db: &DatabaseConnection,
        limit: u64,
    ) -> Result<Vec<queue_entry::Model>, StoreError> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let wanted = if self.are_many(filter, db).await? {
            self.condition(filter, |column| {
                // No index leads here: the primary key does, in the order that is wanted.
                Func::coalesce([Expr::col(column), Expr::col(column)]).into()
            })
        } else {
            self.meant(filter)
        };
        let rows = queue_entry::Entity::find().filter(wanted).order_by_asc(Column::Id).limit(limit);
        Ok(rows.all(db).await?)
    }

    /// Whether there are too many of them to sort.
    async fn are_many(&self, filter: &QueueFilter, db: &DatabaseConnection) -> Result<bool, StoreError> {
        let is_indexed = filter.account.is_some() || filter.to.is_some();
        // Of one domain there is an index in the order of ids, and of a message there are few.
        let is_sorted = filter.account.is_some() && filter.domain.is_some() && filter.to.is_none();
        if !is_indexed || is_sorted || filter.message.is_some() {
            return Ok(false);
        }
        let one: Option<Vec<u8>> = queue_entry::Entity::find()
            .select_only()
            .column(Column::Id)
            .filter(self.meant(filter))
            .offset(SORTED)
            .limit(1)
            .into_tuple()
            .one(db)
            .await?;
        Ok(one.is_some())
    }

    /// What SQL can tell of the entries that are wanted.
    pub(super) fn meant(&self, filter: &QueueFilter) -> Condition {
        self.condition(filter, Expr::col)
    }

    fn condition(&self, filter: &QueueFilter, column: impl Fn(Column) -> Expr) -> Condition {
        let to = filter.to.as_ref().map(|domains| {
            let hashes = domains.iter().map(|domain| self.inner.keyring.destination_hash(domain));
            column(Column::Destination).is_in(hashes)
        });
        Condition::all()
            .add_option(filter.account.map(|account| column(Column::Account).eq(account.to_row())))
            .add_option(filter.domain.map(|domain| column(Column::Domain).eq(domain.to_row())))
            .add_option(filter.message.map(|message| Column::Message.eq(message.to_row())))
            .add_option(to)
            .add_option(filter.accepted_until.map(|until| Column::AcceptedAt.lte(until.as_micros())))
            .add_option(filter.after.map(|after| Column::Id.gt(after.to_row())))
    }
}

impl Store {
    /// The first of these entries by account and destination.
    async fn first_of(&self, those: Condition) -> Result<Option<queue_entry::Model>, StoreError> {
        let first = queue_entry::Entity::find()
            .filter(those)
            .order_by_asc(Column::Account)
            .order_by_asc(Column::Destination)
            .limit(1);
        Ok(first.one(&self.inner.readers).await?)
    }

    /// The recipients' domains that something in the queue is for; `None`: there are more than `most`.
    pub async fn queue_destinations(&self, most: usize) -> Result<Option<Vec<String>>, StoreError> {
        let (mut found, mut seen) = (Vec::new(), HashSet::new());
        let (mut account, mut after) = (Vec::new(), Vec::new());
        loop {
            // As the index goes: the account's next destination, else the next account's first.
            let of_account = Column::Account.eq(account.clone()).and(Column::Destination.gt(after.clone()));
            let mut next = self.first_of(Condition::all().add(of_account)).await?;
            if next.is_none() {
                next = self.first_of(Condition::all().add(Column::Account.gt(account.clone()))).await?;
            }
            let Some(row) = next else { return Ok(Some(found)) };
            account.clone_from(&row.account);
            after.clone_from(&row.destination);
            if !seen.insert(row.destination.clone()) {
                continue;
            }
            if found.len() >= most {
                return Ok(None);
            }
            match self.queue_entry(row).await {
                Ok(entry) => found.push(entry.recipient_domain),
                // Nothing goes there any more.
                Err(StoreError::Erased | StoreError::Corrupt { .. }) => {}
                Err(error) => return Err(error),
            }
        }
    }
}

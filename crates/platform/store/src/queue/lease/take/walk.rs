//! Walking around whoever has enough: account by account, and for each destination by destination.
//!
//! Each lease visits some. The next goes on where it stopped, so that everybody's turn comes whatever the others have.

mod sender;

use std::collections::{HashMap, VecDeque};

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use self::sender::Place;
use super::Search;
use crate::{
    entity::queue_entry::{Column, Entity},
    error::StoreError,
};

/// Destinations visited by one lease, of all accounts together.
const VISITS: usize = 64;
/// Accounts that one lease takes turns with.
const ACCOUNTS: usize = 16;
/// Accounts looked at to find these.
const LOOKS: usize = 64;
/// Accounts of which is remembered where the walk over their destinations stopped.
const REMEMBERED: usize = 1_024;

/// Where the walk goes on.
#[derive(Debug, Clone, Default)]
pub(crate) struct Walk {
    /// After this account.
    account: Vec<u8>,
    /// For accounts whose destinations were not all visited: after this one.
    destination: HashMap<Vec<u8>, Vec<u8>>,
    /// For accounts of which some sending domains have enough: where in the others.
    sender: HashMap<Vec<u8>, Place>,
    /// The last lease had visited all that one may before it was round.
    pub(super) goes_on: bool,
}

impl Search<'_> {
    /// Adds entries of accounts and destinations that are not passed over, until there are `limit`.
    pub(super) async fn of_others(
        &self,
        limit: usize,
        ids: &mut Vec<Vec<u8>>,
        walk: &mut Walk,
    ) -> Result<(), StoreError> {
        let mut unvisited = self.next_accounts(walk).await?;
        // Those who are visited again: after each of the others.
        let mut visited = VecDeque::new();
        for _ in 0..VISITS {
            let first = unvisited.pop_front();
            if let Some(account) = &first {
                walk.account.clone_from(account);
            }
            let Some(account) = first.or_else(|| visited.pop_front()) else { return Ok(()) };
            if let Some(skipped) = self.skip.domains_of(&account) {
                if self.of_other_domains((&account, skipped), limit, ids, walk).await? {
                    visited.push_back(account);
                }
                if ids.len() >= limit {
                    return Ok(());
                }
                continue;
            }
            let after = walk.destination.remove(&account).unwrap_or_default();
            let Some(destination) = self.next_value(Column::Destination, &account, after.clone()).await?
            else {
                continue;
            };
            if !self.skip.has_flow(&account, &destination) {
                let flow = Entity::find()
                    .filter(Column::Account.eq(account.clone()))
                    .filter(Column::Destination.eq(destination.clone()));
                for entry in self.oldest(flow, limit).await? {
                    if ids.len() < limit && !ids.contains(&entry.id) {
                        ids.push(entry.id);
                    }
                }
            }
            let is_full = ids.len() >= limit;
            walk.remember(account.clone(), if is_full { after } else { destination });
            if is_full {
                return Ok(());
            }
            visited.push_back(account);
        }
        walk.goes_on = true;
        Ok(())
    }

    /// The accounts whose turn it is, of those that are not passed over; after the last comes the first.
    async fn next_accounts(&self, walk: &mut Walk) -> Result<VecDeque<Vec<u8>>, StoreError> {
        let mut found = VecDeque::new();
        let mut after = walk.account.clone();
        let mut is_second_time = after.is_empty();
        for _ in 0..LOOKS {
            let Some(account) = self.next_account(after.clone()).await? else {
                if is_second_time {
                    break;
                }
                is_second_time = true;
                after.clear();
                continue;
            };
            after.clone_from(&account);
            if found.contains(&account) {
                break;
            }
            if !self.skip.accounts.contains(&account) && !self.closed.contains(&account) {
                found.push_back(account);
                if found.len() >= ACCOUNTS {
                    break;
                }
            }
        }
        if found.is_empty() {
            walk.account = after;
        }
        Ok(found)
    }

    async fn next_account(&self, after: Vec<u8>) -> Result<Option<Vec<u8>>, StoreError> {
        let next = Entity::find()
            .select_only()
            .column(Column::Account)
            .filter(Column::Account.gt(after))
            .order_by_asc(Column::Account)
            .limit(1);
        Ok(next.into_tuple().one(self.tx).await?)
    }

    /// The next destination, or sending domain, that an account has entries with.
    async fn next_value(
        &self,
        column: Column,
        account: &[u8],
        after: Vec<u8>,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let next = Entity::find()
            .select_only()
            .column(column)
            .filter(Column::Account.eq(account.to_vec()))
            .filter(column.gt(after))
            .order_by_asc(column)
            .limit(1);
        Ok(next.into_tuple().one(self.tx).await?)
    }
}

impl Walk {
    /// Whether there may be more where the last lease did not come.
    pub(crate) const fn goes_on(&self) -> bool {
        self.goes_on
    }

    fn remember(&mut self, account: Vec<u8>, destination: Vec<u8>) {
        if self.destination.len() >= REMEMBERED {
            self.destination.clear();
        }
        self.destination.insert(account, destination);
    }
}

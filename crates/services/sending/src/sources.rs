//! What a message may ask to leave from: addresses and pools that there are, and that are not given to others.

use std::{
    collections::{HashMap, HashSet},
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use waxseal_model::{AccountId, options::DeliveryOptions};
use waxseal_store::{Store, StoreError, sources::Sources};

use crate::error::SendError;

/// The pool of everybody that has no other.
const DEFAULT_POOL: &str = "default";

/// Addresses and pools, read anew only when something changed.
#[derive(Default)]
pub(crate) struct SourceNames(Mutex<Option<(u64, Arc<Names>)>>);

struct Names {
    /// Each with the pools that it is in.
    addresses: HashMap<IpAddr, Vec<String>>,
    /// Each with the accounts that it is given to; none: it is everybody's.
    pools: HashMap<String, HashSet<AccountId>>,
}

impl Names {
    fn new(Sources { sources, pools, assignments }: Sources) -> Self {
        let mut names = Self {
            addresses: sources.iter().map(|source| (source.address, Vec::new())).collect(),
            pools: pools.iter().map(|pool| (pool.name.clone(), HashSet::new())).collect(),
        };
        for (pool, member) in pools.iter().flat_map(|pool| pool.members.iter().map(move |one| (pool, one))) {
            names.addresses.entry(member.address).or_default().push(pool.name.clone());
        }
        for given in assignments.iter().filter(|given| given.pool != DEFAULT_POOL) {
            names.pools.entry(given.pool.clone()).or_default().insert(given.owner.account);
        }
        names
    }

    fn has_pool(&self, account: AccountId, pool: &str) -> bool {
        self.pools.get(pool).is_some_and(|given| given.is_empty() || given.contains(&account))
    }

    /// An address is everybody's unless all of its pools are others'. `None`: there is nothing to say of it.
    fn has_address(&self, account: AccountId, address: IpAddr) -> Option<bool> {
        let pools = self.addresses.get(&address)?;
        Some(pools.is_empty() || pools.iter().any(|pool| self.has_pool(account, pool)))
    }
}

impl SourceNames {
    /// Refuses an address that is none of ours (`configured`, or added since) or only others', and a pool that there is not
    /// or that is others'.
    pub(crate) async fn check(
        &self,
        store: &Store,
        configured: &[IpAddr],
        account: AccountId,
        asked: &DeliveryOptions,
    ) -> Result<(), SendError> {
        let (address, pool) = (asked.sending_ip, asked.sending_ip_pool.as_deref());
        if address.is_none() && pool.is_none() {
            return Ok(());
        }
        let names = self.current(store).await?;
        let may =
            |address| names.has_address(account, address).unwrap_or_else(|| configured.contains(&address));
        if let Some(address) = address.filter(|address| !may(*address)) {
            return Err(not_ours("IP", &address.to_string()));
        }
        match pool.filter(|pool| !names.has_pool(account, pool)) {
            Some(pool) => Err(not_ours("IP pool", pool)),
            None => Ok(()),
        }
    }

    async fn current(&self, store: &Store) -> Result<Arc<Names>, StoreError> {
        // Before they are read: what changes meanwhile is read again.
        let changes = store.source_changes();
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, names)) = known.filter(|(as_of, _)| *as_of == changes) {
            return Ok(names);
        }
        let names = Arc::new(Names::new(store.sources().await?));
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((changes, Arc::clone(&names)));
        Ok(names)
    }
}

fn not_ours(what: &str, value: &str) -> SendError {
    let shown: String = value.chars().filter(|c| !c.is_control()).take(64).collect();
    SendError::Rejected(format!("{what} {shown} can't be used to send the message"))
}

#[cfg(test)]
mod tests {
    use waxseal_model::Timestamp;
    use waxseal_store::{
        relay::RelayOwner,
        sources::{Assignment, Member, Overflow, Pool},
    };

    use super::*;

    #[test]
    fn what_is_given_to_some_is_not_for_others() {
        let (one, other) = (AccountId::from_u128(1), AccountId::from_u128(2));
        let address = |last: u8| IpAddr::from([192, 0, 2, last]);
        let pool = |name: &str, members: &[u8]| Pool {
            name: name.into(),
            members: members.iter().map(|last| Member { address: address(*last), weight: 1 }).collect(),
            overflow: Overflow::Wait,
            created_at: Timestamp::from_secs(0),
        };
        let pools = vec![pool("given", &[1, 2]), pool("open", &[2, 3]), pool("default", &[4])];
        let given =
            |pool: &str| Assignment { owner: RelayOwner { account: one, domain: None }, pool: pool.into() };
        let assignments = vec![given("given"), given("default")];
        let names = Names::new(Sources { sources: Vec::new(), pools, assignments });
        for (pool, others) in [("given", false), ("open", true), ("default", true), ("none", false)] {
            assert_eq!(names.has_pool(other, pool), others, "{pool}");
        }
        assert!(names.has_pool(one, "given"));
        assert_eq!(
            [1, 2, 3, 4].map(|last| names.has_address(other, address(last))),
            [false, true, true, true].map(Some)
        );
        assert_eq!(
            (names.has_address(one, address(1)), names.has_address(one, address(9))),
            (Some(true), None)
        );
    }
}

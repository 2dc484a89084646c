//! What a message may ask to leave from: addresses and pools that there are.

use std::{
    collections::HashSet,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use waxseal_model::options::DeliveryOptions;
use waxseal_store::{Store, StoreError};

use crate::error::SendError;

/// Addresses and pools, read anew only when something changed.
#[derive(Default)]
pub(crate) struct SourceNames(Mutex<Option<(u64, Arc<Names>)>>);

struct Names {
    addresses: HashSet<IpAddr>,
    pools: HashSet<String>,
}

impl SourceNames {
    /// Refuses an address that is none of ours (`configured`, or added since), and a pool that there is not.
    pub(crate) async fn check(
        &self,
        store: &Store,
        configured: &[IpAddr],
        asked: &DeliveryOptions,
    ) -> Result<(), SendError> {
        let (address, pool) = (asked.sending_ip, asked.sending_ip_pool.as_deref());
        if address.is_none_or(|address| configured.contains(&address)) && pool.is_none() {
            return Ok(());
        }
        let names = self.current(store).await?;
        if let Some(address) =
            address.filter(|address| !configured.contains(address) && !names.addresses.contains(address))
        {
            return Err(not_ours("IP", &address.to_string()));
        }
        match pool.filter(|pool| !names.pools.contains(*pool)) {
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
        let sources = store.sources().await?;
        let names = Arc::new(Names {
            addresses: sources.sources.iter().map(|source| source.address).collect(),
            pools: sources.pools.into_iter().map(|pool| pool.name).collect(),
        });
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((changes, Arc::clone(&names)));
        Ok(names)
    }
}

fn not_ours(what: &str, value: &str) -> SendError {
    let shown: String = value.chars().filter(|c| !c.is_control()).take(64).collect();
    SendError::Rejected(format!("{what} {shown} can't be used to send the message"))
}

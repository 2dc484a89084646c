//! Networks that submit without AUTH: kept in memory for a moment, because every connection asks.

use std::{net::IpAddr, sync::Arc, time::Duration};

use waxseal_model::{Access, AccountId, CredentialId, actor, network::Network, purpose};
use waxseal_store::{
    StoreError,
    credential::{NetworkCredential, NewNetworkCredential},
};

use crate::{
    account::Accounts,
    caller::{Caller, Proof},
    smtp::CreateCredentialError,
};

/// The instance's networks as of a moment ago.
#[derive(Default)]
pub(crate) struct NetworkCache {
    read: Option<(Arc<[NetworkCredential]>, Duration)>,
    generation: u64,
    /// The store's count of accounts closed, opened again and erased, as of the last look.
    closed_changes: u64,
}

impl Accounts {
    /// Lets a network submit for the account without AUTH.
    pub async fn create_network_credential(
        &self,
        account: AccountId,
        network: Network,
    ) -> Result<(), CreateCredentialError> {
        if network.prefix() < SHORTEST_PREFIX {
            return Err(CreateCredentialError::TooWide(network));
        }
        let (clock, random) = (&*self.inner.clock, &*self.inner.random);
        let id = CredentialId::new(clock, random);
        let credential = NewNetworkCredential { id, account, network, created_at: clock.now() };
        let created = self.inner.store.create_network_credential(credential).await;
        self.forget_networks();
        created.map_err(|error| match error {
            StoreError::Conflict { .. } => CreateCredentialError::Taken(network.to_string()),
            StoreError::Unavailable(_)
            | StoreError::Full
            | StoreError::Corrupt { .. }
            | StoreError::Erased => error.into(),
        })
    }

    /// The account's networks.
    pub async fn network_credentials(
        &self,
        account: AccountId,
    ) -> Result<Vec<NetworkCredential>, StoreError> {
        let mut networks = self.inner.store.network_credentials().await?;
        networks.retain(|credential| credential.account == account);
        Ok(networks)
    }

    /// Ends a network's right to submit; whether it had one.
    pub async fn delete_network_credential(
        &self,
        account: AccountId,
        id: CredentialId,
    ) -> Result<bool, StoreError> {
        let deleted = self.inner.store.delete_network_credential(account, id).await;
        self.forget_networks();
        deleted
    }

    /// The caller whose network the peer is in (the longest prefix wins).
    pub async fn by_network(&self, peer: IpAddr) -> Result<Option<Caller>, StoreError> {
        let authenticating = Access::new(actor::System, purpose::Authentication);
        let networks = self.networks().await?;
        let found = networks
            .iter()
            .filter(|credential| credential.network.open(&authenticating).contains(peer))
            .max_by_key(|credential| credential.network.open(&authenticating).prefix())
            // Last: who is in a closed account's network does not become somebody of a wider one.
            .filter(|credential| self.inner.store.closed_until_erased(credential.account).is_none());
        Ok(found.map(|credential| Caller {
            account: credential.account,
            only_domain: None,
            proof: Proof::Network(credential.id.to_string()),
            peer: Some(peer),
        }))
    }

    async fn networks(&self) -> Result<Arc<[NetworkCredential]>, StoreError> {
        let now = self.inner.clock.monotonic();
        let generation = {
            let mut cache = self.network_cache();
            let changes = self.inner.store.closed_changes();
            if cache.closed_changes != changes {
                *cache =
                    NetworkCache { read: None, generation: cache.generation + 1, closed_changes: changes };
            }
            if let Some((networks, until)) = &cache.read
                && now < *until
            {
                return Ok(Arc::clone(networks));
            }
            cache.generation
        };
        let networks: Arc<[NetworkCredential]> = self.inner.store.network_credentials().await?.into();
        let mut cache = self.network_cache();
        // Whoever changed the list meanwhile may have done so after it was read.
        if cache.generation == generation {
            cache.read = Some((Arc::clone(&networks), now + LIFETIME));
        }
        Ok(networks)
    }

    fn forget_networks(&self) {
        let mut cache = self.network_cache();
        cache.read = None;
        cache.generation += 1;
    }

    fn network_cache(&self) -> std::sync::MutexGuard<'_, NetworkCache> {
        self.inner.networks.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// `fc00::/7`, the private addresses of IPv6, is the widest network that anybody owns.
const SHORTEST_PREFIX: u8 = 7;
/// How long a change made by another process may go unseen.
const LIFETIME: Duration = Duration::from_secs(5);

//! Which domain of an account stands for a host name or an id.

use waxseal_model::{AccountId, DomainId};
use waxseal_store::{StoreError, domain::Domain};

use crate::{Domains, name};

/// How far above a host name its domain may be.
const MOST_LABELS_ABOVE: usize = 8;

impl Domains {
    /// The account's domain with this id.
    pub async fn by_id(&self, account: AccountId, id: DomainId) -> Result<Option<Domain>, StoreError> {
        self.store().domain(account, id).await
    }

    /// The account's domain that mail from addresses at `host` is sent through: the domain of that name,
    /// or the nearest above it.
    pub async fn of_host(&self, account: AccountId, host: &str) -> Result<Option<Domain>, StoreError> {
        let Ok(host) = name::normalise(host, true) else { return Ok(None) };
        let mut name = host.as_str();
        for _ in 0..=MOST_LABELS_ABOVE {
            if let Some(domain) = self.store().domain_by_name(account, name).await? {
                return Ok(Some(domain));
            }
            match name.split_once('.') {
                Some((_, above)) => name = above,
                None => break,
            }
        }
        Ok(None)
    }
}

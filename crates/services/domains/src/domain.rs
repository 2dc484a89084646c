//! The way in to this crate: making domains, finding them, and their keys.

use std::sync::{Arc, Mutex};

use thiserror::Error;
use waxseal_mail::dkim::Signer;
use waxseal_model::{AccountId, Clock, DomainId, Random, RecipientId};
use waxseal_store::{
    Store, StoreError,
    domain::{Domain, DomainKind, DomainSettings, DomainState, NewDomain},
};

use crate::{
    dns::{self, DnsRecord},
    keys::{self, DomainKeys, DomainKeysError, KeysCache},
    name::{self, DomainNameError},
};

/// What the instance says about itself in DNS records, and how its domains begin.
#[derive(Debug, Clone)]
pub struct DomainsConfig {
    /// Name of this host: what MX and SPF records point to, and the parent of sandbox domains.
    pub hostname: String,
    /// How long accepted messages can be retrieved, in seconds, unless the domain says otherwise.
    pub message_ttl_secs: u32,
}

/// A domain just made, with the DNS records to publish.
pub struct CreatedDomain {
    /// The domain.
    pub domain: Domain,
    /// Records.
    pub dns: Vec<DnsRecord>,
}

/// Why a domain could not be made.
#[derive(Debug, Error)]
pub enum CreateDomainError {
    /// The name is not one to send from.
    #[error(transparent)]
    Name(#[from] DomainNameError),
    /// Somebody has it. The text is the API's.
    #[error("This domain name is already taken")]
    Taken,
    /// There is no such account.
    #[error("there is no account {0}")]
    UnknownAccount(AccountId),
    /// Its keys could not be made.
    #[error(transparent)]
    Keys(#[from] DomainKeysError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Where a return path leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReturnedTo {
    /// Account.
    pub account: AccountId,
    /// Domain.
    pub domain: DomainId,
    /// The recipient whose mail came back, or the first of those of its message at their domain.
    pub recipient: RecipientId,
}

/// Makes domains and knows their keys. Cheap to clone.
#[derive(Clone)]
pub struct Domains {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    config: DomainsConfig,
    keys: Mutex<KeysCache>,
}

impl Domains {
    /// Domains kept in `store`.
    pub fn new(store: Store, clock: Arc<dyn Clock>, random: Arc<dyn Random>, config: DomainsConfig) -> Self {
        Self { inner: Arc::new(Inner { store, clock, random, config, keys: Mutex::default() }) }
    }

    /// Makes a domain whose mail is delivered. It may send at once: the operator of the instance makes
    /// it, and whether its DNS records are published shows in `waxseal check`, not in a refusal.
    pub async fn create(&self, account: AccountId, name: &str) -> Result<CreatedDomain, CreateDomainError> {
        let name = name::normalise(name, false)?;
        self.make(account, name, DomainKind::Custom).await
    }

    /// Makes a sandbox domain, whose mail is kept in the account's inbox; without a name it is called
    /// `sandbox<32 hex>.<hostname>`.
    pub async fn create_sandbox(
        &self,
        account: AccountId,
        name: Option<&str>,
    ) -> Result<CreatedDomain, CreateDomainError> {
        let name = match name {
            Some(name) => name::normalise(name, true)?,
            None => name::normalise(&self.fresh_sandbox_name(), true)?,
        };
        self.make(account, name, DomainKind::Sandbox).await
    }

    /// The account's domain of this name, however it is written.
    pub async fn by_name(&self, account: AccountId, name: &str) -> Result<Option<Domain>, StoreError> {
        match name::normalise(name, true) {
            Ok(name) => self.inner.store.domain_by_name(account, &name).await,
            Err(_) => Ok(None),
        }
    }

    pub(crate) fn store(&self) -> &Store {
        &self.inner.store
    }

    /// The records to publish for a domain.
    pub async fn dns_records(&self, domain: &Domain) -> Result<Vec<DnsRecord>, StoreError> {
        let keys = self.inner.store.dkim_keys(domain.account, domain.id).await?;
        Ok(dns::records(domain, &keys, &self.inner.config.hostname))
    }

    /// The keys of a domain, parsed and ready.
    pub async fn keys(&self, domain: &Domain) -> Result<Arc<DomainKeys>, DomainKeysError> {
        let of = (domain.account, domain.id);
        let now = self.inner.clock.monotonic();
        if let Some(keys) = self.cache().look_up(of, now) {
            return Ok(keys);
        }
        let keys = Arc::new(keys::read(&self.inner.store, domain).await?);
        self.cache().remember(of, Arc::clone(&keys), now);
        Ok(keys)
    }

    /// A signer with the active key `selector` of the account's domain `name`, published as `public`
    /// (domain and selector) if that is given; `None` if the account has no such key.
    pub async fn signer(
        &self,
        account: AccountId,
        name: &str,
        selector: &str,
        public: Option<(&str, &str)>,
    ) -> Result<Option<Signer>, DomainKeysError> {
        let Some(domain) = self.by_name(account, name).await? else { return Ok(None) };
        keys::signer(&self.inner.store, &domain, selector, public).await
    }

    /// Whose mail came back, if `address` is a return path made here; forged ones lead nowhere.
    pub async fn parse_return_path(&self, address: &str) -> Result<Option<ReturnedTo>, DomainKeysError> {
        let Some((local_part, name)) = address.rsplit_once('@') else { return Ok(None) };
        let Ok(name) = name::normalise(name, true) else { return Ok(None) };
        let Some(domain) = self.inner.store.domain_of_instance(&name).await? else { return Ok(None) };
        let keys = self.keys(&domain).await?;
        let recipient = keys.return_path.recipient(local_part);
        Ok(recipient.map(|recipient| ReturnedTo { account: domain.account, domain: domain.id, recipient }))
    }

    async fn make(
        &self,
        account: AccountId,
        name: String,
        kind: DomainKind,
    ) -> Result<CreatedDomain, CreateDomainError> {
        let Inner { store, clock, random, config, .. } = &*self.inner;
        if store.account(account).await?.is_none() {
            return Err(CreateDomainError::UnknownAccount(account));
        }
        // Looked at first because making keys is dear; the store has the last word.
        if store.domain_of_instance(&name).await?.is_some() {
            return Err(CreateDomainError::Taken);
        }
        let mut return_path_key = vec![0u8; 32];
        random.fill(&mut return_path_key);
        let domain = Domain {
            id: DomainId::new(&**clock, &**random),
            account,
            name,
            kind,
            state: DomainState::Active,
            settings: DomainSettings {
                require_tls: false,
                skip_verification: false,
                message_ttl_secs: config.message_ttl_secs,
            },
            created_at: clock.now(),
        };
        let dkim_keys = keys::generate(&**clock, &**random).await?;
        let new = NewDomain {
            id: domain.id,
            account,
            name: domain.name.clone(),
            kind,
            state: domain.state,
            settings: domain.settings.clone(),
            return_path_key,
            created_at: domain.created_at,
            dkim_keys,
        };
        match store.create_domain(new).await {
            Ok(()) => {}
            Err(StoreError::Conflict { .. }) => return Err(CreateDomainError::Taken),
            Err(error) => return Err(error.into()),
        }
        let dns = self.dns_records(&domain).await?;
        Ok(CreatedDomain { domain, dns })
    }

    fn fresh_sandbox_name(&self) -> String {
        let mut bits = [0u8; 16];
        self.inner.random.fill(&mut bits);
        format!("sandbox{:032x}.{}", u128::from_be_bytes(bits), self.inner.config.hostname)
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, KeysCache> {
        self.inner.keys.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

//! The way in to this crate: making domains, finding them, and their keys.

use std::sync::{Arc, Mutex};

use thiserror::Error;
use tokio::sync::Semaphore;
use waxseal_mail::dkim::Signer;
use waxseal_model::{AccountId, Clock, DomainId, Random, RecipientId, Timestamp};
use waxseal_net::Published;
use waxseal_store::{
    Store, StoreError,
    domain::{DkimAuthority, Domain, DomainChange, DomainKind, DomainSettings, DomainState, NewDomain},
};

use crate::{
    dns::{self, DnsRecord},
    keys::{self, DomainKeys, DomainKeysError, KeysCache},
    name::{self, DomainNameError},
    signing_keys::{SelectorError, selector},
    tend::FIRST_LOOK,
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

/// A domain as its owner wants it.
pub struct Wanted {
    /// Name, however it is written.
    pub name: String,
    /// Settings.
    pub settings: DomainSettings,
    /// The selector of its RSA key; a fresh one if absent.
    pub selector: Option<String>,
    /// Whether its own keys sign even if the account has a domain above it.
    pub own_keys: bool,
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
    /// The selector is not one.
    #[error(transparent)]
    Selector(#[from] SelectorError),
    /// Bounces are to come back to a host that is not below the domain.
    #[error("mailfrom_host must be a name below {0}, such as bounce.{0}")]
    MailFromHost(String),
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
    published: Option<Published>,
    /// One at a time makes a key: finding primes takes a core for a while.
    making_keys: Semaphore,
}

impl Domains {
    /// Domains kept in `store`.
    pub fn new(store: Store, clock: Arc<dyn Clock>, random: Arc<dyn Random>, config: DomainsConfig) -> Self {
        let keys = Mutex::default();
        Self {
            inner: Arc::new(Inner {
                store,
                clock,
                random,
                config,
                keys,
                published: None,
                making_keys: Semaphore::new(1),
            }),
        }
    }

    /// The same, and it asks the DNS what domains publish. Before anybody else has it.
    #[must_use]
    pub fn asking(mut self, published: Published) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.inner) {
            inner.published = Some(published);
        }
        self
    }

    /// Makes a domain whose mail is delivered. It may send at once: the operator of the instance makes
    /// it, and whether its DNS records are published shows in `waxseal check`, not in a refusal.
    pub async fn create(&self, account: AccountId, name: &str) -> Result<CreatedDomain, CreateDomainError> {
        let name = name::normalise(name, false)?;
        let wanted = Wanted { name, settings: self.usual_settings(), selector: None, own_keys: true };
        self.make(account, wanted, DomainKind::Custom, DomainState::Active).await
    }

    /// Makes a domain for its owner. It may send once its DNS records are seen ([`Domains::verify`]), for which they are
    /// looked up from time to time.
    pub async fn create_as(
        &self,
        account: AccountId,
        wanted: Wanted,
    ) -> Result<CreatedDomain, CreateDomainError> {
        let name = name::normalise(&wanted.name, false)?;
        let wanted = Wanted { name, ..wanted };
        self.make(account, wanted, DomainKind::Custom, DomainState::Unverified).await
    }

    /// The settings that a domain begins with.
    pub fn usual_settings(&self) -> DomainSettings {
        DomainSettings { message_ttl_secs: self.inner.config.message_ttl_secs, ..DomainSettings::default() }
    }

    /// Changes a domain; the domain as it is then, or nothing if there is none. `change` may be called several times.
    pub async fn change(
        &self,
        domain: &Domain,
        change: impl FnMut(&mut DomainChange) + Send,
    ) -> Result<Option<Domain>, StoreError> {
        let changed = self.inner.store.change_domain(domain.account, domain.id, change).await;
        self.forget_keys(domain.account);
        changed
    }

    /// Deletes a domain; whether there was one. Its name is free at once, and what belonged to it goes after it.
    pub async fn delete(&self, domain: &Domain) -> Result<bool, StoreError> {
        let deleted = self.inner.store.delete_domain(domain.account, domain.id).await;
        self.forget_keys(domain.account);
        if deleted? {
            // At once, because its logins are free then; what a crash leaves of them goes in the background.
            self.inner.store.remove_ways_in(domain.account, domain.id).await?;
            return Ok(true);
        }
        Ok(false)
    }

    /// A host below `domain` for bounces to come back to, in lower-case A-labels.
    pub fn mail_from_host(&self, domain: &str, host: &str) -> Result<String, CreateDomainError> {
        let host = name::normalise(host, false)?;
        let below = host.strip_suffix(domain).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'));
        if below { Ok(host) } else { Err(CreateDomainError::MailFromHost(domain.to_owned())) }
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
        let wanted = Wanted { name, settings: self.usual_settings(), selector: None, own_keys: true };
        self.make(account, wanted, DomainKind::Sandbox, DomainState::Active).await
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

    pub(crate) fn published(&self) -> Option<&Published> {
        self.inner.published.as_ref()
    }

    pub(crate) fn hostname(&self) -> &str {
        &self.inner.config.hostname
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.inner.clock
    }

    pub(crate) fn random(&self) -> &dyn Random {
        &*self.inner.random
    }

    /// The records to publish for a domain.
    pub async fn dns_records(&self, domain: &Domain) -> Result<Vec<DnsRecord>, StoreError> {
        let signing = keys::wished(&self.inner.store, domain).await?;
        let keys = self.inner.store.dkim_keys(signing.account, signing.id).await?;
        Ok(dns::records(domain, &signing.name, &keys, self.hostname()))
    }

    /// The domain whose keys are to sign this one's mail: itself, or one of the account above it.
    pub async fn wished_authority(&self, domain: &Domain) -> Result<Domain, StoreError> {
        keys::wished(&self.inner.store, domain).await
    }

    /// The domain whose keys sign this one's mail now.
    pub async fn authority(&self, domain: &Domain) -> Result<Domain, StoreError> {
        keys::authority(&self.inner.store, domain).await
    }

    /// The keys of a domain, parsed and ready.
    pub async fn keys(&self, domain: &Domain) -> Result<Arc<DomainKeys>, DomainKeysError> {
        let of = (domain.account, domain.id);
        let now = self.inner.clock.monotonic();
        let forgotten = match self.cache().look_up(of, now) {
            Ok(keys) => return Ok(keys),
            Err(forgotten) => forgotten,
        };
        let keys = Arc::new(keys::read(&self.inner.store, domain).await?);
        self.cache().remember(of, Arc::clone(&keys), now, forgotten);
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
        let Some(domain) = self.returned_to(&name).await? else { return Ok(None) };
        let keys = self.keys(&domain).await?;
        let recipient = keys.return_path.recipient(local_part);
        Ok(recipient.map(|recipient| ReturnedTo { account: domain.account, domain: domain.id, recipient }))
    }

    /// The domain whose bounces come back to the host `name`.
    async fn returned_to(&self, name: &str) -> Result<Option<Domain>, StoreError> {
        // Whoever says that it is their host, before whoever made a domain of its name.
        let mut above = name;
        while let Some((_, rest)) = above.split_once('.').filter(|(_, rest)| rest.contains('.')) {
            if let Some(domain) = self.inner.store.domain_of_instance(rest).await?
                && domain.settings.details.mailfrom_host.as_deref() == Some(name)
            {
                return Ok(Some(domain));
            }
            above = rest;
        }
        // What left before the host was set comes back to the domain itself.
        self.inner.store.domain_of_instance(name).await
    }

    async fn make(
        &self,
        account: AccountId,
        wanted: Wanted,
        kind: DomainKind,
        state: DomainState,
    ) -> Result<CreatedDomain, CreateDomainError> {
        let Inner { store, clock, random, .. } = &*self.inner;
        let Wanted { name, mut settings, selector: chosen, own_keys } = wanted;
        let chosen = chosen.map(|chosen| selector(&chosen)).transpose()?;
        if store.account(account).await?.is_none() {
            return Err(CreateDomainError::UnknownAccount(account));
        }
        // Looked at first because making keys is dear; the store has the last word.
        if store.domain_of_instance(&name).await?.is_some() {
            return Err(CreateDomainError::Taken);
        }
        if let Some(host) = settings.details.mailfrom_host.take() {
            settings.details.mailfrom_host = Some(self.mail_from_host(&name, &host)?);
        }
        if !own_keys && keys::above(store, account, &name).await?.is_some() {
            settings.details.dkim_authority = DkimAuthority::Parent;
        }
        let mut dkim_keys = {
            let _one = self.making_keys().acquire().await;
            keys::generate(&**clock, &**random).await?
        };
        if state == DomainState::Unverified {
            // They wait for their records.
            dkim_keys.iter_mut().for_each(|key| key.active = false);
            settings.details.rotation.awaited = dkim_keys.iter().map(|key| key.id.as_u128()).collect();
        }
        let mut return_path_key = vec![0u8; 32];
        random.fill(&mut return_path_key);
        let domain = Domain {
            id: DomainId::new(&**clock, &**random),
            account,
            name,
            kind,
            state,
            settings,
            created_at: clock.now(),
        };
        if let (Some(chosen), Some(first)) = (chosen, dkim_keys.first_mut()) {
            first.selector = chosen;
        }
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
            tend_at: (state == DomainState::Unverified).then(|| clock.now() + FIRST_LOOK),
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

    /// Keys are read anew from now on.
    pub(crate) fn forget_keys(&self, account: AccountId) {
        self.cache().forget(account);
    }

    pub(crate) fn making_keys(&self) -> &Semaphore {
        &self.inner.making_keys
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, KeysCache> {
        self.inner.keys.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

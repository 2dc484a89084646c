//! Keys of a domain, ready for use: parsed once and kept in memory while mail flows.

use std::{collections::HashMap, sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use thiserror::Error;
use waxseal_mail::dkim::{self, DkimError, Signer};
use waxseal_model::{Access, AccountId, Clock, DomainId, KeyId, Random, actor, purpose};
use waxseal_store::{
    Store, StoreError,
    domain::{DkimAlgorithm, DkimAuthority, DkimKey, Domain, DomainKind, DomainState, NewDkimKey},
};

use crate::{dns::algorithm, return_path::ReturnPath};

/// What mail of a domain is signed and addressed with.
pub struct DomainKeys {
    /// A signer for each active key, RSA first: what most receivers check.
    pub signers: Vec<Signer>,
    /// Return paths.
    pub return_path: ReturnPath,
}

/// Keys of a domain could not be had.
#[derive(Debug, Error)]
pub enum DomainKeysError {
    /// There is no such domain, or its return-path key is gone.
    #[error("the domain has no keys")]
    Missing,
    /// A stored key cannot be parsed.
    #[error("a DKIM key of the domain cannot be used: {0}")]
    Dkim(#[from] DkimError),
    /// Making a key was interrupted.
    #[error("making a key was interrupted")]
    Interrupted,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<DomainKeysError> for StoreError {
    /// To a caller, keys that cannot be had are a store that does not answer: nothing was accepted, try
    /// again later.
    fn from(error: DomainKeysError) -> Self {
        match error {
            DomainKeysError::Store(error) => error,
            DomainKeysError::Missing | DomainKeysError::Dkim(_) | DomainKeysError::Interrupted => {
                Self::Unavailable(Box::new(error))
            }
        }
    }
}

/// Keys in memory, each until its time; at most [`MOST`] domains.
#[derive(Default)]
pub(crate) struct KeysCache {
    keys: HashMap<(AccountId, DomainId), (Arc<DomainKeys>, Duration)>,
    /// How often something was forgotten: what was read before that is not remembered after it.
    forgotten: u64,
}

impl KeysCache {
    /// The keys, or the count to remember them with.
    pub(crate) fn look_up(&self, of: (AccountId, DomainId), now: Duration) -> Result<Arc<DomainKeys>, u64> {
        let found = self.keys.get(&of).filter(|(_, until)| now < *until);
        found.map(|(keys, _)| Arc::clone(keys)).ok_or(self.forgotten)
    }

    pub(crate) fn remember(
        &mut self,
        of: (AccountId, DomainId),
        keys: Arc<DomainKeys>,
        now: Duration,
        forgotten: u64,
    ) {
        if forgotten != self.forgotten {
            return;
        }
        if self.keys.len() >= MOST {
            self.keys.retain(|_, (_, until)| now < *until);
            if self.keys.len() >= MOST {
                self.keys.clear();
            }
        }
        self.keys.insert(of, (keys, now + LIFETIME));
    }

    /// Forgets the keys of an account: its domains sign for one another.
    pub(crate) fn forget(&mut self, account: AccountId) {
        self.forgotten += 1;
        self.keys.retain(|(of, _), _| *of != account);
    }
}

pub(crate) async fn read(store: &Store, domain: &Domain) -> Result<DomainKeys, DomainKeysError> {
    let signing = Access::new(actor::System, purpose::Signing);
    let key = store.return_path_key(domain.account, domain.id).await?.ok_or(DomainKeysError::Missing)?;
    let returned = domain.settings.details.mailfrom_host.as_ref().unwrap_or(&domain.name);
    let return_path = ReturnPath::new(domain.id, returned, key.open(&signing));
    let authority = authority(store, domain).await?;
    let mut stored = store.dkim_keys(authority.account, authority.id).await?;
    stored.retain(|key| key.active);
    stored.sort_by_key(|key| key.algorithm != DkimAlgorithm::RsaSha256);
    let signers = stored.iter().map(|key| signer_of(key, &authority.name, &key.selector, &signing));
    Ok(DomainKeys { signers: signers.collect::<Result<_, _>>()?, return_path })
}

/// The domain whose keys are to sign this one's mail.
pub(crate) async fn wished(store: &Store, domain: &Domain) -> Result<Domain, StoreError> {
    let above = match domain.settings.details.dkim_authority {
        DkimAuthority::Own => None,
        DkimAuthority::Parent => above(store, domain.account, &domain.name).await?,
    };
    Ok(above.unwrap_or_else(|| domain.clone()))
}

/// The domain whose keys sign this one's mail: one that has no key of its own yet goes on with those of the domain above it.
pub(crate) async fn authority(store: &Store, domain: &Domain) -> Result<Domain, StoreError> {
    let wished = wished(store, domain).await?;
    if wished.id != domain.id || signs(store, domain).await? {
        return Ok(wished);
    }
    Ok(above(store, domain.account, &domain.name).await?.unwrap_or(wished))
}

/// The nearest domain of the account above this name that sends, with keys of its own.
pub(crate) async fn above(
    store: &Store,
    account: AccountId,
    name: &str,
) -> Result<Option<Domain>, StoreError> {
    let mut rest = name;
    while let Some((_, above)) = rest.split_once('.').filter(|(_, above)| above.contains('.')) {
        if let Some(found) = store.domain_by_name(account, above).await?
            && found.kind == DomainKind::Custom
            && found.state == DomainState::Active
            && signs(store, &found).await?
        {
            return Ok(Some(found));
        }
        rest = above;
    }
    Ok(None)
}

/// Whether a key of the domain's own signs.
async fn signs(store: &Store, domain: &Domain) -> Result<bool, StoreError> {
    let keys = store.dkim_keys(domain.account, domain.id).await?;
    Ok(keys.iter().any(|key| key.active))
}

fn signer_of(
    key: &DkimKey,
    domain: &str,
    selector: &str,
    signing: &Access<purpose::Signing>,
) -> Result<Signer, DkimError> {
    Signer::new(domain, selector, algorithm(key.algorithm), key.private_key.open(signing))
}

/// A signer with one active key of a domain, perhaps under another name.
pub(crate) async fn signer(
    store: &Store,
    domain: &Domain,
    selector: &str,
    public: Option<(&str, &str)>,
) -> Result<Option<Signer>, DomainKeysError> {
    let signing = Access::new(actor::System, purpose::Signing);
    let keys = store.dkim_keys(domain.account, domain.id).await?;
    let found = keys.iter().find(|key| key.active && key.selector.eq_ignore_ascii_case(selector));
    let Some(key) = found else { return Ok(None) };
    let (name, selector) = public.unwrap_or((domain.name.as_str(), key.selector.as_str()));
    Ok(Some(signer_of(key, name, selector, &signing)?))
}

/// A new pair of keys: PKCS#8 DER of the private half, and what `p=` holds before base64. Finding primes takes a core
/// for a while.
pub fn pair(kind: DkimAlgorithm) -> Option<(Vec<u8>, Vec<u8>)> {
    let pair = dkim::generate(algorithm(kind)).ok()?;
    let public = STANDARD.decode(pair.public.as_bytes()).ok()?;
    Some((pair.private_pkcs8.to_vec(), public))
}

/// An RSA-2048 and an Ed25519 key under selectors of their own. Finding primes takes a core for a while,
/// so it is done off the async workers.
pub(crate) async fn generate(
    clock: &dyn Clock,
    random: &dyn Random,
) -> Result<Vec<NewDkimKey>, DomainKeysError> {
    let made = tokio::task::spawn_blocking(|| {
        [DkimAlgorithm::RsaSha256, DkimAlgorithm::Ed25519Sha256]
            .map(|kind| dkim::generate(algorithm(kind)).map(|pair| (kind, pair)))
    });
    let base = selector_base(random);
    let mut keys = Vec::with_capacity(2);
    for pair in made.await.map_err(|_| DomainKeysError::Interrupted)? {
        let (algorithm, pair) = pair?;
        let public_key = STANDARD.decode(pair.public.as_bytes()).map_err(|_| DomainKeysError::Missing)?;
        let selector = selector(&base, algorithm);
        let (id, created_at) = (KeyId::new(clock, random), clock.now());
        keys.push(NewDkimKey {
            id,
            selector,
            algorithm,
            private_key: pair.private_pkcs8.to_vec(),
            public_key,
            active: true,
            created_at,
        });
    }
    Ok(keys)
}

/// An RSA key under a selector; a fresh one if none is given. It signs nothing yet.
pub(crate) fn rsa_key(
    clock: &dyn Clock,
    random: &dyn Random,
    pair: &dkim::KeyPair,
    chosen: Option<String>,
) -> Result<NewDkimKey, DomainKeysError> {
    let algorithm = DkimAlgorithm::RsaSha256;
    Ok(NewDkimKey {
        id: KeyId::new(clock, random),
        selector: chosen.unwrap_or_else(|| selector(&selector_base(random), algorithm)),
        algorithm,
        private_key: pair.private_pkcs8.to_vec(),
        public_key: STANDARD.decode(pair.public.as_bytes()).map_err(|_| DomainKeysError::Missing)?,
        active: false,
        created_at: clock.now(),
    })
}

/// Selectors differ from domain to domain and from making to making, so that a key of another server, or
/// of an earlier making that DNS caches still hold, never stands in the way.
fn selector_base(random: &dyn Random) -> String {
    const LETTERS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    (0..4).map(|_| char::from(LETTERS[random.below(32) as usize])).collect()
}

fn selector(base: &str, algorithm: DkimAlgorithm) -> String {
    let end = match algorithm {
        DkimAlgorithm::RsaSha256 => 'r',
        DkimAlgorithm::Ed25519Sha256 => 'e',
    };
    format!("wx{base}{end}")
}

const MOST: usize = 10_000;
/// How long a change made by another process may go unseen.
const LIFETIME: Duration = Duration::from_secs(60);

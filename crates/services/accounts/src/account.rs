//! The way in to this crate: [`Accounts`], and the making of an account.

use std::sync::{Arc, Mutex};

use waxseal_model::{AccountId, Clock, KeyId, Random, Timestamp};
use waxseal_store::{
    Store, StoreError,
    account::{AccountProfile, KeyScope, NewAccount},
};

use crate::{
    api_key::{FreshKey, new_key},
    key_cache::KeyCache,
    network::NetworkCache,
    password::PasswordHasher,
    verified::VerifiedLogins,
};

/// An account just made.
pub struct FreshAccount {
    /// Id.
    pub id: AccountId,
    /// Its first, all-powerful key.
    pub key: FreshKey,
    /// Time of making.
    pub created_at: Timestamp,
}

/// Why an account could not be made.
#[derive(Debug, thiserror::Error)]
pub enum CreateAccountError {
    /// The name is empty or long.
    #[error("the name must have 1 to 200 characters and no control characters")]
    Name,
    /// The address for service mail is not `local@domain`.
    #[error("the e-mail address must be a full address such as ops@example.org")]
    Email,
    /// The company's name is long.
    #[error("the company must have at most 200 characters and no control characters")]
    Company,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Makes accounts and keys and knows whose they are. Cheap to clone.
#[derive(Clone)]
pub struct Accounts {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) hasher: PasswordHasher,
    pub(crate) verified: VerifiedLogins,
    pub(crate) keys: Mutex<KeyCache>,
    pub(crate) networks: Mutex<NetworkCache>,
}

impl Accounts {
    /// Accounts kept in `store`.
    pub fn new(store: Store, clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        let hasher = PasswordHasher::new(&*random);
        let verified = VerifiedLogins::new(&*random);
        let keys = Mutex::default();
        let networks = Mutex::default();
        Self { inner: Arc::new(Inner { store, clock, random, hasher, verified, keys, networks }) }
    }

    /// Makes an account with its first key.
    pub async fn create(
        &self,
        name: &str,
        email: &str,
        company: Option<&str>,
    ) -> Result<FreshAccount, CreateAccountError> {
        let profile = profile(name, email, company)?;
        let Inner { store, clock, random, .. } = &*self.inner;
        let id = AccountId::new(&**clock, &**random);
        let created_at = clock.now();
        let key_id = KeyId::new(&**clock, &**random);
        let (key, row) = new_key(&**random, key_id, id, KeyScope::Account, "first key", created_at);
        store.create_account(NewAccount { id, created_at, profile }, row).await?;
        Ok(FreshAccount { id, key, created_at })
    }
}

fn profile(name: &str, email: &str, company: Option<&str>) -> Result<AccountProfile, CreateAccountError> {
    let name = name.trim();
    if name.is_empty() || !is_short_line(name) {
        return Err(CreateAccountError::Name);
    }
    let email = email.trim();
    if !is_address_like(email) {
        return Err(CreateAccountError::Email);
    }
    let company = company.map(str::trim).filter(|company| !company.is_empty());
    if company.is_some_and(|company| !is_short_line(company)) {
        return Err(CreateAccountError::Company);
    }
    Ok(AccountProfile { name: name.into(), email: email.into(), company: company.map(Into::into) })
}

fn is_short_line(text: &str) -> bool {
    text.chars().count() <= LONGEST_NAME && !text.chars().any(char::is_control)
}

/// Only a typing error is caught here: whether the address works is seen when it is written to.
fn is_address_like(text: &str) -> bool {
    let bad = |c: char| c.is_control() || c.is_whitespace() || matches!(c, '<' | '>' | ',' | ';');
    text.len() <= LONGEST_ADDRESS
        && !text.contains(bad)
        && text.rsplit_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty())
}

const LONGEST_NAME: usize = 200;
/// RFC 5321, section 4.5.3.1.3, without the angle brackets.
const LONGEST_ADDRESS: usize = 254;

//! The DKIM keys of a domain as its owner manages them.
//!
//! A key of a domain whose mail leaves signs once its record was seen: until then it waits (`Rotation::awaits`).

use thiserror::Error;
use waxseal_mail::dkim::{self, DkimError, KeyPair};
use waxseal_model::{Access, KeyId, actor, purpose};
use waxseal_store::{
    StoreError,
    domain::{
        Changed, DkimAlgorithm, DkimKey, Domain, DomainChange, DomainKind, DomainState, KeyChange, NewDkimKey,
    },
};

use crate::{
    dns::{self, DnsRecord},
    domain::Domains,
    keys::{self, DomainKeysError},
};

/// RSA keys of a domain, at most.
pub const MOST_KEYS: usize = 3;
/// Bytes of a selector (a label of the DNS).
const LONGEST_SELECTOR: usize = 63;
/// Bytes of a PEM, at most: more than a key of the longest kind takes.
const LONGEST_PEM: usize = 16 * 1024;

/// A text is not a selector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "a selector has letters, digits, hyphens and single dots between them, {LONGEST_SELECTOR} characters at most"
)]
pub struct SelectorError;

/// The domain was deleted meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("Domain not found")]
pub struct Gone;

/// A key of a domain with the record that publishes it.
pub struct SigningKey {
    /// The key.
    pub key: DkimKey,
    /// Its record.
    pub record: DnsRecord,
}

/// Where a new key comes from.
pub enum KeySource {
    /// It is made here.
    Fresh,
    /// It was made elsewhere: PEM, PKCS#1 or PKCS#8.
    Pem(Vec<u8>),
}

/// Why a key was not added.
#[derive(Debug, Error)]
pub enum AddKeyError {
    /// The selector is not one.
    #[error(transparent)]
    Selector(#[from] SelectorError),
    /// The domain has a key with this selector. The text is the API's.
    #[error("failed to create domain key: duplicate key")]
    Duplicate,
    /// It has as many as it may have.
    #[error("failed to create domain key: a domain has at most {MOST_KEYS} keys; delete one first")]
    TooMany,
    /// The PEM is none. The text is the API's.
    #[error("failed to import domain key: failed to parse PEM")]
    Pem,
    /// The key is too short, or so long that each signature would be dear.
    #[error("failed to import domain key: RSA keys have 2048 to 4096 bits")]
    Size,
    /// It could not be made.
    #[error(transparent)]
    Keys(#[from] DomainKeysError),
    /// There is no such domain any more.
    #[error(transparent)]
    Gone(#[from] Gone),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a key was not changed.
#[derive(Debug, Error)]
pub enum ChangeKeyError {
    /// There is none with this selector. The text is the API's.
    #[error("domain key not found")]
    NotFound,
    /// Nothing would sign any more. The text is the API's.
    #[error("cannot {0} domain key: must have at least one active domain key")]
    LastActive(&'static str),
    /// There is no room for another key.
    #[error("a domain has at most {MOST_KEYS} keys; delete one first")]
    TooMany,
    /// Another key has the selector.
    #[error("another key of the domain has this selector")]
    Taken,
    /// The selector is not one.
    #[error(transparent)]
    Selector(#[from] SelectorError),
    /// There is no such domain any more.
    #[error(transparent)]
    Gone(#[from] Gone),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A selector in lower case.
pub fn selector(text: &str) -> Result<String, SelectorError> {
    let text = text.trim().to_ascii_lowercase();
    let label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if text.len() <= LONGEST_SELECTOR && text.split('.').all(label) { Ok(text) } else { Err(SelectorError) }
}

impl Domains {
    /// A domain's own keys with their records, oldest first.
    pub async fn signing_keys(&self, domain: &Domain) -> Result<Vec<SigningKey>, StoreError> {
        let keys = self.store().dkim_keys(domain.account, domain.id).await?;
        let with_record = |key| SigningKey { record: dns::dkim_record(&domain.name, &key), key };
        Ok(keys.into_iter().map(with_record).collect())
    }

    /// Changes a domain with its keys, all at once or, if `change` refuses, nothing.
    pub(crate) async fn change_keys<E>(
        &self,
        domain: &Domain,
        add: Option<NewDkimKey>,
        mut change: impl FnMut(&mut DomainChange) -> Result<(), E> + Send,
    ) -> Result<Domain, E>
    where
        E: From<StoreError> + From<Gone> + Send,
    {
        let mut refused = None;
        let go_on = |wanted: &mut DomainChange| match change(wanted) {
            Ok(()) => true,
            Err(error) => {
                refused = Some(error);
                false
            }
        };
        let changed = self.store().change_domain_if(domain.account, domain.id, add, go_on).await;
        self.forget_keys(domain.account);
        match (changed?, refused) {
            (Changed::Done(domain), _) => Ok(*domain),
            (Changed::Refused, Some(error)) => Err(error),
            (Changed::Refused | Changed::Gone, _) => Err(Gone.into()),
        }
    }

    /// Adds an RSA key. It signs nothing until it is activated.
    pub async fn add_key(
        &self,
        domain: &Domain,
        selector: &str,
        source: KeySource,
    ) -> Result<SigningKey, AddKeyError> {
        let selector = self::selector(selector)?;
        // Looked at first because keys are dear; the change has the last word.
        let known = self.signing_keys(domain).await?;
        if known.iter().any(|kept| kept.key.selector == selector) {
            return Err(AddKeyError::Duplicate);
        }
        let pair = match source {
            KeySource::Fresh => self.fresh_pair().await?,
            KeySource::Pem(pem) => self.pair_of(pem).await?,
        };
        let new = keys::rsa_key(self.clock(), self.random(), &pair, Some(selector))?;
        self.keep(domain, new, |_| {}).await
    }

    /// A new pair of RSA keys. One is made at a time: finding primes takes a core for a while.
    async fn fresh_pair(&self) -> Result<KeyPair, AddKeyError> {
        let _one = self.making_keys().acquire().await;
        let made = tokio::task::spawn_blocking(|| dkim::generate(dkim::Algorithm::Rsa2048));
        let pair = made.await.map_err(|_| DomainKeysError::Interrupted)?;
        Ok(pair.map_err(DomainKeysError::Dkim)?)
    }

    async fn pair_of(&self, pem: Vec<u8>) -> Result<KeyPair, AddKeyError> {
        if pem.len() > LONGEST_PEM {
            return Err(AddKeyError::Pem);
        }
        let _one = self.making_keys().acquire().await;
        let read = tokio::task::spawn_blocking(move || dkim::from_pem(&pem));
        let pair = read.await.map_err(|_| DomainKeysError::Interrupted)?;
        pair.map_err(|error| match error {
            DkimError::KeySize => AddKeyError::Size,
            _ => AddKeyError::Pem,
        })
    }

    /// Adds a key if there is room for it, with a change of the domain.
    async fn keep(
        &self,
        domain: &Domain,
        new: NewDkimKey,
        mut with: impl FnMut(&mut DomainChange) + Send,
    ) -> Result<SigningKey, AddKeyError> {
        let (id, selector) = (new.id, new.selector.clone());
        let added = self.change_keys(domain, Some(new), |change| {
            with(change);
            let left = || change.keys.iter().filter(|key| !key.is_deleted);
            if left().any(|key| key.selector == selector) {
                return Err(AddKeyError::Duplicate);
            }
            let rsa = left().filter(|key| key.algorithm == DkimAlgorithm::RsaSha256).count();
            if rsa >= MOST_KEYS { Err(AddKeyError::TooMany) } else { Ok(()) }
        });
        let domain = added.await?;
        let kept = self.signing_keys(&domain).await?.into_iter().find(|kept| kept.key.id == id);
        // It was written a moment ago: who does not find it now, has deleted it.
        Ok(kept.ok_or(Gone)?)
    }

    /// Lets the key with this selector sign, or not. Where mail leaves, it signs once the DNS has its record, and is not
    /// active until then. The last one that signs goes on.
    pub async fn switch_key(
        &self,
        domain: &Domain,
        selector: &str,
        active: bool,
    ) -> Result<SigningKey, ChangeKeyError> {
        let found = self.find(domain, selector).await?;
        let id = found.key.id;
        let waits = active
            && domain.kind == DomainKind::Custom
            && !found.key.active
            && !self.is_published(domain, &found.record).await;
        let now = self.now();
        self.change_keys(domain, None, |change| {
            if !active && !others_sign(change, id) {
                return Err(ChangeKeyError::LastActive("deactivate"));
            }
            let key = change.keys.iter_mut().find(|key| key.id == id).ok_or(ChangeKeyError::NotFound)?;
            key.active = active && (key.active || !waits);
            let is_on = key.active;
            let rotation = &mut change.settings.details.rotation;
            rotation.awaited.retain(|key| *key != id.as_u128());
            // A key that its owner wants again is not one that was replaced.
            rotation.retired.retain(|(key, _)| !active || *key != id.as_u128());
            if active && !is_on {
                rotation.awaited.push(id.as_u128());
                change.tend_at = Some(now);
            }
            Ok(())
        })
        .await?;
        self.find(domain, selector).await
    }

    /// Deletes the key with this selector, unless nothing would sign any more.
    pub async fn delete_key(&self, domain: &Domain, selector: &str) -> Result<(), ChangeKeyError> {
        let id = self.find(domain, selector).await?.key.id;
        self.change_keys(domain, None, |change| {
            if !others_sign(change, id) {
                return Err(ChangeKeyError::LastActive("delete"));
            }
            remove(change, id);
            Ok(())
        })
        .await
        .map(drop)
    }

    /// Publishes the RSA key that signs under another selector. Where mail leaves already, it signs under the one that it has
    /// until the DNS has the other's record; that is answered then.
    pub async fn rename_selector(
        &self,
        domain: &Domain,
        selector: &str,
    ) -> Result<Option<SigningKey>, ChangeKeyError> {
        let selector = self::selector(selector)?;
        let keys = self.signing_keys(domain).await?;
        let rotation = &domain.settings.details.rotation;
        let successor = rotation.successor();
        let is_rsa = |kept: &&SigningKey| kept.key.algorithm == DkimAlgorithm::RsaSha256;
        let signs = |kept: &&SigningKey| {
            kept.key.active || (Some(kept.key.id) != successor && rotation.awaits(kept.key.id))
        };
        let current = keys.iter().filter(is_rsa).find(signs).ok_or(ChangeKeyError::NotFound)?;
        if current.key.selector == selector {
            return Ok(None);
        }
        if let Some(taken) = keys.iter().find(|kept| kept.key.selector == selector) {
            // Asked for again: it waits already.
            let is_same = Some(taken.key.id) == successor;
            return if is_same { Ok(None) } else { Err(ChangeKeyError::Taken) };
        }
        let id = current.key.id;
        if domain.state == DomainState::Unverified {
            self.change_keys::<ChangeKeyError>(domain, None, |change| {
                let key = change.keys.iter_mut().find(|key| key.id == id).ok_or(ChangeKeyError::NotFound)?;
                key.selector.clone_from(&selector);
                Ok(())
            })
            .await?;
            return Ok(None);
        }
        let signing = Access::new(actor::System, purpose::Signing);
        let renamed = NewDkimKey {
            id: KeyId::new(self.clock(), self.random()),
            selector,
            algorithm: current.key.algorithm,
            private_key: current.key.private_key.open(&signing).clone(),
            public_key: current.key.public_key.clone(),
            active: false,
            created_at: self.now(),
        };
        let kept = self.keep_next(domain, renamed, true).await.map_err(|error| match error {
            AddKeyError::Store(error) => ChangeKeyError::Store(error),
            AddKeyError::Gone(gone) => ChangeKeyError::Gone(gone),
            AddKeyError::TooMany => ChangeKeyError::TooMany,
            _ => ChangeKeyError::Taken,
        })?;
        Ok(Some(kept))
    }

    /// The key with this selector.
    async fn find(&self, domain: &Domain, selector: &str) -> Result<SigningKey, ChangeKeyError> {
        let mut keys = self.signing_keys(domain).await?;
        let selector = selector.trim();
        let at = keys.iter().position(|kept| kept.key.selector.eq_ignore_ascii_case(selector));
        Ok(keys.swap_remove(at.ok_or(ChangeKeyError::NotFound)?))
    }

    /// Makes the key that is to sign next, unless there is one already. It begins once the DNS has its record, and the
    /// one before ends then: no message is signed with a key that nobody can look up.
    pub async fn rotate(&self, domain: &Domain) -> Result<SigningKey, AddKeyError> {
        let keys = self.signing_keys(domain).await?;
        let waiting = domain.settings.details.rotation.successor();
        if let Some(found) = keys.into_iter().find(|kept| Some(kept.key.id) == waiting) {
            return Ok(found);
        }
        let pair = self.fresh_pair().await?;
        let new = keys::rsa_key(self.clock(), self.random(), &pair, None)?;
        self.keep_next(domain, new, false).await
    }

    /// Keeps the key that is to sign next. One that waits already makes room for it, or stays.
    async fn keep_next(
        &self,
        domain: &Domain,
        new: NewDkimKey,
        instead: bool,
    ) -> Result<SigningKey, AddKeyError> {
        let (id, now) = (new.id, self.now());
        self.keep(domain, new, |change| {
            if let Some(before) = change.settings.details.rotation.successor().filter(|_| instead) {
                // It never signed.
                remove(change, before);
            }
            change.settings.details.rotation.successor = Some(id.as_u128());
            change.tend_at = Some(now);
        })
        .await
    }
}

/// Whether mail of the domain is signed, or will be, without this key.
fn others_sign(change: &DomainChange, id: KeyId) -> bool {
    let waits = |key: &KeyChange| change.settings.details.rotation.awaited.contains(&key.id.as_u128());
    let signs_now = change.keys.iter().any(|key| key.active);
    change.keys.iter().filter(|key| key.id != id).any(|key| key.active || (!signs_now && waits(key)))
}

/// Takes a key out.
pub(crate) fn remove(change: &mut DomainChange, id: KeyId) {
    change.keys.iter_mut().filter(|key| key.id == id).for_each(|key| key.is_deleted = true);
    let rotation = &mut change.settings.details.rotation;
    rotation.awaited.retain(|key| *key != id.as_u128());
    rotation.retired.retain(|(key, _)| *key != id.as_u128());
    if rotation.successor() == Some(id) {
        rotation.successor = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_is_a_name_below_domainkey() {
        assert_eq!(selector(" K1 "), Ok("k1".into()));
        assert_eq!(selector("2026.news"), Ok("2026.news".into()));
        for text in ["", "a b", "a..b", ".a", "a.", "-a", "a-", "ä", "a\r\nb", &"a".repeat(64)] {
            assert_eq!(selector(text), Err(SelectorError), "{text:?}");
        }
    }
}

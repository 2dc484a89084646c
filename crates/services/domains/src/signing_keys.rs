//! The DKIM keys of a domain as its owner manages them.

use thiserror::Error;
use waxseal_mail::dkim::{self, DkimError};
use waxseal_model::{Access, KeyId, actor, purpose};
use waxseal_store::{
    StoreError,
    domain::{DkimAlgorithm, DkimKey, Domain, DomainKind, DomainState, NewDkimKey},
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

/// A text is not a selector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "a selector has letters, digits, hyphens and single dots between them, {LONGEST_SELECTOR} characters at most"
)]
pub struct SelectorError;

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
    /// The key is too short.
    #[error("failed to import domain key: RSA keys have 2048 bits or more (RFC 8301)")]
    Short,
    /// It could not be made.
    #[error(transparent)]
    Keys(#[from] DomainKeysError),
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

    /// Adds an RSA key. It signs nothing until it is activated.
    pub async fn add_key(
        &self,
        domain: &Domain,
        selector: &str,
        source: KeySource,
    ) -> Result<SigningKey, AddKeyError> {
        let selector = self::selector(selector)?;
        self.room_for(domain, &selector).await?;
        let new = match source {
            KeySource::Fresh => keys::generate_rsa(self.clock(), self.random(), Some(selector)).await?,
            KeySource::Pem(pem) => {
                let pair = dkim::from_pem(&pem).map_err(|error| match error {
                    DkimError::ShortKey => AddKeyError::Short,
                    _ => AddKeyError::Pem,
                })?;
                keys::rsa_key(self.clock(), self.random(), &pair, Some(selector))?
            }
        };
        self.keep(domain, new).await.map_err(Into::into)
    }

    async fn room_for(&self, domain: &Domain, selector: &str) -> Result<(), AddKeyError> {
        let known = self.store().dkim_keys(domain.account, domain.id).await?;
        if known.iter().any(|key| key.selector.eq_ignore_ascii_case(selector)) {
            return Err(AddKeyError::Duplicate);
        }
        if known.iter().filter(|key| key.algorithm == DkimAlgorithm::RsaSha256).count() >= MOST_KEYS {
            return Err(AddKeyError::TooMany);
        }
        Ok(())
    }

    pub(crate) async fn keep(&self, domain: &Domain, new: NewDkimKey) -> Result<SigningKey, StoreError> {
        let id = new.id;
        self.store().add_dkim_key(domain.account, domain.id, new).await?;
        self.forget_keys();
        let added = self.signing_keys(domain).await?.into_iter().find(|kept| kept.key.id == id);
        // It was written a moment ago: who does not find it now, has deleted it or its domain.
        added.ok_or(StoreError::Conflict { what: "dkim key" })
    }

    /// Lets the key with this selector sign, or not. Where mail leaves already, it signs once the DNS has its record, and is
    /// not active until then. The last one that signs goes on.
    pub async fn switch_key(
        &self,
        domain: &Domain,
        selector: &str,
        active: bool,
    ) -> Result<SigningKey, ChangeKeyError> {
        let (mut found, others) = self.find(domain, selector).await?;
        if !active && found.key.active && !others.iter().any(|other| other.active) {
            return Err(ChangeKeyError::LastActive("deactivate"));
        }
        let id = found.key.id;
        let leaves = domain.kind == DomainKind::Custom && domain.state != DomainState::Unverified;
        let waits = active && leaves && !found.key.active && !self.is_published(domain, &found.record).await;
        let now = self.now();
        self.change(domain, |change| {
            let awaited = &mut change.settings.details.rotation.awaited;
            awaited.retain(|key| *key != id.as_u128());
            if waits {
                awaited.push(id.as_u128());
                change.tend_at = Some(now);
            }
        })
        .await?;
        if waits {
            return Ok(found);
        }
        let (on, off) = if active { (vec![id], vec![]) } else { (vec![], vec![id]) };
        self.store().switch_dkim_keys(domain.account, domain.id, on, off).await?;
        self.forget_keys();
        found.key.active = active;
        Ok(found)
    }

    /// Deletes the key with this selector, unless nothing would sign any more.
    pub async fn delete_key(&self, domain: &Domain, selector: &str) -> Result<(), ChangeKeyError> {
        let (found, others) = self.find(domain, selector).await?;
        if !others.iter().any(|other| other.active) {
            return Err(ChangeKeyError::LastActive("delete"));
        }
        self.store().delete_dkim_key(domain.account, found.key.id).await?;
        self.forget_keys();
        Ok(())
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
        let signs = |kept: &&SigningKey| kept.key.active && kept.key.algorithm == DkimAlgorithm::RsaSha256;
        let current = keys.iter().find(signs).ok_or(ChangeKeyError::NotFound)?;
        let id = current.key.id;
        if keys.iter().any(|kept| kept.key.id != id && kept.key.selector == selector) {
            return Err(ChangeKeyError::Taken);
        }
        if current.key.selector == selector {
            return Ok(None);
        }
        if domain.state == DomainState::Unverified {
            self.store().rename_dkim_key(domain.account, id, &selector).await?;
            self.forget_keys();
            return Ok(None);
        }
        if let Some(waiting) = domain.settings.details.rotation.successor() {
            // It never signed, and this one takes its place.
            self.store().delete_dkim_key(domain.account, waiting).await?;
        }
        match self.room_for(domain, &selector).await {
            Err(AddKeyError::TooMany) => return Err(ChangeKeyError::TooMany),
            Err(AddKeyError::Store(error)) => return Err(error.into()),
            _ => {}
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
        let kept = self.keep(domain, renamed).await?;
        self.wait_for(domain, kept.key.id).await?;
        Ok(Some(kept))
    }

    /// The key with this selector, and all others of the domain.
    async fn find(
        &self,
        domain: &Domain,
        selector: &str,
    ) -> Result<(SigningKey, Vec<DkimKey>), ChangeKeyError> {
        let mut keys = self.signing_keys(domain).await?;
        let selector = selector.trim();
        let at = keys.iter().position(|kept| kept.key.selector.eq_ignore_ascii_case(selector));
        let found = keys.swap_remove(at.ok_or(ChangeKeyError::NotFound)?);
        Ok((found, keys.into_iter().map(|kept| kept.key).collect()))
    }

    /// Makes the key that is to sign next, unless there is one already. It begins once the DNS has its record, and the
    /// one before ends then: no message is signed with a key that nobody can look up.
    pub async fn rotate(&self, domain: &Domain) -> Result<SigningKey, AddKeyError> {
        let keys = self.signing_keys(domain).await?;
        let waiting = domain.settings.details.rotation.successor();
        if let Some(found) = keys.into_iter().find(|kept| Some(kept.key.id) == waiting) {
            return Ok(found);
        }
        let new = keys::generate_rsa(self.clock(), self.random(), None).await?;
        self.room_for(domain, &new.selector).await?;
        let id = new.id;
        let kept = self.keep(domain, new).await?;
        self.wait_for(domain, id).await?;
        Ok(kept)
    }

    async fn wait_for(&self, domain: &Domain, successor: KeyId) -> Result<(), StoreError> {
        let now = self.now();
        self.change(domain, |change| {
            change.settings.details.rotation.successor = Some(successor.as_u128());
            change.tend_at = Some(now);
        })
        .await
        .map(drop)
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

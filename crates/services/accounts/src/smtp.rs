//! SMTP credentials: a login, which is an address of a domain of the account, and a password.

use std::net::IpAddr;

use waxseal_model::{Access, AccountId, CredentialId, DomainId, Random, actor, network::Network, purpose};
use waxseal_store::{
    StoreError,
    credential::{NewSmtpCredential, SmtpCredential},
};

use crate::{
    account::Accounts,
    caller::{Caller, Proof},
    verified::Login,
};

/// A credential just made or changed: the only time its password is known.
pub struct FreshCredential {
    /// The login: a full address.
    pub login: String,
    /// The password to give to the customer.
    pub password: String,
}

/// Why a credential could not be made.
#[derive(Debug, thiserror::Error)]
pub enum CreateCredentialError {
    /// The login is not `local@domain`.
    #[error("`{0}` is not a full address such as postmaster@example.org")]
    NotAnAddress(String),
    /// The account has no such domain.
    #[error("the account has no domain {0}; create it first with `waxseal domain create`")]
    UnknownDomain(String),
    /// The password is too short or too long. The text is the API's.
    #[error("Password is too {0}. It must be between 5 and 32 characters.")]
    Password(&'static str),
    /// The network is most of the Internet.
    #[error(
        "{0} is most of the Internet, and everybody in it could send for the account; name a smaller network"
    )]
    TooWide(Network),
    /// The login or network is taken.
    #[error("{0} is taken")]
    Taken(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Accounts {
    /// Makes an SMTP credential with a random password, or the given one.
    pub async fn create_smtp_credential(
        &self,
        account: AccountId,
        login: &str,
        password: Option<&str>,
    ) -> Result<FreshCredential, CreateCredentialError> {
        let login = login.trim().to_ascii_lowercase();
        let domain_name =
            domain_of(&login).ok_or_else(|| CreateCredentialError::NotAnAddress(login.clone()))?.to_owned();
        let domain = self.inner.store.domain_by_name(account, &domain_name).await?;
        let domain = domain.ok_or(CreateCredentialError::UnknownDomain(domain_name))?;
        let password = chosen_password(password, &*self.inner.random)?;
        let password_hash = self.inner.hasher.hash(&password, &*self.inner.random).await?;
        let credential = NewSmtpCredential {
            id: CredentialId::new(&*self.inner.clock, &*self.inner.random),
            account,
            domain: domain.id,
            login: login.clone(),
            password_hash,
            created_at: self.inner.clock.now(),
        };
        match self.inner.store.create_smtp_credential(credential).await {
            Ok(()) => Ok(FreshCredential { login, password }),
            Err(StoreError::Conflict { .. }) => Err(CreateCredentialError::Taken(login)),
            Err(error) => Err(error.into()),
        }
    }

    /// The domain's credentials, oldest first.
    pub async fn smtp_credentials(
        &self,
        account: AccountId,
        domain: DomainId,
    ) -> Result<Vec<SmtpCredential>, StoreError> {
        self.inner.store.smtp_credentials(account, domain).await
    }

    /// Whether the account has this login.
    pub async fn has_smtp_login(&self, account: AccountId, login: &str) -> Result<bool, StoreError> {
        Ok(self.own_credential(account, login).await?.is_some())
    }

    /// Gives a credential a random password, or the given one; `None` if the account has no such login.
    pub async fn change_smtp_password(
        &self,
        account: AccountId,
        login: &str,
        password: Option<&str>,
    ) -> Result<Option<FreshCredential>, CreateCredentialError> {
        let login = login.trim().to_ascii_lowercase();
        let password = chosen_password(password, &*self.inner.random)?;
        let Some(credential) = self.own_credential(account, &login).await? else { return Ok(None) };
        let hash = self.inner.hasher.hash(&password, &*self.inner.random).await?;
        let changed = self.inner.store.change_smtp_password(account, credential.id, hash).await?;
        self.inner.verified.forget(credential.id);
        Ok(changed.then_some(FreshCredential { login, password }))
    }

    /// Deletes a credential; whether the account had one with this login.
    pub async fn delete_smtp_credential(&self, account: AccountId, login: &str) -> Result<bool, StoreError> {
        let login = login.trim().to_ascii_lowercase();
        let Some(credential) = self.own_credential(account, &login).await? else { return Ok(false) };
        let deleted = self.inner.store.delete_smtp_credential(account, credential.id).await?;
        self.inner.verified.forget(credential.id);
        Ok(deleted)
    }

    /// The caller with this login and password. Takes as long for an unknown login as for a wrong password.
    pub async fn by_smtp_login(
        &self,
        login: &str,
        password: &str,
        peer: IpAddr,
    ) -> Result<Option<Caller>, StoreError> {
        let login = login.trim().to_ascii_lowercase();
        // Longer ones were never given out: an answer at once tells nothing about any login.
        if login.len() > LONGEST_LOGIN || password.len() > LONGEST_PASSWORD_BYTES {
            return Ok(None);
        }
        let Some(credential) = self.inner.store.smtp_credential(&login).await? else {
            self.inner.hasher.verify(password, None).await?;
            return Ok(None);
        };
        let authenticating = Access::new(actor::System, purpose::Authentication);
        let hash = credential.password_hash.open(&authenticating);
        let presented =
            Login { login: &login, password, credential: credential.id, password_hash: hash.as_str() };
        if !self.inner.verified.holds(&presented, self.inner.clock.monotonic()) {
            if !self.inner.hasher.verify(password, Some(hash.clone())).await? {
                return Ok(None);
            }
            self.inner.verified.remember(&presented, self.inner.clock.monotonic());
        }
        // After the password: who does not know it does not learn that the account is closed.
        if self.inner.store.closed_until_erased(credential.account).is_some() {
            return Ok(None);
        }
        // What belonged to a deleted domain goes a moment after it.
        if self.inner.store.domain(credential.account, credential.domain).await?.is_none() {
            return Ok(None);
        }
        Ok(Some(Caller {
            account: credential.account,
            only_domain: Some(credential.domain),
            proof: Proof::SmtpCredential(credential.id),
            peer: Some(peer),
        }))
    }

    /// Whether the credential that somebody proved is still there: whoever keeps a connection open asks again.
    pub async fn still_has_smtp_credential(&self, caller: &Caller) -> Result<bool, StoreError> {
        match &caller.proof {
            Proof::SmtpCredential(id) => self.inner.store.has_smtp_credential(caller.account, *id).await,
            Proof::ApiKey(_) | Proof::Network(_) => Ok(true),
        }
    }

    async fn own_credential(
        &self,
        account: AccountId,
        login: &str,
    ) -> Result<Option<SmtpCredential>, StoreError> {
        let found = self.inner.store.smtp_credential(login).await?;
        Ok(found.filter(|credential| credential.account == account))
    }
}

/// Whether a text can be a login: an address of plain atoms.
pub fn is_login(text: &str) -> bool {
    domain_of(&text.trim().to_ascii_lowercase()).is_some()
}

/// The part after the at sign, if the login is an address of plain atoms (RFC 5322, section 3.2.3).
fn domain_of(login: &str) -> Option<&str> {
    let (local, domain) = login.rsplit_once('@')?;
    let atom = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&b);
    let dots = !local.starts_with('.') && !local.ends_with('.') && !local.contains("..");
    let named = !local.is_empty() && local.len() <= 64 && local.bytes().all(atom) && dots;
    (named && !domain.is_empty() && login.len() <= LONGEST_LOGIN).then_some(domain)
}

fn chosen_password(given: Option<&str>, random: &dyn Random) -> Result<String, CreateCredentialError> {
    let Some(given) = given else { return Ok(fresh_password(random)) };
    match given.chars().count() {
        0..5 => Err(CreateCredentialError::Password("short")),
        5..=32 => Ok(given.to_owned()),
        _ => Err(CreateCredentialError::Password("long")),
    }
}

/// 32 hex digits: 128 random bits, as long as the API allows.
fn fresh_password(random: &dyn Random) -> String {
    let mut bits = [0u8; 16];
    random.fill(&mut bits);
    hex::encode(bits)
}

/// RFC 5321, section 4.5.3.1.3, without the angle brackets.
const LONGEST_LOGIN: usize = 254;
/// 32 characters of UTF-8.
const LONGEST_PASSWORD_BYTES: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_a_plain_address() {
        assert_eq!(domain_of("postmaster@mg.example.org"), Some("mg.example.org"));
        for login in [
            "postmaster",
            "@mg.example.org",
            "a b@x.org",
            "a@",
            "a\r\n@x.org",
            "<a@x.org",
            ".a@x.org",
            "a.@x.org",
            "a..b@x.org",
        ] {
            assert_eq!(domain_of(login), None, "{login:?}");
        }
    }
}

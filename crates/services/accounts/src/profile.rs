//! What a customer says about itself: checked when it is given, and corrected when it is wrong.

use waxseal_model::{Access, AccountId, Sealed, actor, category, purpose};
use waxseal_store::{StoreError, account::AccountProfile};

use crate::account::Accounts;

/// What is wrong with a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// The name is empty or long.
    #[error("the name must have 1 to 200 characters and no control characters")]
    Name,
    /// The address for service mail is not `local@domain`.
    #[error("the e-mail address must be a full address such as ops@example.org")]
    Email,
    /// The company's name is long.
    #[error("the company must have at most 200 characters and no control characters")]
    Company,
}

/// Why a profile could not be corrected.
#[derive(Debug, thiserror::Error)]
pub enum CorrectError {
    /// There is no such account (any more).
    #[error("there is no such account")]
    NoAccount,
    /// Nothing to correct was given.
    #[error("name at least one of name, email and company")]
    Nothing,
    /// Something cannot be.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What is to be corrected; what is `None` stays.
#[derive(Default)]
pub struct Correction {
    /// Name of the person or team.
    pub name: Option<String>,
    /// Address for service mail.
    pub email: Option<String>,
    /// Company; an empty one is taken out.
    pub company: Option<String>,
}

impl Correction {
    /// The names of the fields that it is about.
    pub fn fields(&self) -> Vec<&'static str> {
        let given = [
            ("name", self.name.is_some()),
            ("email", self.email.is_some()),
            ("company", self.company.is_some()),
        ];
        given.into_iter().filter_map(|(field, given)| given.then_some(field)).collect()
    }

    /// The profile with it.
    fn applied(&self, old: AccountProfile) -> Result<AccountProfile, ProfileError> {
        let company = self.company.as_deref().or(old.company.as_deref());
        let name = self.name.as_deref().unwrap_or(&old.name);
        checked(name, self.email.as_deref().unwrap_or(&old.email), company)
    }
}

impl Accounts {
    /// What the account says about itself; `None` if there is no such account.
    pub async fn profile(
        &self,
        account: AccountId,
    ) -> Result<Option<Sealed<AccountProfile, category::Account>>, StoreError> {
        Ok(self.inner.store.account(account).await?.map(|account| account.profile))
    }

    /// Whether a correction can be made: asked before it is recorded, so that the trail tells of none that was refused.
    pub async fn check_correction(
        &self,
        account: AccountId,
        correction: &Correction,
    ) -> Result<(), CorrectError> {
        if correction.fields().is_empty() {
            return Err(CorrectError::Nothing);
        }
        let old = self.profile(account).await?.ok_or(CorrectError::NoAccount)?;
        correction.applied(old.into_open(&CORRECTING))?;
        Ok(())
    }

    /// Corrects what the account says about itself. The old values are gone with the answer.
    pub async fn correct(&self, account: AccountId, correction: Correction) -> Result<(), CorrectError> {
        if correction.fields().is_empty() {
            return Err(CorrectError::Nothing);
        }
        let _turn = self.inner.corrections.lock().await;
        let old = self.profile(account).await?.ok_or(CorrectError::NoAccount)?;
        let profile = correction.applied(old.into_open(&CORRECTING))?;
        match self.inner.store.replace_profile(account, &profile).await? {
            true => Ok(()),
            false => Err(CorrectError::NoAccount),
        }
    }
}

/// The profile, if it can be.
pub(crate) fn checked(
    name: &str,
    email: &str,
    company: Option<&str>,
) -> Result<AccountProfile, ProfileError> {
    let name = name.trim();
    if name.is_empty() || !is_short_line(name) {
        return Err(ProfileError::Name);
    }
    let email = email.trim();
    if !is_address_like(email) {
        return Err(ProfileError::Email);
    }
    let company = company.map(str::trim).filter(|company| !company.is_empty());
    if company.is_some_and(|company| !is_short_line(company)) {
        return Err(ProfileError::Company);
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

/// What stays of a profile has to be read to be written again.
const CORRECTING: Access<purpose::CustomerAccess> = Access::new(actor::System, purpose::CustomerAccess);
const LONGEST_NAME: usize = 200;
/// RFC 5321, section 4.5.3.1.3, without the angle brackets.
const LONGEST_ADDRESS: usize = 254;

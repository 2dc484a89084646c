//! Which entries of the queue a command is about.

use anyhow::{Context as _, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use waxseal_delivery::Providers;
use waxseal_domains::name::normalise;
use waxseal_mail::Address;
use waxseal_model::{AccountId, DomainId};
use waxseal_store::queue::{PauseOf, QueueFilter};

use crate::{admin::known, house::House};

/// Entries by what is named; all that is named has to fit.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Selection {
    pub(crate) account: Option<String>,
    pub(crate) domain: Option<String>,
    pub(crate) to: Option<String>,
    pub(crate) provider: Option<String>,
    pub(crate) recipient: Option<String>,
}

impl Selection {
    /// Whether nothing is named: it is everything.
    pub(super) fn is_all(&self) -> bool {
        let Self { account, domain, to, provider, recipient } = self;
        [account, domain, to, provider, recipient].iter().all(|named| named.is_none())
    }

    /// The entries. Which domains are a provider's is asked of the DNS, anew unless it goes on with what began before.
    pub(super) async fn filter(&self, house: &House, goes_on: bool) -> Result<QueueFilter> {
        let (account, domain) = self.sender(house).await?;
        let recipient = self.recipient()?;
        let mut to = match (self.to()?, &recipient) {
            (Some(to), _) => Some(vec![to]),
            (None, Some(recipient)) => Some(vec![recipient.domain().to_owned()]),
            (None, None) => None,
        };
        if let Some(provider) = &self.provider {
            let domains = domains_of(house, provider, goes_on).await?;
            to = Some(match to {
                Some(to) => to.into_iter().filter(|to| domains.contains(to)).collect(),
                None => domains,
            });
        }
        let recipient = recipient.map(|recipient| recipient.to_string());
        Ok(QueueFilter { account, domain, to, recipient, ..QueueFilter::default() })
    }

    /// What a pause of it is of.
    pub(super) async fn pause_of(&self, house: &House) -> Result<PauseOf> {
        let (account, domain) = self.sender(house).await?;
        if let Some(provider) = &self.provider {
            ensure!(
                house.config.shaping.entries().any(|entry| &*entry.name == provider),
                "--provider {provider}: there is none of this name; `waxseal shaping show` lists them"
            );
        }
        let recipient = self.recipient()?.map(|recipient| recipient.to_string());
        Ok(PauseOf { account, domain, to: self.to()?, provider: self.provider.clone(), recipient })
    }

    pub(super) async fn sender(&self, house: &House) -> Result<(Option<AccountId>, Option<DomainId>)> {
        let account = match &self.account {
            Some(account) => Some(known(house, account).await?),
            None => None,
        };
        let Some(name) = &self.domain else { return Ok((account, None)) };
        let found = match account {
            Some(account) => house.domains.by_name(account, name).await?,
            // In whichever way it is written: what is stored has A-labels.
            None => match normalise(name, true) {
                Ok(name) => house.store.domain_of_instance(&name).await?,
                Err(_) => None,
            },
        };
        let domain = found.with_context(|| match account {
            Some(_) => format!("--domain {name}: the account has none of this name"),
            None => format!("--domain {name}: no account has one of this name"),
        })?;
        Ok((Some(domain.account), Some(domain.id)))
    }

    fn to(&self) -> Result<Option<String>> {
        let Some(to) = &self.to else { return Ok(None) };
        let address = Address::new("a", to.trim_end_matches('.'));
        let address = address.map_err(|why| anyhow::anyhow!("--to {to}: {why}"))?;
        Ok(Some(address.domain().to_owned()))
    }

    fn recipient(&self) -> Result<Option<Address>> {
        let address = self.recipient.as_deref().map(str::trim).map(Address::parse).transpose();
        // Without the address: it may stand in a log.
        address.map_err(|why| anyhow::anyhow!("--recipient: this is no address: {why}"))
    }
}

async fn domains_of(house: &House, provider: &str, goes_on: bool) -> Result<Vec<String>> {
    let Some(view) = house.view() else {
        bail!(
            "--provider: no server delivers here, and it alone knows which domains are whose: start `waxseal serve`, \
             or name domains with --to"
        );
    };
    match view.domains_of(provider, goes_on).await? {
        Providers::Domains(domains) => Ok(domains),
        Providers::Unknown => {
            bail!("--provider {provider}: there is none of this name; `waxseal shaping show` lists them")
        }
        Providers::TooMany => bail!(
            "--provider: something waits for so many domains that the DNS cannot be asked about all of them now; \
             name domains with --to"
        ),
        Providers::Stopped => bail!("--provider: the server is ending"),
    }
}

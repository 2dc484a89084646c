//! What every handler can reach.

use std::sync::Arc;

use tokio::sync::Semaphore;
use waxseal_accounts::Accounts;
use waxseal_delivery::View;
use waxseal_domains::Domains;
use waxseal_insight::Insight;
use waxseal_model::{Access, Clock, Random, actor, purpose};
use waxseal_privacy::{Eraser, audit::AuditLog, export::Exports};
use waxseal_sending::send::Sending;
use waxseal_store::Store;
use waxseal_suppression::Imports;

use crate::{
    auth::FailedLogins,
    config::{HttpConfig, Limits},
};

/// The services behind the door.
#[derive(Clone)]
pub struct Services {
    /// Store: look-ups that no service adds anything to.
    pub store: Store,
    /// Who may come in.
    pub accounts: Accounts,
    /// Sending domains.
    pub domains: Domains,
    /// Accepts messages.
    pub sending: Sending,
    /// Reads the event log.
    pub insight: Insight,
    /// Who did what with people's data.
    pub audit: AuditLog,
    /// Erases accounts and recipients.
    pub eraser: Eraser,
    /// Copies of what is kept.
    pub exports: Exports,
    /// Files of suppressions.
    pub imports: Imports,
    /// What is delivered in this process, if anything is.
    pub delivering: Option<View>,
    /// Clock.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub random: Arc<dyn Random>,
}

/// State of the door, shared by all handlers.
pub(crate) struct Api {
    pub(crate) services: Services,
    pub(crate) limits: Limits,
    /// Base of absolute links, if the operator set one.
    pub(crate) public_url: Option<String>,
    /// `https` or `http`: how requests come in.
    pub(crate) scheme: &'static str,
    /// One permit for each KiB of request bodies in memory.
    pub(crate) body_memory: Arc<Semaphore>,
    pub(crate) failed_logins: FailedLogins,
}

/// The customer looks at its own data.
pub(crate) const CUSTOMER: Access<purpose::CustomerAccess> =
    Access::new(actor::Customer, purpose::CustomerAccess);

impl Api {
    /// Whether a message with a body of so many bytes, if that is known, may be begun: any, until four fifths of the room for
    /// bodies are taken; then what takes no more than a quarter of the rest, so that those who hold most of it do not shut
    /// the door for everybody.
    pub(crate) fn may_begin(&self, length: Option<u64>) -> bool {
        let (free, room) = (self.body_memory.available_permits(), self.limits.bodies_in_flight / 1_024);
        let fits = free >= room / 5 || length.is_some_and(|length| length / 1_024 < free as u64 / 4);
        fits && !self.services.sending.is_crowded()
    }

    pub(crate) fn new(services: Services, config: &HttpConfig) -> Self {
        let limits = config.limits.clone();
        let permits = (limits.bodies_in_flight / 1024).min(Semaphore::MAX_PERMITS);
        Self {
            failed_logins: FailedLogins::new(limits.failed_logins),
            body_memory: Arc::new(Semaphore::new(permits)),
            public_url: config.public_url.as_ref().map(|url| url.trim_end_matches('/').to_owned()),
            scheme: if config.tls.is_some() { "https" } else { "http" },
            services,
            limits,
        }
    }
}

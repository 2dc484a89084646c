//! Who a door has let in.

use std::net::IpAddr;

use waxseal_model::{AccountId, CredentialId, DomainId, KeyId};

/// How the caller proved who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// An API key.
    ApiKey(KeyId),
    /// An SMTP credential; its id.
    SmtpCredential(CredentialId),
    /// Its network address.
    Network(String),
}

/// An authenticated caller: the only source of an account id for everything behind the doors.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Account.
    pub account: AccountId,
    /// May only send, and only through this domain.
    pub only_domain: Option<DomainId>,
    /// Proof.
    pub proof: Proof,
    /// Where the call came from.
    pub peer: Option<IpAddr>,
}

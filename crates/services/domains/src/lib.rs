//! Sending domains: their names, DKIM keys, DNS records and return paths.

pub mod dns;
pub mod domain;
mod host;
pub mod keys;
pub mod name;
pub mod return_path;
pub mod signing_keys;
mod tend;
mod verify;

pub use domain::{CreateDomainError, CreatedDomain, Domains, DomainsConfig, Wanted};
pub use keys::{DomainKeys, DomainKeysError};

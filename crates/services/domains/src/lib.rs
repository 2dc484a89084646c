//! Sending domains: their names, DKIM keys, DNS records and return paths.

pub mod dns;
pub mod domain;
mod host;
pub mod keys;
pub mod name;
pub mod return_path;

pub use domain::{CreateDomainError, CreatedDomain, Domains, DomainsConfig};
pub use keys::{DomainKeys, DomainKeysError};

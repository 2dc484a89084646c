//! Accounts, API keys and credentials: who may come in, and as whom.

pub mod account;
pub mod api_key;
pub mod caller;
#[cfg(test)]
mod fuzzed;
mod key_cache;
mod network;
mod password;
pub mod profile;
mod secret;
pub mod smtp;
mod verified;

pub use account::{Accounts, CreateAccountError, FreshAccount};

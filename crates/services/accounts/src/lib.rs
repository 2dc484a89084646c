//! Accounts, API keys and credentials: who may come in, and as whom.

pub mod api_key;
pub mod caller;
pub mod smtp;

//! Domains: making, changing and verifying them, their keys, credentials and settings.

mod authority;
mod connection;
mod create;
mod credentials;
mod keys;
mod list;
mod one;
mod render;
mod rotation;
mod settings;
mod tracking;

pub(crate) use authority::{set_authority, set_selector};
pub(crate) use connection::{connection, set_connection, set_web_prefix};
pub(crate) use create::create;
pub(crate) use credentials::{
    add_credential, change_password, credentials, remove_credential, remove_credentials,
};
pub(crate) use keys::{activate, add_key, all_keys, deactivate, keys_of_domain, remove_key};
pub(crate) use list::list;
pub(crate) use one::{change, remove, show, verify};
pub(crate) use rotation::{rotate, set_rotation};
pub(crate) use tracking::{set_clicks, set_opens, set_unsubscribes, tracking};

use waxseal_accounts::caller::Caller;
use waxseal_store::domain::Domain;

use crate::{error::ApiError, state::Api};

/// The caller's own domain of this name.
async fn known(api: &Api, caller: &Caller, name: &str) -> Result<Domain, ApiError> {
    let found = api.services.domains.by_name(caller.account, name).await?;
    found.ok_or_else(gone)
}

/// There is no such domain, or no longer.
fn gone() -> ApiError {
    ApiError::not_found("Domain not found")
}

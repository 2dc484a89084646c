//! Events: `GET /v3/{domain}/events` and `GET /v3/{domain}/events/{token}`.

mod list;
mod parameters;
mod provider;
mod render;
mod token;

pub(crate) use list::{first, page};

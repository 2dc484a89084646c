//! Who gets in, on a real store.

mod api_keys;
mod smtp_logins;
mod world;

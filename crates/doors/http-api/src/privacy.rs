//! What customers ask of the data about themselves: `/v1/privacy/…`.

mod access;
mod account;
mod certificate;
mod corrections;
mod erasures;
mod exports;
mod page;
mod profile;
mod record;
mod render;
mod requests;

pub(crate) use access::{access, consent, withdraw};
pub(crate) use account::{account, close, undelete};
pub(crate) use certificate::{account_certificate, certificate, public_key};
pub(crate) use corrections::correct_recipient;
pub(crate) use erasures::{erase, erasure, erasures};
pub(crate) use exports::{ask, download, list, remove, show};
pub(crate) use profile::{correct, profile};
pub(crate) use record::opened;
pub(crate) use requests::requests;

//! What customers ask of the data about themselves: `/v1/privacy/…`.

mod access;
mod profile;
mod record;

pub(crate) use access::access;
pub(crate) use profile::{correct, profile};

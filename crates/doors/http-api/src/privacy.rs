//! What customers ask of the data about themselves: `/v1/privacy/…`.

mod profile;
mod record;

pub(crate) use profile::{correct, profile};

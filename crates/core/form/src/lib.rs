//! Form fields, however they come: multipart, urlencoded or JSON, decoded as they arrive.
//!
//! Memory holds the fields and little else, and every count and length is bounded, so that whoever feeds
//! a [`Decoder`] only has to bound the bytes. `to`, `to[]` and `to[0]` are one name.

mod charset;
mod decoder;
mod disposition;
mod field;
mod json;
mod multipart;
mod urlencoded;

pub use decoder::{Decoder, parse_query};
pub use disposition::parameter;
pub use field::{Field, FormError};

#[cfg(test)]
mod tests;

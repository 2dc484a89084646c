//! Form fields, however they come: multipart, urlencoded or JSON, decoded as they arrive.
//!
//! Memory holds the fields and little else, and every count and length is bounded, so that whoever feeds
//! a [`Decoder`] only has to bound the bytes. `to`, `to[]` and `to[0]` are one name. Beside them, the two
//! other things that callers write into requests: page tokens and the header with their key; and the rows of the CSV files that they
//! upload.

mod basic;
mod charset;
pub mod csv;
mod decoder;
mod disposition;
mod field;
mod json;
mod multipart;
pub mod page_token;
mod urlencoded;

pub use basic::basic_password;
pub use decoder::{Decoder, parse_query};
pub use disposition::parameter;
pub use field::{Field, FormError};

#[cfg(test)]
mod tests;

//! Mail as bytes: addresses, headers, building MIME from parts, patching a customer's MIME in place,
//! recipient variables, reading a message back, DKIM signatures.
//!
//! Nothing here reads a clock, a file or a generator: the time and random bytes are arguments.

pub mod address;
pub mod build;
pub mod date;
pub mod dkim;
pub mod header;
pub mod inspect;
pub mod message_id;
mod mime;
pub mod options;
pub mod patch;
pub mod received;
mod reencode;
pub mod substitute;
pub mod wrapper;

pub use address::{Address, Mailbox, ParseAddressError, parse_list};

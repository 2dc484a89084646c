//! Searches bytes for somebody's words in every form in which they could have been kept.
//!
//! The forms: as they are and in any case, UTF-16 both ways, escapes of JSON, HTML and URLs, hex, base64 at each of
//! its three alignments (both alphabets, broken into lines or not), quoted-printable with soft line breaks, unsalted
//! MD5, SHA-1 and SHA-256, and all of these inside gzip, zlib and zip.
//!
//! It counts and never gives out what stands around.

mod counts;
pub mod leaks;
mod needles;
mod packed;
mod scanner;
mod stream;
pub mod views;

pub use counts::{Counts, Form};
pub use scanner::{LONGEST, SHORTEST, Scanner, TermError};
pub use stream::Stream;

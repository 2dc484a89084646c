//! The lists of addresses that a domain does not write to, or always does: `/v3/{domain}/bounces`, `unsubscribes`,
//! `complaints` and `whitelists`; and files of them.

mod import;
mod list;
mod one;
mod read;
mod words;

pub(crate) use import::{import, imports, progress};
pub(crate) use list::{clear, page};
pub(crate) use one::{remove, show};
pub(crate) use read::add;
pub(crate) use words::{ALLOWLIST, BOUNCES, COMPLAINTS, UNSUBSCRIBES};

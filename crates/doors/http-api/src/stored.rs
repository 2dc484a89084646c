//! Stored messages: look at, send again, delete.

mod keep;
mod show;

pub(crate) use keep::{remove, resend};
pub(crate) use show::{attachment, show};

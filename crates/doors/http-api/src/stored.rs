//! Stored messages: look at, send again, delete.

mod keep;
pub(crate) mod render;
mod show;

pub(crate) use keep::{remove, resend};
pub(crate) use show::{attachment, file, show};

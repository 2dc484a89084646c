//! The sandbox inbox: what sandbox domains captured instead of sending.

mod list;
mod one;

pub(crate) use list::{clear, list};
pub(crate) use one::{attachment, raw, remove, show};

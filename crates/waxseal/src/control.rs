//! The control socket: how a command reaches the server that has the data folder.
//!
//! A Unix socket in the data folder, for its owner alone. One line of JSON asks, one line answers:
//! `{"ok": …}` or `{"error": "…"}`.

mod client;
mod server;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub(crate) use self::{client::ask, server::Control};

/// Longest line in either direction.
const LONGEST_LINE: u64 = 16 * 1024 * 1024;

/// Where the socket of a data folder is.
pub(crate) fn socket_path(data_dir: &Path) -> PathBuf {
    data_dir.join("control.sock")
}

/// What comes back.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Answer {
    Ok(serde_json::Value),
    Error(String),
}

//! The control socket: how a command reaches the server that has the data folder.
//!
//! A Unix socket in the data folder, for its owner alone. One line of JSON asks, one line answers:
//! `{"ok": …}` or `{"error": "…"}`.

mod client;
mod server;

use std::{
    fs::File,
    io,
    os::fd::AsRawFd as _,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

pub(crate) use self::{
    client::{answers, ask},
    server::Control,
};

/// The socket's name in the data folder.
const NAME: &str = "control.sock";

/// `sun_path` holds 108 bytes, with a zero at the end.
const LONGEST_PATH: usize = 107;

/// Longest line in either direction.
const LONGEST_LINE: u64 = 16 * 1024 * 1024;

/// Where the socket of a data folder is.
fn socket_path(data_dir: &Path) -> PathBuf {
    data_dir.join(NAME)
}

/// The socket's path as the system takes it: it has room for some hundred bytes only, so a longer one goes by way of
/// the open folder, which has to stay open as long as the path is used.
fn short_path(data_dir: &Path) -> io::Result<(PathBuf, Option<File>)> {
    let path = socket_path(data_dir);
    if path.as_os_str().len() < LONGEST_PATH {
        return Ok((path, None));
    }
    let folder = File::open(data_dir)?;
    Ok((Path::new("/proc/self/fd").join(folder.as_raw_fd().to_string()).join(NAME), Some(folder)))
}

/// What comes back.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Answer {
    Ok(serde_json::Value),
    Error(String),
}

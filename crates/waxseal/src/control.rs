//! The control socket: how a command reaches the server that has the data folder.
//!
//! A Unix socket in the data folder, for its owner alone, or where the configuration says, for a group. One line of
//! JSON asks, one line answers: `{"ok": …}` or `{"error": "…"}`. Who asks is told by the kernel.

mod client;
mod places;
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

/// `sun_path` holds 108 bytes, with a zero at the end.
const LONGEST_PATH: usize = 107;

/// Longest line in either direction.
const LONGEST_LINE: u64 = 16 * 1024 * 1024;

/// The socket's path as the system takes it: it has room for some hundred bytes only, so a longer one goes by way of
/// the open folder, which has to stay open as long as the path is used.
fn short_path(socket: &Path) -> io::Result<(PathBuf, Option<File>)> {
    let (Some(folder), Some(name)) = (socket.parent(), socket.file_name()) else {
        return Err(io::ErrorKind::InvalidFilename.into());
    };
    if socket.as_os_str().len() < LONGEST_PATH {
        return Ok((socket.to_owned(), None));
    }
    let folder = File::open(folder)?;
    Ok((Path::new("/proc/self/fd").join(folder.as_raw_fd().to_string()).join(name), Some(folder)))
}

/// What comes back.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Answer {
    Ok(serde_json::Value),
    Error(String),
}

//! A key from a command that prints it, so that a key service can stand behind.

use std::{process::Stdio, time::Duration};

use tokio::{io::AsyncReadExt as _, process::Command};
use zeroize::Zeroizing;

use crate::error::OpenError;

/// How long the command may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// A key and some white space fit into this.
const LONGEST: u64 = 4096;

/// Runs the command with the shell; what it printed. `name` is its key of the configuration. Its output is never part of an error: it is a secret. What it
/// says on its standard error goes where this process's does.
pub(crate) async fn output(command: &str, name: &str) -> Result<Zeroizing<String>, OpenError> {
    let wrong = |what: String| OpenError::MasterKey(format!("{name} {what}"));
    let mut child = Command::new("/bin/sh")
        .args(["-c", command])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| wrong(format!("cannot be run with /bin/sh: {error}")))?;
    let Some(stdout) = child.stdout.take() else { return Err(wrong("has no output".into())) };
    let mut printed = Zeroizing::new(String::new());
    let run = async {
        let read = stdout.take(LONGEST).read_to_string(&mut printed).await;
        (read, child.wait().await)
    };
    let (read, status) = tokio::time::timeout(PATIENCE, run)
        .await
        .map_err(|_| wrong(format!("has printed no key within {} seconds", PATIENCE.as_secs())))?;
    let status = status.map_err(|error| wrong(format!("cannot be waited for: {error}")))?;
    if !status.success() {
        return Err(wrong(format!("failed ({status}); run it by hand to see why")));
    }
    read.map_err(|_| wrong("printed something that is no text".into()))?;
    if printed.trim().is_empty() {
        return Err(wrong("printed nothing; it has to print 64 hex digits".into()));
    }
    Ok(printed)
}

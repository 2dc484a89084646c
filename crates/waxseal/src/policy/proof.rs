//! The proof by doing: this very binary, in a process and folder of its own, sends one message by HTTP and one by SMTP.

use std::{path::Path, process::Stdio, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use tokio::process::Command;

/// `quickstart --once` gives up after a minute.
const PATIENCE: Duration = Duration::from_secs(75);

/// What it said.
pub(super) struct Proof {
    lines: Vec<String>,
}

impl Proof {
    /// How many lines hold `words`: one for each message.
    pub(super) fn says(&self, words: &str) -> usize {
        self.lines.iter().filter(|line| line.contains(words)).count()
    }

    /// An error unless both messages were found to be so.
    pub(super) fn wants_both(&self, words: &str) -> Result<()> {
        let said = self.says(words);
        ensure!(said == 2, "of two messages sent in a scratch run {said} were seen: {words}");
        Ok(())
    }
}

/// Runs it in `folder`, which is made for it and goes afterwards. It is another process, so that its metrics, its log
/// and its keys are not this one's.
pub(super) async fn run(folder: &Path) -> Result<Proof> {
    clear(folder).await?;
    tokio::fs::create_dir_all(folder).await.with_context(|| folder.display().to_string())?;
    let run = Command::new("/proc/self/exe")
        .args(["quickstart", "--once"])
        .current_dir(folder)
        .env_clear()
        .env("TMPDIR", folder)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let ended = tokio::time::timeout(PATIENCE, run).await;
    clear(folder).await?;
    let output = ended.context("a scratch run did not end")?.context("a scratch run could not start")?;
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr);
        bail!("a scratch run ended with {}: {}", output.status, why.trim());
    }
    let said = String::from_utf8_lossy(&output.stdout);
    Ok(Proof { lines: said.lines().map(str::to_owned).collect() })
}

async fn clear(folder: &Path) -> Result<()> {
    match tokio::fs::remove_dir_all(folder).await {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| folder.display().to_string())
        }
        _ => Ok(()),
    }
}

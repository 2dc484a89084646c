//! The commands that README and docs show are run as they stand there.

use std::path::Path;

use anyhow::{Context as _, Result};
use tokio::process::Command;

use crate::waxseal;

/// Blocks of a page that are marked to be run: a fence of `sh` after the comment `<!-- run -->`.
pub(crate) fn runnable(page: &str) -> Vec<String> {
    let blocks = page.split("<!-- run -->\n```sh\n").skip(1);
    blocks.filter_map(|rest| rest.split_once("\n```").map(|(block, _)| block.to_owned())).collect()
}

async fn run_page(name: &str) -> Result<usize> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let page = std::fs::read_to_string(root.join(name)).with_context(|| name.to_owned())?;
    let binary = waxseal()?;
    let folder = Path::new(env!("CARGO_BIN_EXE_waxseal")).parent().context("folder of the binary")?;
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap_or_default());
    let blocks = runnable(&page);
    // One shell for the page: later blocks use what earlier ones set. Whatever it started ends with it.
    let script = format!("set -eu\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n{}", blocks.join("\n"));
    let output = Command::new("bash")
        .args(["-c", &script])
        .current_dir(binary.folder())
        .env("PATH", path)
        .env_remove("WAXSEAL_BIN")
        .env("WAXSEAL_METRICS__LISTEN", "")
        .output()
        .await?;
    let (said, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{name} ended with {}:\n{script}\n---\n{said}\n{errors}", output.status);
    Ok(blocks.len())
}

#[tokio::test]
async fn the_first_message_of_the_documentation_arrives() -> Result<()> {
    assert!(run_page("docs/first-message.md").await? >= 4);
    Ok(())
}

#[tokio::test]
async fn the_commands_of_the_documentation_work() -> Result<()> {
    assert!(run_page("docs/commands.md").await? >= 4);
    Ok(())
}

#[tokio::test]
async fn the_restore_drill_of_the_documentation_works() -> Result<()> {
    assert!(run_page("docs/backups.md").await? >= 3);
    Ok(())
}

#[test]
fn the_two_commands_of_the_readme_are_what_they_are() {
    let readme = include_str!("../../../../README.md");
    assert!(readme.contains("cargo run --release -- quickstart"));
    assert!(readme.contains("cargo xtask test"));
}

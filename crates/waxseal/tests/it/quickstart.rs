//! The first command of the README.

use std::process::Stdio;

use anyhow::{Context as _, Result};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use waxseal_testkit::binary::text;

use crate::waxseal;

#[tokio::test]
async fn once_proves_both_ways_in_and_leaves_nothing() -> Result<()> {
    let binary = waxseal()?;
    let temporary = binary.folder().join("tmp");
    std::fs::create_dir(&temporary)?;
    let output = binary.command(&["quickstart", "--once"]).env("TMPDIR", &temporary).output().await?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}\n{errors}");
    assert_eq!(errors, "", "nothing to complain about");
    for expected in [
        "HTTP: both DKIM signatures verify",
        "SMTP: both DKIM signatures verify",
        "HTTP: subject and text are what was sent",
        "SMTP: subject and text are what was sent",
        "The queue is empty. It works.",
    ] {
        assert!(said.contains(expected), "{expected}:\n{said}");
    }
    assert_eq!(std::fs::read_dir(&temporary)?.count(), 0, "the temporary folder is gone");
    Ok(())
}

#[tokio::test]
async fn the_printed_curl_line_works_and_what_happens_is_told() -> Result<()> {
    let binary = waxseal()?;
    let arguments = ["quickstart", "--http", "127.0.0.1:0", "--data-dir", "here"];
    let mut child = binary.command(&arguments).stdout(Stdio::piped()).spawn()?;
    let mut lines = BufReader::new(child.stdout.take().context("stdout")?).lines();
    let mut said = String::new();
    while !said.contains("Ctrl-C ends it.\n") {
        said.push_str(&lines.next_line().await?.context("it ended")?);
        said.push('\n');
    }
    let commands: Vec<&str> =
        said.split("\n\n").map(str::trim).filter(|part| part.starts_with("curl")).collect();
    let [send, read] = commands[..] else { panic!("two curl commands in:\n{said}") };
    let sent = shell(send).await?;
    assert!(text(&sent, "id")?.starts_with('<'), "{sent}");

    let mut told = String::new();
    while !told.contains("delivered") {
        told.push_str(&lines.next_line().await?.context("it ended")?);
        told.push('\n');
    }
    assert!(told.contains("accepted") && told.contains("friend@example.org"), "{told}");
    let inbox = shell(read).await?;
    assert_eq!(inbox["items"].as_array().map(Vec::len), Some(1), "{inbox}");

    let id = child.id().context("it ended")?.to_string();
    tokio::process::Command::new("kill").args(["-INT", &id]).status().await?;
    assert!(child.wait().await?.success());
    assert!(binary.folder().join("here").exists(), "a given folder is kept");
    Ok(())
}

async fn shell(command: &str) -> Result<serde_json::Value> {
    let output = tokio::process::Command::new("sh").args(["-c", command]).output().await?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    serde_json::from_str(&printed).with_context(|| format!("{command} printed {printed}"))
}

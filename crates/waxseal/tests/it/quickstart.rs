//! The first command of the README.

use std::{path::Path, process::Stdio};

use anyhow::{Context as _, Result};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};
use waxseal_testkit::{Binary, binary::text};

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
async fn once_works_again_in_the_same_folder() -> Result<()> {
    let binary = waxseal()?;
    for _ in 0..2 {
        let ended = binary.run(&["quickstart", "--once", "--data-dir", "here"]).await?;
        assert!(ended.status.success(), "{}{}", ended.stdout, ended.stderr);
    }
    assert!(binary.folder().join("here/waxseal.db").exists());
    Ok(())
}

#[tokio::test]
async fn listeners_of_a_named_configuration_are_used() -> Result<()> {
    let binary = waxseal()?;
    let taken = std::net::TcpListener::bind("127.0.0.1:0")?;
    let address = taken.local_addr()?.to_string();
    std::fs::write(binary.folder().join("own.toml"), format!("[http]\nlisten = [\"{address}\"]\n"))?;
    let by_environment: &[&str] = &["quickstart"];
    for (key, arguments) in [
        ("submission.listen", by_environment),
        ("http.listen", &["quickstart", "--config", "own.toml"]),
        ("http.listen", &["quickstart", "--config", "own.toml", "--once"]),
    ] {
        let mut command = binary.command(arguments);
        command
            .env("WAXSEAL_SUBMISSION__LISTEN", if key == "http.listen" { "127.0.0.1:0" } else { &address });
        let ended = command.env_remove("WAXSEAL_HTTP__LISTEN").output().await?;
        let errors = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!(ended.status.code(), Some(1), "{arguments:?}: {errors}");
        assert!(errors.contains(&format!("{key} {address}")), "{arguments:?}: {errors}");
    }
    Ok(())
}

/// A running quickstart and what it printed first.
struct Running {
    binary: Binary,
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    welcome: String,
}

impl Running {
    async fn start() -> Result<Self> {
        let binary = waxseal()?;
        let arguments = ["quickstart", "--http", "127.0.0.1:0", "--data-dir", "here"];
        let mut child = binary.command(&arguments).stdout(Stdio::piped()).spawn()?;
        let mut lines = BufReader::new(child.stdout.take().context("stdout")?).lines();
        let mut welcome = String::new();
        while !welcome.contains("Ctrl-C ends it.\n") {
            welcome.push_str(&lines.next_line().await?.context("it ended")?);
            welcome.push('\n');
        }
        Ok(Self { binary, child, lines, welcome })
    }

    /// The indented block under the line that starts with `title`.
    fn block(&self, title: &str) -> Result<String> {
        let (_, rest) =
            self.welcome.split_once(&format!("\n{title}")).with_context(|| self.welcome.clone())?;
        let block = rest.split("\n\n").nth(1).context("a block")?;
        Ok(block.lines().map(|line| format!("{}\n", line.strip_prefix("  ").unwrap_or(line))).collect())
    }

    /// Reads lines of events until one holds `word`.
    async fn told(&mut self, word: &str) -> Result<String> {
        let mut told = String::new();
        while !told.contains(word) {
            told.push_str(&self.lines.next_line().await?.context("it ended")?);
            told.push('\n');
        }
        Ok(told)
    }

    async fn end(mut self) -> Result<()> {
        let id = self.child.id().context("it ended")?.to_string();
        Command::new("kill").args(["-INT", &id]).status().await?;
        assert!(self.child.wait().await?.success());
        assert!(self.binary.folder().join("here").exists(), "a given folder is kept");
        Ok(())
    }
}

#[tokio::test]
async fn the_printed_curl_lines_work_and_what_happens_is_told() -> Result<()> {
    let mut running = Running::start().await?;
    let sent = shell(&running.block("Send a message:")?).await?;
    assert!(text(&sent, "id")?.starts_with('<'), "{sent}");
    let told = running.told("delivered").await?;
    assert!(told.contains("accepted") && told.contains("friend@example.org"), "{told}");
    let inbox = shell(&running.block("Read the mail:")?).await?;
    assert_eq!(inbox["items"].as_array().map(Vec::len), Some(1), "{inbox}");
    running.end().await
}

#[tokio::test]
async fn the_printed_javascript_sends() -> Result<()> {
    let Some(modules) =
        std::env::var_os("NODE_PATH").filter(|path| Path::new(path).join("mailgun.js").exists())
    else {
        waxseal_testkit::skipped("missing: mailgun.js (NODE_PATH)");
        return Ok(());
    };
    let mut running = Running::start().await?;
    let script = running.binary.folder().join("snippet.mjs");
    std::fs::write(&script, running.block("JavaScript")?)?;
    std::os::unix::fs::symlink(modules, running.binary.folder().join("node_modules"))?;
    let output = Command::new("node").arg(&script).output().await?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    running.told("delivered").await?;
    running.end().await
}

#[tokio::test]
async fn the_printed_python_sends() -> Result<()> {
    let python = std::env::var_os("WAXSEAL_PYTHON").filter(|path| Path::new(path).exists());
    let Some(python) = python else {
        waxseal_testkit::skipped("missing: Python clients (WAXSEAL_PYTHON)");
        return Ok(());
    };
    let mut running = Running::start().await?;
    let script = running.binary.folder().join("snippet.py");
    std::fs::write(&script, running.block("Python")?)?;
    let output = Command::new(python).arg(&script).output().await?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    running.told("delivered").await?;
    running.end().await
}

async fn shell(command: &str) -> Result<serde_json::Value> {
    let output = Command::new("sh").args(["-c", command]).output().await?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    serde_json::from_str(&printed).with_context(|| format!("{command} printed {printed}"))
}

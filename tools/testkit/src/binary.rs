//! The real `waxseal` binary in a folder of its own: commands, and a running server.

mod server;

use std::{
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

pub use server::Server;

/// A folder with a configuration that listens on free loopback ports, and the binary to run there.
pub struct Binary {
    program: PathBuf,
    folder: TempDir,
    settings: Vec<(String, String)>,
}

/// How a command ended.
pub struct Ended {
    /// Status.
    pub status: ExitStatus,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Binary {
    /// A fresh folder for `program` (`env!("CARGO_BIN_EXE_waxseal")` in the binary's own tests).
    pub fn new(program: impl Into<PathBuf>) -> Result<Self> {
        let binary = Self { program: program.into(), folder: TempDir::new()?, settings: Vec::new() };
        let any = "127.0.0.1:0";
        Ok(binary
            .set("hostname", "mail.waxseal.test")
            .set("http.listen", any)
            .set("submission.listen", any)
            .set("metrics.listen", any))
    }

    /// Sets a key of the configuration, by its environment variable.
    #[must_use]
    pub fn set(mut self, key: &str, value: &str) -> Self {
        let variable = format!("WAXSEAL_{}", key.replace('.', "__").to_uppercase());
        self.settings.push((variable, value.to_owned()));
        self
    }

    /// Sends to the servers of a test: DNS from `nameserver`, port `port`.
    #[must_use]
    pub fn delivering_to(self, nameserver: &str, port: u16) -> Self {
        self.set("dns.nameservers", nameserver).set("delivery.port", &port.to_string())
    }

    /// The folder that commands run in.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The data folder.
    pub fn data_dir(&self) -> PathBuf {
        self.folder().join("waxseal-data")
    }

    /// A command with these arguments, not started. Nothing of the caller's environment reaches it.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(arguments)
            .current_dir(self.folder())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// Runs a command to its end.
    pub async fn run(&self, arguments: &[&str]) -> Result<Ended> {
        let output = self.command(arguments).output().await.context("the binary does not start")?;
        Ok(Ended {
            status: output.status,
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// Runs a command with `--json` that has to succeed; hands back what it printed.
    pub async fn json(&self, arguments: &[&str]) -> Result<Value> {
        let ended = self.run(&[arguments, &["--json"]].concat()).await?;
        ensure!(ended.status.success(), "{arguments:?} ended with {}: {}", ended.status, ended.stderr);
        serde_json::from_str(&ended.stdout).with_context(|| format!("{arguments:?} printed {}", ended.stdout))
    }

    /// Starts the server; answers when it is ready.
    pub async fn serve(&self) -> Result<Server> {
        Server::start(self.command(&["serve"])).await
    }

    /// Starts the server with a folder of its own for temporary files.
    pub async fn serve_with_temporary(&self, folder: &Path) -> Result<Server> {
        let mut command = self.command(&["serve"]);
        command.env("TMPDIR", folder);
        Server::start(command).await
    }

    /// Makes an account; its id and API key.
    pub async fn account(&self) -> Result<(String, String)> {
        let made =
            self.json(&["account", "create", "--name", "Tester", "--email", "tester@waxseal.test"]).await?;
        Ok((text(&made, "account_id")?, text(&made, "api_key")?))
    }
}

/// A field of an answer that must be a text.
pub fn text(answer: &Value, field: &str) -> Result<String> {
    Ok(answer[field].as_str().with_context(|| format!("no text {field} in {answer}"))?.to_owned())
}

//! A running `waxseal serve`, with all that it writes.

use std::{
    net::SocketAddr,
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, BufReader},
    process::{Child, Command},
    task::JoinHandle,
};

/// Longest wait for the ready line.
const START: Duration = Duration::from_secs(30);

/// The server; killed when it is dropped.
pub struct Server {
    child: Child,
    ready: Value,
    output: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
}

impl Server {
    /// Starts one by a command of [`Binary`](super::Binary), which may have been made another user's.
    pub async fn start(mut command: Command) -> Result<Self> {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let output = Arc::new(Mutex::new(String::new()));
        let stdout = child.stdout.take().context("standard output")?;
        let stderr = child.stderr.take().context("standard error")?;
        let (send, receive) = tokio::sync::oneshot::channel();
        let mut first = Some(send);
        let readers = vec![
            collect(stdout, output.clone(), move |line| {
                if let Some(first) = first.take() {
                    let _ = first.send(line.to_owned());
                }
            }),
            collect(stderr, output.clone(), |_| {}),
        ];
        let Ok(Ok(line)) = tokio::time::timeout(START, receive).await else {
            bail!("no ready line; the server wrote:\n{}", lock(&output));
        };
        let ready = serde_json::from_str(&line).with_context(|| format!("the ready line is {line}"))?;
        Ok(Self { child, ready, output, readers })
    }

    /// The ready line.
    pub const fn ready(&self) -> &Value {
        &self.ready
    }

    /// Where the HTTP API listens.
    pub fn http(&self) -> SocketAddr {
        self.address(&self.ready["http"][0])
    }

    /// Where submission with STARTTLS listens.
    pub fn submission(&self) -> SocketAddr {
        self.address(&self.ready["submission"][0])
    }

    /// Where the metrics are.
    pub fn metrics(&self) -> SocketAddr {
        self.address(&self.ready["metrics"])
    }

    fn address(&self, value: &Value) -> SocketAddr {
        let text = value.as_str().unwrap_or_default();
        text.parse().unwrap_or_else(|_| panic!("{text} is no address in {}", self.ready))
    }

    /// The process.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Everything it has written until now, both outputs.
    pub fn written(&self) -> String {
        lock(&self.output).clone()
    }

    /// Sends a signal by name: `TERM`, `KILL`, …
    pub async fn signal(&self, name: &str) -> Result<()> {
        let id = self.child.id().context("the server has ended")?;
        let status = Command::new("kill").arg(format!("-{name}")).arg(id.to_string()).status().await?;
        anyhow::ensure!(status.success(), "kill -{name} {id}: {status}");
        Ok(())
    }

    /// Waits for its end; its status and everything it wrote.
    pub async fn wait(mut self) -> Result<(ExitStatus, String)> {
        let status = self.child.wait().await?;
        for reader in self.readers.drain(..) {
            reader.await?;
        }
        Ok((status, self.written()))
    }

    /// SIGTERM, then the end.
    pub async fn terminate(self) -> Result<(ExitStatus, String)> {
        self.signal("TERM").await?;
        self.wait().await
    }

    /// SIGKILL, then the end.
    pub async fn kill(self) -> Result<String> {
        self.signal("KILL").await?;
        Ok(self.wait().await?.1)
    }
}

fn collect(
    from: impl AsyncRead + Unpin + Send + 'static,
    to: Arc<Mutex<String>>,
    mut each: impl FnMut(&str) + Send + 'static,
) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut lines = BufReader::new(from).split(b'\n');
        while let Ok(Some(line)) = lines.next_segment().await {
            let line = String::from_utf8_lossy(&line).into_owned();
            each(&line);
            let mut all = lock(&to);
            all.push_str(&line);
            all.push('\n');
        }
    })
}

fn lock(text: &Mutex<String>) -> MutexGuard<'_, String> {
    text.lock().unwrap_or_else(PoisonError::into_inner)
}

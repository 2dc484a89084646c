//! The stage: a platform of its own in a folder: this very binary as a server, with a DNS and a recipients' server; started,
//! stopped and killed at will.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    process::{Child, Command},
    task::JoinHandle,
};
use waxseal_net::{Net, Source};
use waxseal_smtp::Reply;

use super::{
    canary::Canaries,
    paths::{Seen, Watch},
};
use crate::{
    admin::{Request, Selection},
    config::{self, Config, Settings},
    control,
    quickstart::{
        recipient::Recipient,
        zone::{Served, Zone},
    },
    roles,
};

/// The key store lies in this folder, if it is to lie apart.
pub(super) const KEYS: &str = "keys";
/// Temporary files of the server lie in this folder.
pub(super) const TEMPORARY: &str = "temporary";
const START: Duration = Duration::from_secs(60);
const STOP: Duration = Duration::from_secs(60);
/// Until mail has come to rest.
pub(super) const REST: Duration = Duration::from_secs(180);

/// A platform.
pub(super) struct Stage {
    pub(super) folder: PathBuf,
    pub(super) net: Net,
    settings: Vec<(&'static str, String)>,
    server: Option<Server>,
    runs: u32,
    watch: Watch,
    _recipient: Recipient,
    _zone: Served,
}

struct Server {
    child: Child,
    http: SocketAddr,
    submission: SocketAddr,
    metrics: SocketAddr,
    readers: Vec<JoinHandle<()>>,
}

impl Stage {
    /// Sets one up in a new folder, on SQLite or in the database of this URL, its keys in the data
    /// folder or apart, for mail to the recipients of these people.
    pub(super) async fn set(
        folder: &Path,
        (database, keys_apart): (Option<&str>, bool),
        people: &[&Canaries],
    ) -> Result<Self> {
        for name in ["logs", "exports", "outside", TEMPORARY] {
            std::fs::create_dir_all(folder.join(name)).with_context(|| folder.display().to_string())?;
        }
        let recipient = Recipient::answering("mx.waxseal.test", &folder.join("outside"), said).await?;
        let mut zone = Zone::empty();
        for person in people {
            zone.mx(&person.recipients(), "mx.waxseal.test")?;
        }
        zone.host("mx.waxseal.test")?;
        let zone = zone.serve().await?;
        let settings = vec![
            ("data_dir", folder.join("data").display().to_string()),
            ("keys.folder", if keys_apart { folder.join(KEYS).display().to_string() } else { String::new() }),
            ("roles", "api,submission,delivery".into()),
            ("hostname", "mail.waxseal.test".into()),
            ("http.listen", "127.0.0.1:0".into()),
            ("submission.listen", "127.0.0.1:0".into()),
            ("metrics.listen", "127.0.0.1:0".into()),
            ("dns.nameservers", zone.address.to_string()),
            ("delivery.port", recipient.address.port().to_string()),
            ("delivery.allow_private_destinations", "true".into()),
            ("outgoing_http.allow_private_destinations", "true".into()),
            ("outgoing_http.ports", String::new()),
            ("erasure.grace_days", "0".into()),
            ("log.level", "trace".into()),
            ("store.url", database.unwrap_or("sqlite").to_owned()),
        ];
        let net = Net::open(&roles::net_config(&read(&settings)?))?;
        let (server, folder, watch) =
            (None, folder.to_owned(), Watch::over([folder.join("data"), folder.join(KEYS)]));
        Ok(Self { folder, net, settings, server, runs: 0, watch, _recipient: recipient, _zone: zone })
    }

    /// Its configuration.
    pub(super) fn config(&self) -> Result<Config> {
        read(&self.settings)
    }

    /// Whether its database is a file in the data folder.
    pub(super) fn is_on_sqlite(&self) -> bool {
        self.settings.contains(&("store.url", "sqlite".to_owned()))
    }

    /// A file for an export, which is of nobody by its name.
    pub(super) fn export(&self) -> PathBuf {
        let folder = self.folder.join("exports");
        let number = std::fs::read_dir(&folder).map(Iterator::count).unwrap_or_default();
        folder.join(format!("{number}.export"))
    }

    /// The data folder.
    pub(super) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// The folder of the key store.
    pub(super) fn keys(&self) -> PathBuf {
        Some(self.folder.join(KEYS)).filter(|folder| folder.exists()).unwrap_or_else(|| self.data())
    }

    /// The folders of data and keys.
    pub(super) fn kept(&self) -> Vec<PathBuf> {
        let mut folders = vec![self.data(), self.keys()];
        folders.dedup();
        folders
    }

    /// Starts the server; it listens when this answers. With `largest`, no file of it can grow beyond so many blocks of
    /// 512 bytes: the disk is full then.
    pub(super) async fn start(&mut self, largest: Option<u32>) -> Result<()> {
        let binary = format!("/proc/{}/exe", std::process::id());
        let mut command = match largest {
            None => Command::new(&binary),
            Some(blocks) => {
                let mut shell = Command::new("/bin/sh");
                let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
                shell.args(["-c", &script, &binary]);
                shell
            }
        };
        self.surround(&mut command).arg("serve").stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        self.runs += 1;
        let mut errors = child.stderr.take().context("standard error")?;
        let mut log = tokio::fs::File::create(self.written("log")).await?;
        let mut readers = vec![tokio::spawn(async move {
            let _ = tokio::io::copy(&mut errors, &mut log).await;
            let _ = log.flush().await;
        })];
        let mut said = tokio::fs::File::create(self.written("out")).await?;
        let mut lines = BufReader::new(child.stdout.take().context("standard output")?);
        let mut line = String::new();
        tokio::time::timeout(START, lines.read_line(&mut line))
            .await
            .context("the server did not start")??;
        said.write_all(line.as_bytes()).await?;
        readers.push(tokio::spawn(async move {
            let _ = tokio::io::copy(&mut lines, &mut said).await;
            let _ = said.flush().await;
        }));
        let ready: Value =
            serde_json::from_str(&line).context("the server did not start: its log tells why")?;
        let at = |listener: &Value| -> Result<SocketAddr> {
            Ok(listener.as_str().context("a server without listeners")?.parse()?)
        };
        let (http, submission) = (at(&ready["http"][0])?, at(&ready["submission"][0])?);
        self.server = Some(Server { child, http, submission, metrics: at(&ready["metrics"])?, readers });
        Ok(())
    }

    /// Ends the server in good order.
    pub(super) async fn stop(&mut self) -> Result<()> {
        self.take_metrics().await?;
        let Some(mut server) = self.server.take() else { return Ok(()) };
        let id = server.child.id().context("the server has ended by itself")?;
        let kill = format!("kill -TERM {id}");
        Command::new("/bin/sh").args(["-c", &kill]).status().await?;
        let ended =
            tokio::time::timeout(STOP, server.child.wait()).await.context("the server did not end")??;
        ensure!(ended.success(), "the server ended with {ended}");
        finish(server.readers).await;
        Ok(())
    }

    /// Ends it as a power cut would, as far as the process goes: SIGKILL.
    pub(super) async fn kill(&mut self) -> Result<()> {
        self.take_metrics().await?;
        let Some(mut server) = self.server.take() else { return Ok(()) };
        server.child.kill().await?;
        finish(server.readers).await;
        Ok(())
    }

    /// What was in the data folder, at whatever time.
    pub(super) fn seen(&self) -> Seen {
        self.watch.seen()
    }

    /// How many lives the server had: each has a log, an output and metrics, which are kept.
    pub(super) const fn lives(&self) -> u32 {
        self.runs
    }

    /// Takes down the metrics of this life as they are.
    async fn take_metrics(&self) -> Result<()> {
        let Some(server) = &self.server else { return Ok(()) };
        let mut stream = self.net.connector.connect(server.metrics, Source::Turn(0)).await?;
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await?;
        let mut metrics = Vec::new();
        tokio::time::timeout(STOP, stream.read_to_end(&mut metrics)).await.context("no metrics")??;
        ensure!(metrics.starts_with(b"HTTP/1.1 200"), "metrics are not given");
        Ok(tokio::fs::write(self.written("metrics"), metrics).await?)
    }

    /// A file of what this life of the server says.
    fn written(&self, kind: &str) -> PathBuf {
        self.folder.join("logs").join(format!("run-{}.{kind}", self.runs))
    }

    /// Where the HTTP API listens.
    pub(super) fn http(&self) -> Result<SocketAddr> {
        Ok(self.server.as_ref().context("no server runs")?.http)
    }

    /// Where submission listens.
    pub(super) fn submission(&self) -> Result<SocketAddr> {
        Ok(self.server.as_ref().context("no server runs")?.submission)
    }

    /// Asks the server, as a command would.
    pub(super) async fn ask(&self, request: Request) -> Result<Value> {
        control::ask(&self.data().join("control.sock"), &request).await?.context("no server answers")
    }

    /// Runs a command of the binary where no server runs.
    pub(super) async fn command(&self, arguments: &[&str]) -> Result<Value> {
        let mut command = Command::new("/proc/self/exe");
        let output = self.surround(&mut command).args(arguments).arg("--json").output().await?;
        if !output.status.success() {
            bail!("{}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    /// Waits until so many recipients wait for another attempt, and nothing else is under way.
    pub(super) async fn at_rest(&self, waiting: u64) -> Result<()> {
        let rest = async {
            loop {
                let queue = self
                    .ask(Request::QueueList { limit: 1, which: Selection::default(), after: None })
                    .await?;
                if queue["waiting"] == waiting && queue["in_flight"] == 0 {
                    return anyhow::Ok(());
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(REST, rest).await.context("mail does not come to rest")?
    }

    /// Waits until an erasure is done.
    pub(super) async fn erased(&self, id: &str) -> Result<()> {
        let done = async {
            loop {
                let shown = self.ask(Request::ErasureShow { erasure: id.to_owned() }).await?;
                if shown["state"] == "done" {
                    return anyhow::Ok(());
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(REST, done).await.context("an erasure is not done")?
    }

    fn surround<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        let set = self.settings.iter().map(|(name, value)| (config::variable(name), value));
        command.current_dir(&self.folder).env_clear().envs(set).env("TMPDIR", self.folder.join(TEMPORARY));
        command.stdin(Stdio::null()).kill_on_drop(true)
    }
}

/// What recipients' server says: some addresses bounce, some have to wait, and their answers name them.
fn said(recipient: &str) -> Reply {
    match recipient.split_once('+').map(|(local, _)| local) {
        Some(local) if recipient.contains("+bounce@") => {
            Reply::plain(550, format!("5.1.1 there is no {local} here"))
        }
        Some(local) if recipient.contains("+defer@") => {
            Reply::plain(451, format!("4.2.1 {local} has to wait"))
        }
        _ => Reply::plain(250, "2.1.5 OK"),
    }
}

fn read(settings: &[(&'static str, String)]) -> Result<Config> {
    let all = settings.iter().fold(Settings::default(), |all, (name, value)| all.set(name, value));
    Ok(all.read()?)
}

async fn finish(readers: Vec<JoinHandle<()>>) {
    for reader in readers {
        let _ = reader.await;
    }
}

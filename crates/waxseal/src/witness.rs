//! `waxseal privacy look`, not for people: this very program in a process of its own, looking through all files for what
//! should be gone.
//!
//! A process of its own, because one that closes a database's file loses the locks that SQLite holds on it. What to look
//! for comes by standard input, so that it stands in no list of processes.

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
    process::{ExitCode, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use aws_lc_rs::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};
use tokio::{io::AsyncWriteExt as _, process::Command};
use waxseal_privacy::erasure::{LookedFor, Seen, Sighting, Witness, WitnessError};
use waxseal_scan::Scanner;

use crate::{config::Config, output::say, trace::Files};

/// The longest question: a thousand addresses for each of a thousand erasures would still fit.
const LONGEST: u64 = 512 << 20;
/// A search that takes longer is given up, and tried again later.
const PATIENCE: Duration = Duration::from_secs(3600);

/// What to look for, and where.
#[derive(Serialize, Deserialize)]
struct Question {
    words: Vec<String>,
    /// In hex.
    bytes: Vec<String>,
    folder: PathBuf,
    keys: PathBuf,
    anchors: PathBuf,
}

/// What was seen.
#[derive(Serialize, Deserialize)]
struct Answer {
    files: u64,
    bytes: u64,
    unreadable: u64,
    hits: u64,
    software: String,
}

/// Looks by way of another process.
pub(crate) struct OwnProcess {
    folder: PathBuf,
    keys: PathBuf,
    anchors: PathBuf,
}

impl OwnProcess {
    /// Through the files of this configuration.
    pub(crate) fn of(config: &Config) -> Self {
        let (folder, keys) = (config.data_dir.clone(), config.key_store().to_owned());
        Self { folder, keys, anchors: config.anchor_file.clone() }
    }

    async fn ask(&self, what: LookedFor) -> Result<Seen> {
        let question = Question {
            words: what.words.iter().map(|word| word.to_string()).collect(),
            bytes: what.bytes.iter().map(hex::encode).collect(),
            folder: self.folder.clone(),
            keys: self.keys.clone(),
            anchors: self.anchors.clone(),
        };
        let question = serde_json::to_vec(&question)?;
        let mut child = Command::new("/proc/self/exe")
            .args(["privacy", "look"])
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let mut stdin = child.stdin.take().context("no standard input")?;
        stdin.write_all(&question).await?;
        drop(stdin);
        let output = tokio::time::timeout(PATIENCE, child.wait_with_output())
            .await
            .context("the search was not done within an hour")??;
        ensure!(output.status.success(), "the search ended with {}", output.status);
        let Answer { files, bytes, unreadable, hits, software } = serde_json::from_slice(&output.stdout)?;
        Ok(Seen { files, bytes, unreadable, hits, words: 0, software })
    }
}

impl Witness for OwnProcess {
    fn look(&self, what: LookedFor) -> Sighting<'_> {
        Box::pin(async move { self.ask(what).await.map_err(|error| WitnessError(format!("{error:#}"))) })
    }
}

/// The other process: reads the question, prints the answer.
pub(crate) fn look() -> Result<ExitCode> {
    let mut text = Vec::new();
    std::io::stdin().lock().take(LONGEST).read_to_end(&mut text)?;
    let question: Question = serde_json::from_slice(&text)?;
    let bytes = question.bytes.iter().map(hex::decode).collect::<Result<Vec<_>, _>>()?;
    let scanner =
        Scanner::with_bytes(question.words.iter().map(String::as_str), bytes.iter().map(Vec::as_slice))?;
    let mut files = Files::new(scanner);
    files.folder(&question.folder, &question.folder);
    if !question.keys.starts_with(&question.folder) {
        files.folder(&question.keys, &question.keys);
    }
    if !question.anchors.starts_with(&question.folder) {
        files.file(&question.anchors, "anchors");
    }
    let hits = files.found.iter().filter_map(|found| found.get("count")?.as_u64()).sum();
    let answer = Answer {
        files: files.looked_at,
        bytes: files.bytes,
        unreadable: files.unreadable,
        hits,
        software: digest_of(Path::new("/proc/self/exe"))?,
    };
    say!("{}", serde_json::to_string(&answer)?);
    Ok(ExitCode::SUCCESS)
}

/// SHA-256 of a file, in hex.
fn digest_of(path: &Path) -> Result<String> {
    let mut file = File::open(path)?;
    let mut context = Context::new(&SHA256);
    let mut piece = vec![0; 1 << 20];
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(hex::encode(context.finish())),
            length => context.update(piece.get(..length).unwrap_or_default()),
        }
    }
}

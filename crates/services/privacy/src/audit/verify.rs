//! Verifying the trail: every edit is found, with its place.

use std::{
    cmp::Reverse,
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use serde::Serialize;
use waxseal_store::line_file::{LineFile, segments};

use super::{
    AuditConfig, AuditError, at,
    chain::{self, GENESIS, Head, Link},
    checkpoint::Checkpoint,
    writer::{CHECKPOINTS, NAME},
};

/// Findings beyond this many are not listed: one edit can push everything behind it out of place.
const MOST: usize = 100;

/// Something that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The first entry that is touched.
    pub entry: u64,
    /// The last one, where several are.
    pub to: u64,
    /// File, by its name.
    pub file: String,
    /// Line in it, from 1; 0 where a line is missing.
    pub line: usize,
    /// What is wrong.
    pub found: &'static str,
}

/// What verifying found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Whether everything is as it was written.
    pub sound: bool,
    /// Entries read.
    pub entries: u64,
    /// Hash of the last one.
    pub head: String,
    /// Good checkpoints beside the trail.
    pub checkpoints: usize,
    /// Good anchors outside.
    pub anchors: usize,
    /// What is wrong, first places first.
    pub findings: Vec<Finding>,
}

/// What the trail is held against.
pub(super) struct Witnesses {
    pub(super) public: String,
    pub(super) config: AuditConfig,
    /// The end that the key store knows of.
    pub(super) kept: Option<Head>,
    /// Nothing is written to the files while it is held.
    pub(super) at_rest: Arc<Mutex<Head>>,
}

pub(super) fn verify(witnesses: &Witnesses) -> Result<Verdict, AuditError> {
    let config = &witnesses.config;
    let mut walk = Walk::default();
    let at_rest = witnesses.at_rest.lock().unwrap_or_else(PoisonError::into_inner);
    let read = |path: &Path| LineFile::read(path).map_err(at(path));
    let of = |path: &Path, bytes: Vec<u8>| (name_of(path), bytes);
    let path = config.folder.join(CHECKPOINTS);
    let (checkpoints, anchors) =
        (of(&path, read(&path)?), of(&config.anchor_file, read(&config.anchor_file)?));
    let segments = segments(&config.folder, NAME).map_err(at(&config.folder))?;
    // Of the trail's files the last one grows.
    let mut last = segments.last().map(|segment| read(&segment.path)).transpose()?;
    drop(at_rest);
    let checkpoints = walk.signed(&checkpoints, &witnesses.public);
    let anchors = walk.signed(&anchors, &witnesses.public);
    walk.compare(&checkpoints, &anchors, config);
    for signed in checkpoints.iter().chain(&anchors) {
        walk.signed_heads.insert(signed.n, signed.head.clone());
    }
    if let Some(Head { n, hash }) = &witnesses.kept {
        walk.signed_heads.insert(*n, hash.clone());
    }
    let mut number = 1;
    let count = segments.len();
    for (index, segment) in segments.into_iter().enumerate() {
        let file = name_of(&segment.path);
        if segment.number != number {
            walk.find(walk.next, walk.next, &file, 0, "a file before this one is missing");
        }
        number = segment.number + 1;
        let bytes = match last.take_if(|_| index + 1 == count) {
            Some(bytes) => bytes,
            None => read(&segment.path)?,
        };
        walk.file(&file, &bytes);
    }
    walk.end();
    // Of findings at one place the one that tells most comes first.
    walk.findings.sort_by_key(|finding| (finding.entry, Reverse(finding.to)));
    walk.findings.truncate(MOST);
    Ok(Verdict {
        sound: walk.findings.is_empty(),
        entries: walk.read,
        head: walk.prev.unwrap_or_else(|| GENESIS.to_owned()),
        checkpoints: checkpoints.len(),
        anchors: anchors.len(),
        findings: walk.findings,
    })
}

/// Goes along the chain.
struct Walk {
    /// The number that the next line should have.
    next: u64,
    /// The hash it should follow on; unknown after a line that cannot be trusted.
    prev: Option<String>,
    /// Lines that are as they were written.
    read: u64,
    /// The last entry that a signature vouches for.
    vouched: u64,
    signed_heads: BTreeMap<u64, String>,
    findings: Vec<Finding>,
    last_file: String,
}

impl Default for Walk {
    fn default() -> Self {
        Self {
            next: 1,
            prev: Some(GENESIS.to_owned()),
            read: 0,
            vouched: 0,
            signed_heads: BTreeMap::new(),
            findings: Vec::new(),
            last_file: format!("{NAME}-000001.jsonl"),
        }
    }
}

impl Walk {
    fn find(&mut self, entry: u64, to: u64, file: &str, line: usize, found: &'static str) {
        // The first findings are the ones that tell the place.
        if self.findings.len() < 10 * MOST {
            self.findings.push(Finding { entry, to: to.max(entry), file: file.to_owned(), line, found });
        }
    }

    /// Reads checkpoints or anchors; each has to be as it was signed, in order.
    fn signed(&mut self, (file, bytes): &(String, Vec<u8>), public: &str) -> Vec<Checkpoint> {
        let mut good: Vec<Checkpoint> = Vec::new();
        for (line, text) in lines(bytes) {
            let after = good.last().map_or(0, |last| last.n);
            match text.and_then(|text| Checkpoint::read(text, public)) {
                Some(checkpoint) if checkpoint.n > after => good.push(checkpoint),
                Some(_) => self.find(after + 1, after + 1, file, line, "a checkpoint is out of order"),
                None => self.find(after + 1, after + 1, file, line, "a checkpoint is not as it was signed"),
            }
        }
        good
    }

    /// Checkpoints and anchors tell the same.
    fn compare(&mut self, checkpoints: &[Checkpoint], anchors: &[Checkpoint], config: &AuditConfig) {
        let numbers = |of: &[Checkpoint]| of.iter().map(|it| (it.n, it.clone())).collect::<BTreeMap<_, _>>();
        let (ours, theirs) = (numbers(checkpoints), numbers(anchors));
        let differ = |n: &u64| ours.get(n) != theirs.get(n);
        if let Some(n) = ours.keys().find(|n| differ(n)) {
            let file = name_of(&config.anchor_file);
            self.find(*n, *n, &file, 0, "an anchor is missing or differs from its checkpoint");
        }
        if let Some(n) = theirs.keys().find(|n| !ours.contains_key(n)) {
            self.find(*n, *n, CHECKPOINTS, 0, "a checkpoint is missing that an anchor has");
        }
    }

    fn file(&mut self, file: &str, bytes: &[u8]) {
        file.clone_into(&mut self.last_file);
        for (line, text) in lines(bytes) {
            match text {
                None => {
                    self.find(self.next, self.next, file, line, "the line is cut off");
                }
                Some(text) => match chain::read(text) {
                    Some(link) => self.link(file, line, link),
                    None => {
                        self.find(self.next, self.next, file, line, "the entry was altered");
                        self.next += 1;
                        self.prev = None;
                    }
                },
            }
        }
    }

    fn link(&mut self, file: &str, line: usize, link: Link) {
        self.read += 1;
        if link.n < self.next {
            self.find(self.next, self.next, file, line, "an entry is out of place or was put in");
            return;
        }
        if link.n > self.next {
            self.find(self.next, link.n - 1, file, 0, "entries are missing");
            self.prev = None;
        }
        if let Some(found) = told(&link.what) {
            self.find(link.n, link.n, file, line, found);
        }
        if self.prev.as_ref().is_some_and(|prev| *prev != link.prev) {
            self.find(link.n, link.n, file, line, "the entry does not follow on the one before");
        }
        match self.signed_heads.get(&link.n) {
            Some(head) if *head == link.hash => self.vouched = link.n,
            Some(_) => {
                let from = self.vouched + 1;
                self.find(
                    from,
                    link.n,
                    file,
                    line,
                    "the chain was written anew since the last good checkpoint",
                );
                self.vouched = link.n;
            }
            None => {}
        }
        self.next = link.n + 1;
        self.prev = Some(link.hash);
    }

    /// What signatures know of and the trail does not have.
    fn end(&mut self) {
        let last = self.next - 1;
        let known = self.signed_heads.keys().next_back().copied().unwrap_or(0);
        if known > last {
            let file = self.last_file.clone();
            self.find(
                last + 1,
                known,
                &file,
                0,
                "the end of the trail is missing: anchors or the key store know of more entries",
            );
        } else if last > known {
            let file = self.last_file.clone();
            self.find(known + 1, last, &file, 0, "the last entries have no checkpoint");
        }
    }
}

/// What an entry says that was found when the trail was opened, and has been put right since: it stays a finding.
fn told(what: &str) -> Option<&'static str> {
    match what {
        "foreign_lines_cut" => Some("lines stood behind the end that Waxseal did not write; they were cut"),
        "kept_end_altered" => Some("what the key store kept of the trail's end was altered"),
        _ => None,
    }
}

/// Lines with their numbers; the last is `None` if it lacks its line break.
fn lines(bytes: &[u8]) -> impl Iterator<Item = (usize, Option<&[u8]>)> {
    let count = bytes.split(|byte| *byte == b'\n').count();
    bytes.split(|byte| *byte == b'\n').enumerate().filter_map(move |(index, text)| {
        let last = index + 1 == count;
        match (last, text.is_empty()) {
            (true, true) => None,
            (true, false) => Some((index + 1, None)),
            (false, _) => Some((index + 1, Some(text))),
        }
    })
}

fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

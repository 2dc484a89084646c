//! Files: what lies in the data folder, backups, and folders that were named.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use anyhow::{Context as _, Result};

use crate::{
    backup_file,
    config::Instance,
    limits::{DAY, HOUR, Moment},
    report::{Item, Report, Store},
};

/// What a file of the data folder is.
struct Known {
    /// Its name from the data folder; `*` stands for anything but a folder, a last `**` for anything.
    name: &'static str,
    category: &'static str,
    kept: &'static str,
}

const fn known(name: &'static str, category: &'static str, kept: &'static str) -> Known {
    Known { name, category, kept }
}

const INSTANCE: &str = "as long as the instance";

const KNOWN: [Known; 28] = [
    known("waxseal.db", "as its tables", "as its tables"),
    known("waxseal.db-*", "as its tables", "as its tables"),
    known("waxseal.db.restoring*", "as its tables", "until the restore is done"),
    known("keys.db", "as its tables", "as its tables"),
    known("keys.db-*", "as its tables", "as its tables"),
    // A ring on its way back from a copy: what a kill left of one goes with the next start.
    known("keys.restoring/**", "as its tables", "until the next start"),
    // Judged below.
    known("key-copies/**", "system.authentication", "backup.keys_keep_days"),
    known("keys.epoch", "system.authentication", "until the next epoch"),
    known("master.key", "system.authentication", INSTANCE),
    known("backup.key", "system.authentication", INSTANCE),
    known("tls-*", "system.authentication", INSTANCE),
    known("waxseal.lock", "system.operations", "about nobody"),
    known("control.sock", "system.operations", "about nobody"),
    known(".check", "system.operations", "about nobody"),
    // Numbers of messages with no time: they go with the outcomes, which the queue is judged by.
    known("sent.notes*", "user.unique_id", "until the outcome"),
    known("audit/trail-*.jsonl", "user.unique_id", "as the operator decides"),
    known("audit/checkpoints.jsonl", "system.operations", "about nobody"),
    known("audit/reserve", "system.operations", "about nobody"),
    known("audit-anchors", "system.operations", "about nobody"),
    known("reports/*", "system.operations", "about nobody"),
    // Sealed under a key of the account and one that the customer has; they go with their rows.
    known("exports/**", "user.content.private", "privacy.export_hours"),
    // Sealed under a key of the account; each goes when its row says that it is done.
    known("imports/**", "user.contact.email", "until it is imported"),
    known("policy-proof/**", "system.operations", "mail of the instance to itself"),
    known("policy-export/**", "system.operations", "an export about nobody"),
    known("keys.reserve", "system.operations", "about nobody"),
    known("reserve", "system.operations", "about nobody"),
    known("*.db-journal", "as its tables", "as its tables"),
    // Judged below, each by the time in it.
    known("backups/**", "as its tables", "backup.keep_days"),
];

/// Files of one kind.
#[derive(Default)]
struct Kind {
    count: u64,
    oldest: Option<i64>,
    past: u64,
}

impl Kind {
    fn add(&mut self, since: i64, past: bool) {
        self.count += 1;
        self.oldest = Some(self.oldest.map_or(since, |oldest| oldest.min(since)));
        self.past += u64::from(past);
    }

    fn item(self, name: &str, category: &'static str, kept: String, now: i64) -> Item {
        let mut item = Item::new(Store::Files, name, category, kept).since(self.oldest, now);
        item.count = self.count;
        item.past = self.past;
        // Nothing tells from outside what of it still opens.
        item.readable = self.past;
        item
    }
}

/// Judges every file.
pub(crate) fn judge(instance: &Instance, at: &Moment, report: &mut Report) -> Result<()> {
    let mut kinds: BTreeMap<usize, Kind> = BTreeMap::new();
    let mut files = Vec::new();
    walk(&instance.data, &mut files)?;
    if !instance.keys.starts_with(&instance.data) {
        walk(&instance.keys, &mut files)?;
    }
    let apart = |path: &Path| instance.keys != instance.data && path.starts_with(&instance.keys);
    for path in files.iter().filter(|path| {
        ![&instance.backups, &instance.key_copies].iter().any(|folder| path.starts_with(folder))
    }) {
        // The names are the same, whichever folder the keys lie in.
        let top = if apart(path) { &instance.keys } else { &instance.data };
        let name = path.strip_prefix(top).unwrap_or(path).to_string_lossy().into_owned();
        let of_keys = name.starts_with("keys.") || [".check", "waxseal.lock"].contains(&name.as_str());
        let known = |known: &Known| fits(known.name, &name) && (of_keys || !apart(path));
        match KNOWN.iter().position(known) {
            Some(kind) => {
                if let Some(since) = changed(path) {
                    // A copy that somebody asked for is written once; its row may be gone, and the file not.
                    let past = name.starts_with("exports/")
                        && since + i64::from(at.limits.export_hours) * HOUR <= at.late();
                    kinds.entry(kind).or_default().add(since, past);
                }
            }
            None => report.unknown.push(format!("file {name}")),
        }
    }
    for (kind, files) in kinds {
        if let Some(known) = KNOWN.get(kind) {
            report.items.push(files.item(known.name, known.category, known.kept.into(), at.now));
        }
    }
    judge_backups(instance, at, report)?;
    judge_key_copies(instance, at, report)?;
    for also in &instance.also {
        let mut files = Vec::new();
        walk(&also.folder, &mut files)?;
        let mut kind = Kind::default();
        for since in files.iter().filter_map(|path| changed(path)) {
            kind.add(since, since + i64::from(also.days) * DAY <= at.late());
        }
        let name = also.folder.display().to_string();
        report.items.push(kind.item(
            &name,
            "as whoever put it there says",
            format!("{} days", also.days),
            at.now,
        ));
    }
    Ok(())
}

fn judge_backups(instance: &Instance, at: &Moment, report: &mut Report) -> Result<()> {
    let mut files = Vec::new();
    if instance.backups.is_dir() {
        walk(&instance.backups, &mut files)?;
    }
    let mut kind = Kind::default();
    for path in files {
        // Other files there, and what a crash left, are as old as their last change.
        if let Some(since) = backup_file::made_at(&path).or_else(|| changed(&path)) {
            kind.add(since, since + i64::from(at.limits.backup_days) * DAY <= at.late());
        }
    }
    report.items.push(kind.item(
        "backups",
        "as its tables",
        format!("{} days", at.limits.backup_days),
        at.now,
    ));
    Ok(())
}

/// Copies of the keys, each by the time in it; the secret that they open with has none.
fn judge_key_copies(instance: &Instance, at: &Moment, report: &mut Report) -> Result<()> {
    let mut files = Vec::new();
    if instance.key_copies.is_dir() {
        walk(&instance.key_copies, &mut files)?;
    }
    let mut kind = Kind::default();
    for path in files.iter().filter(|path| path.file_name().is_none_or(|name| name != "copies.secret")) {
        if let Some(since) = backup_file::made_at(path).or_else(|| changed(path)) {
            kind.add(since, since + i64::from(at.limits.key_copy_days) * DAY <= at.late());
        }
    }
    let kept = format!("{} days", at.limits.key_copy_days);
    report.items.push(kind.item("key copies", "system.authentication", kept, at.now));
    Ok(())
}

/// All files below a folder, links not followed.
fn walk(folder: &Path, into: &mut Vec<PathBuf>) -> Result<()> {
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    for entry in entries {
        let entry = entry.with_context(|| folder.display().to_string())?;
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => walk(&entry.path(), into)?,
            _ => into.push(entry.path()),
        }
    }
    Ok(())
}

/// When a file was changed last; `None` if it went meanwhile.
fn changed(path: &Path) -> Option<i64> {
    let since = path.symlink_metadata().ok()?.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_micros()).ok()
}

fn fits(name: &str, path: &str) -> bool {
    if let Some(folder) = name.strip_suffix("**") {
        return path.starts_with(folder);
    }
    match name.split_once('*') {
        None => name == path,
        Some((before, after)) => path
            .strip_prefix(before)
            .and_then(|rest| rest.strip_suffix(after))
            .is_some_and(|middle| !middle.contains('/')),
    }
}

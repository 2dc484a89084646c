//! `waxseal privacy trace`: where a term is kept, in tables and in files. It tells places and counts, never what
//! stands there.

mod files;

use std::{io::Read as _, path::PathBuf, process::ExitCode};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use waxseal_scan::{LONGEST, Scanner};

pub(crate) use self::files::Files;

use crate::{
    admin::{self, Request},
    config::Config,
    output::{self, say},
};

/// Searches and prints.
pub(crate) async fn run(config: &Config, term: &str, also: &[PathBuf], as_json: bool) -> Result<ExitCode> {
    let term = given(term)?;
    let scanner = Scanner::new([term.as_str()])?;
    for folder in also {
        if !folder.is_dir() {
            bail!("--also {}: there is no such folder", folder.display());
        }
    }
    let mut folders: Vec<PathBuf> =
        std::iter::once(config.data_dir.clone()).chain(also.iter().cloned()).collect();
    // Backups and keys may lie elsewhere.
    if config.backup_folder.is_dir() && !folders.iter().any(|folder| config.backup_folder.starts_with(folder))
    {
        folders.push(config.backup_folder.clone());
    }
    let keys = config.key_store().to_owned();
    if keys.is_dir() && !folders.iter().any(|folder| keys.starts_with(folder)) {
        folders.push(keys);
    }
    let anchors = config.anchor_file.clone();
    let files = tokio::task::spawn_blocking(move || {
        let mut files = Files::new(scanner);
        for folder in &folders {
            files.folder(folder, folder);
        }
        if !folders.iter().any(|folder| anchors.starts_with(folder)) {
            files.file(&anchors, &anchors.display().to_string());
        }
        files
    })
    .await?;
    // A server has a folder of its own to start from.
    let backups = files.backups.iter().map(std::path::absolute).collect::<std::io::Result<_>>()?;
    let mut answer = admin::ask(config, Request::PrivacyTrace { term, backups }).await?;
    add(&mut answer, files, config)?;
    if as_json {
        say!("{answer}");
    } else {
        output::write(format_args!("{}", table(&answer)));
    }
    Ok(ExitCode::SUCCESS)
}

/// A term, or standard input for `-`: then it does not stand in the list of processes.
pub(crate) fn given(term: &str) -> Result<String> {
    if term != "-" {
        return Ok(term.to_owned());
    }
    let mut text = String::new();
    std::io::stdin().lock().take(LONGEST as u64 + 2).read_to_string(&mut text).context("standard input")?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// Two of them: where both are `-`, each is a line of standard input.
pub(crate) fn given_with(term: &str, other: Option<String>) -> Result<(String, Option<String>)> {
    match other {
        Some(other) if term == "-" && other == "-" => {
            let lines = given("-")?;
            let (term, other) = lines.split_once('\n').context("standard input: two lines are expected")?;
            Ok((term.trim().to_owned(), Some(other.trim().to_owned())))
        }
        Some(other) => Ok((given(term)?, Some(given(&other)?))),
        None => Ok((given(term)?, None)),
    }
}

fn add(answer: &mut Value, files: Files, config: &Config) -> Result<()> {
    let matches =
        answer.get_mut("matches").and_then(Value::as_array_mut).context("an answer without matches")?;
    matches.extend(files.found);
    let mut notes = vec!["the log goes to standard error: search where it is collected with --also"];
    if config.store_url.expose() != "sqlite" {
        notes.push("PostgreSQL's own files, logs and backups are not searched: they are not Waxseal's");
    }
    let content = answer.get("not_searched").and_then(Value::as_array).into_iter().flatten();
    let content: Vec<&str> = content.filter_map(Value::as_str).collect();
    let content = format!(
        "what customers write is not searched ({}): an operator sees it under a grant alone",
        content.join(", ")
    );
    notes.push(&content);
    let notes = json!(notes);
    let answer = answer.as_object_mut().context("an answer that is no object")?;
    answer.insert("files".into(), files.looked_at.into());
    answer.insert("bytes".into(), files.bytes.into());
    answer.insert("unreadable_files".into(), files.unreadable.into());
    answer.insert("notes".into(), notes);
    Ok(())
}

fn table(answer: &Value) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    let matches = answer.get("matches").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let word = |row: &Value, name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let number = |row: &Value, name: &str| row.get(name).and_then(Value::as_u64).unwrap_or_default();
    // Writing to a String does not fail.
    for row in matches {
        let _ =
            writeln!(text, "{:>8}  {:<10}  {}", number(row, "count"), word(row, "store"), word(row, "place"));
    }
    if matches.is_empty() {
        text.push_str("found nowhere\n");
    }
    let _ = writeln!(
        text,
        "looked at {} values ({} opened, {} that no key opens) and {} files of {} bytes ({} not readable)",
        number(answer, "values"),
        number(answer, "opened"),
        number(answer, "unreadable"),
        number(answer, "files"),
        number(answer, "bytes"),
        number(answer, "unreadable_files"),
    );
    let _ = writeln!(text, "opened {} backups", number(answer, "backups"));
    for why in answer.get("backups_not_opened").and_then(Value::as_array).into_iter().flatten() {
        let _ = writeln!(text, "not opened: {}", why.as_str().unwrap_or_default());
    }
    for note in answer.get("notes").and_then(Value::as_array).into_iter().flatten() {
        let _ = writeln!(text, "note: {}", note.as_str().unwrap_or_default());
    }
    text
}

//! What of the commands on exports is done where they are given: paths made absolute, keys read, files opened.

use std::{
    io::Read as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, Result};
use serde_json::json;
use waxseal_privacy::export;
use waxseal_store::export_file::ExportKey;

use crate::{
    admin::{self, Request},
    cli::{Export, Import, OpenExport},
    output::{self, say},
};

/// Longest text that a key is read from.
const LONGEST_KEY: u64 = 4096;

/// The request of `privacy export`.
pub(crate) fn export_request(options: Export) -> Result<Request> {
    let Export { account, recipient, login, to, grants } = options;
    Ok(Request::PrivacyExport { account, recipient, login, to: absolute(&to)?, grants })
}

/// The request of `privacy import`.
pub(crate) fn import_request(options: &Import) -> Result<Request> {
    let sealed = export::is_sealed(&options.file)?;
    let key = if sealed { Some(read_key(options.key_file.as_deref())?.text().to_string()) } else { None };
    Ok(Request::PrivacyImport { file: absolute(&options.file)?, key })
}

/// `privacy open-export`: the plain ZIP of an export. It takes no store.
pub(crate) async fn open(options: OpenExport, as_json: bool) -> Result<ExitCode> {
    let OpenExport { file, to, key_file } = options;
    let key = read_key(key_file.as_deref())?;
    let target = to.clone();
    let bytes = tokio::task::spawn_blocking(move || export::open(&file, &key, &target)).await??;
    let answer = json!({ "file": to.display().to_string(), "bytes": bytes });
    if as_json {
        say!("{answer}");
    } else {
        output::write(format_args!("{}", admin::describe(&answer)));
    }
    Ok(ExitCode::SUCCESS)
}

/// The server that does it may be in another folder.
fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).with_context(|| path.display().to_string())
}

/// The key of an export. It does not stand in the list of processes.
fn read_key(file: Option<&Path>) -> Result<ExportKey> {
    let mut text = zeroize::Zeroizing::new(String::new());
    match file {
        Some(path) => {
            let file = std::fs::File::open(path).with_context(|| path.display().to_string())?;
            file.take(LONGEST_KEY).read_to_string(&mut text).with_context(|| path.display().to_string())?;
        }
        None => {
            std::io::stdin().lock().take(LONGEST_KEY).read_to_string(&mut text).context("standard input")?;
        }
    }
    ExportKey::parse(&text).context("the key: expected the 64 hex digits that were shown with the export")
}

//! Exports: a copy of everything that is kept about an account, a recipient or a login, as a ZIP of JSON Lines and
//! `.eml` files in a sealed file; and the way back, an account into an empty instance.

mod archive;
mod import;
mod kept;
mod manifest;
mod parts;

#[cfg(test)]
mod fuzzed;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use thiserror::Error;
use waxseal_model::{Access, AccountId, Clock, Random, actor, purpose};
use waxseal_store::{
    Store, StoreError,
    content::Tally,
    export::{ExportSubject, Scope},
    export_file::ExportKey,
    import::ImportError,
};

use self::archive::Archive;
pub use self::{
    import::{Imported, import, is_sealed, open},
    kept::{Asked, Exports, MOST},
    manifest::{ExportKind, Manifest},
};
use crate::audit::{AuditError, AuditLog, OpenedBy, Operator};

/// Why an export could not be made or read.
#[derive(Debug, Error)]
pub enum ExportError {
    /// A file.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The key is another one, or the file is not as it was written.
    #[error("{path}: the key does not open it, or it was changed or cut off")]
    NotOpened {
        /// Which.
        path: String,
    },
    /// It is sealed.
    #[error("{path} is sealed: give its key")]
    KeyWanted {
        /// Which.
        path: String,
    },
    /// The file is something else.
    #[error("{path} is no export: {why}")]
    NotAnExport {
        /// Which.
        path: String,
        /// What is missing.
        why: &'static str,
    },
    /// It cannot be taken over.
    #[error("taken over is only a whole account; this is an export of a {0}")]
    NotAnAccount(&'static str),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What was opened for it cannot be recorded.
    #[error("nothing was exported, because it cannot be recorded: {0}")]
    Audit(#[from] AuditError),
    /// What was read cannot be taken over.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// The program ends.
    #[error("interrupted; nothing of it stays")]
    Interrupted,
}

impl ExportError {
    fn file(path: &Path) -> impl Fn(std::io::Error) -> Self + '_ {
        move |source| {
            let path = path.display().to_string();
            match source.kind() {
                std::io::ErrorKind::InvalidData => Self::NotOpened { path },
                _ => Self::File { path, source },
            }
        }
    }
}

/// What it rests on that an export holds what customers write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportGround {
    /// Its owner asked for it, and alone is told its key.
    Owner,
    /// An operator makes it under grants that are open for the accounts it is about.
    Grant,
    /// Nothing: an operator's copy leaves out bodies and templates.
    Nothing,
}

/// An export to be made.
pub struct ExportOrder {
    /// The operator who makes it; `None` if its owner asked for it.
    pub by: Option<Operator>,
    /// Whether what customers write is in it.
    pub ground: ExportGround,
    /// Whom it is about: one, or the same person in several accounts.
    pub subjects: Vec<ExportSubject>,
    /// The address of somebody whose requests go with it, if they have no account.
    pub requester: Option<String>,
    /// Where it goes; there is no file of this name.
    pub path: PathBuf,
    /// What it is sealed under.
    pub key: ExportKey,
}

/// An export that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// Bytes of the file.
    pub bytes: u64,
    /// Rows, by table.
    pub rows: BTreeMap<String, u64>,
    /// Messages with their content.
    pub messages: u64,
}

impl Made {
    /// All rows.
    pub fn total(&self) -> u64 {
        self.rows.values().sum()
    }
}

/// What is opened goes under the seal of the export at once: whoever has its key reads it, not who had it made.
const SEALING: Access<purpose::Export> = Access::new(actor::System, purpose::Export);

impl ExportGround {
    /// The member of a table's lines that is left out.
    fn left_out(self, table: &str) -> Option<&'static str> {
        (self == Self::Nothing && table == "messages").then_some("template")
    }
}

/// Explains the files to whoever opens the ZIP.
const README: &str = include_str!("export/README.txt");

/// Makes an export. The file is there whole or not at all; memory does not grow with what is in it, but for some
/// hundred bytes for each message.
pub async fn make(
    store: &Store,
    clock: &dyn Clock,
    random: &Arc<dyn Random>,
    audit: &AuditLog,
    order: ExportOrder,
) -> Result<Made, ExportError> {
    let ExportOrder { by, ground, subjects, requester, path, key } = order;
    let kind = kind_of(subjects.first());
    let several = subjects.len() > 1;
    let made_at = clock.now();
    let mut archive = Archive::begin(path, key, Arc::clone(random));
    archive.file("README.txt", README.as_bytes().to_vec()).await?;
    let mut made = Made { bytes: 0, rows: BTreeMap::new(), messages: 0 };
    let (mut accounts, mut tally) = (Vec::new(), Tally::default());
    for subject in &subjects {
        let scope = match store.export_scope(subject).await {
            // Its keys are destroyed: there is nothing left to give.
            Err(StoreError::Erased) if several => continue,
            outcome => outcome?,
        };
        let account = account_of(subject);
        accounts.push(account.to_string());
        let folder = if several { format!("{account}/") } else { String::new() };
        copy(store, &scope, (&folder, ground), &mut tally, &mut archive, &mut made).await?;
    }
    if let Some(address) = requester {
        let scope = Store::requests_scope(&address);
        copy(store, &scope, ("", ground), &mut tally, &mut archive, &mut made).await?;
    }
    let manifest = Manifest::new(kind, made_at, accounts, (&made.rows, made.messages));
    archive.file("manifest.json", manifest.text()).await?;
    // Before the file is whole and has its name: nobody has read anything of it yet.
    match by {
        Some(operator) => tally.record(&OpenedBy { audit, operator }).await?,
        None => tally.record(audit).await?,
    }
    made.bytes = archive.finish().await?;
    Ok(made)
}

/// Everything that a scope goes through.
async fn copy(
    store: &Store,
    scope: &Scope,
    (folder, ground): (&str, ExportGround),
    tally: &mut Tally,
    archive: &mut Archive,
    made: &mut Made,
) -> Result<(), ExportError> {
    for table in scope.tables() {
        let rows = match *table {
            "bodies" if ground == ExportGround::Nothing => 0,
            "bodies" => contents(store, scope, folder, tally, archive).await?,
            table => lines(store, scope, table, folder, ground, archive).await?,
        };
        if *table == "bodies" {
            made.messages += rows;
        } else {
            *made.rows.entry((*table).to_owned()).or_default() += rows;
        }
    }
    Ok(())
}

/// A table as a file of lines; how many. A table without rows has no file.
async fn lines(
    store: &Store,
    scope: &Scope,
    table: &'static str,
    folder: &str,
    ground: ExportGround,
    archive: &mut Archive,
) -> Result<u64, ExportError> {
    let left_out = ground.left_out(table);
    let (mut rows, mut cursor) = (0, None);
    loop {
        let page = store.export_page(scope, table, cursor).await?;
        let mut bytes = Vec::new();
        for row in &page.rows {
            let line = row.line.open(&SEALING);
            match left_out {
                Some(member) => bytes.extend(without(line, member)),
                None => bytes.extend_from_slice(line),
            }
        }
        if rows == 0 && !bytes.is_empty() {
            archive.entry(format!("{folder}{table}.jsonl")).await?;
        }
        rows += page.rows.len() as u64;
        archive.bytes(bytes).await?;
        cursor = page.next;
        if cursor.is_none() {
            return Ok(rows);
        }
    }
}

/// The content of messages, a file for each; how many.
async fn contents(
    store: &Store,
    scope: &Scope,
    folder: &str,
    tally: &mut Tally,
    archive: &mut Archive,
) -> Result<u64, ExportError> {
    let (mut messages, mut cursor) = (0, None);
    loop {
        let page = store.export_page(scope, "bodies", cursor).await?;
        for (id, mime) in page.rows.into_iter().filter_map(|row| row.content) {
            archive.file(&format!("{folder}messages/{id}.eml"), mime.into_open_for(tally, &SEALING)).await?;
            messages += 1;
        }
        cursor = page.next;
        if cursor.is_none() {
            return Ok(messages);
        }
    }
}

/// A line without one of its members; nothing of a line that is none.
fn without(line: &[u8], member: &str) -> Vec<u8> {
    let Ok(mut row) = serde_json::from_slice::<serde_json::Map<_, _>>(line) else { return Vec::new() };
    row.remove(member);
    let mut line = serde_json::Value::Object(row).to_string().into_bytes();
    line.push(b'\n');
    line
}

/// Whose account it is in.
pub const fn account_of(subject: &ExportSubject) -> AccountId {
    match subject {
        ExportSubject::Account(account)
        | ExportSubject::Recipient { account, .. }
        | ExportSubject::Login { account, .. } => *account,
    }
}

const fn kind_of(subject: Option<&ExportSubject>) -> ExportKind {
    match subject {
        Some(ExportSubject::Login { .. }) => ExportKind::Login,
        Some(ExportSubject::Account(_)) => ExportKind::Account,
        Some(ExportSubject::Recipient { .. }) | None => ExportKind::Recipient,
    }
}

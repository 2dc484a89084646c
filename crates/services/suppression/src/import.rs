//! Files of suppressions: taken, and put onto their list in the background, some rows at a time.
//!
//! Nothing is kept in memory between two steps: whoever takes the next one reads from the store how far the file was read.
//! Whether the process was killed in between, or an erasure takes steps as well, makes no difference.

use std::{pin::pin, sync::Arc, time::Duration};

use tokio::sync::Notify;
use waxseal_form::csv::{LONGEST, Place, Row, Rows};
use waxseal_model::{AccountId, Clock, DomainId, ImportId, Random, suppression::SuppressionKind};
use waxseal_store::{
    Store, StoreError,
    suppression_import::{ImportProblem, ImportStep, NewImport, SuppressionImport},
};

use crate::{entry::entry, table::Columns};

/// Imports of an account that are under way at the same time.
pub const MOST: u64 = 10;
/// Rows that go onto a list by one transaction.
const ROWS: usize = 1_000;
/// Bytes of a file that are read for a step, unless the first row of it takes more.
const BYTES: u64 = 512 * 1024;
/// Bytes of a file in memory.
const PIECE: usize = 2 * LONGEST;
/// Problems that one step tells of.
const PROBLEMS: usize = 20;
/// Imports that are looked for at once.
const AT_ONCE: u64 = 100;
/// After a failure.
const AGAIN: Duration = Duration::from_secs(5);
/// While there is nothing to do: an account that was closed may be open again.
const IDLE: Duration = Duration::from_secs(60);

/// The imports of an instance. Cheap to clone.
#[derive(Clone)]
pub struct Imports {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    asked: Notify,
}

/// What became of a file.
#[derive(Debug)]
pub enum Asked {
    /// It is on stable storage, and will be imported.
    Taken(ImportId),
    /// It has no header, or one that names no column of addresses.
    NoHeader,
    /// There are as many under way as may be.
    TooMany,
}

impl Imports {
    /// Imports into the lists of this store.
    pub fn new(store: Store, clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        Self { inner: Arc::new(Inner { store, clock, random, asked: Notify::new() }) }
    }

    /// Takes a file.
    pub async fn ask(
        &self,
        (account, domain): (AccountId, DomainId),
        kind: SuppressionKind,
        content: Vec<u8>,
    ) -> Result<Asked, StoreError> {
        let Inner { store, clock, random, asked } = &*self.inner;
        let start = content.get(..PIECE.min(content.len())).unwrap_or_default();
        if header(kind, start, content.len() <= PIECE).is_none() {
            return Ok(Asked::NoHeader);
        }
        let id = ImportId::new(clock.as_ref(), random.as_ref());
        let new = NewImport { id, account, domain, kind, created_at: clock.now() };
        if !store.begin_import(new, content, MOST).await? {
            return Ok(Asked::TooMany);
        }
        asked.notify_one();
        Ok(Asked::Taken(id))
    }

    /// Imports as it comes, until `stop` is done. What is under way then goes on at the next start.
    pub async fn run(&self, stop: impl Future<Output = ()>) {
        let mut stop = pin!(stop);
        tokio::select! {
            () = &mut stop => {}
            () = self.keep_importing() => {}
        }
    }

    async fn keep_importing(&self) {
        let Inner { store, clock, asked, .. } = &*self.inner;
        loop {
            let wait = match finish(store, clock.as_ref(), None).await {
                Ok(()) => IDLE,
                Err(error) => {
                    tracing::warn!(%error, "a file of suppressions waits; it goes on soon");
                    AGAIN
                }
            };
            tokio::select! {
                () = asked.notified() => {}
                () = clock.sleep_until(clock.now() + wait) => {}
            }
        }
    }
}

/// Brings the imports that are under way to their end: of one account, or of all that are not closed.
pub async fn finish(store: &Store, clock: &dyn Clock, account: Option<AccountId>) -> Result<(), StoreError> {
    while round(store, clock, account).await? {}
    Ok(())
}

/// One step of each, so that a long file holds up no short one; whether there is more to do.
async fn round(store: &Store, clock: &dyn Clock, account: Option<AccountId>) -> Result<bool, StoreError> {
    let (mut went_on, mut failed) = (false, None);
    for import in store.open_imports(account, AT_ONCE).await? {
        match take_step(store, clock, &import).await {
            // Its account is being erased, and it goes with it.
            Err(StoreError::Erased) => {}
            // It goes on later, and holds up no other.
            Err(error) => failed = Some(error),
            Ok(()) => went_on = true,
        }
    }
    match failed {
        Some(error) if !went_on => Err(error),
        _ => Ok(went_on),
    }
}

/// Puts some rows of a file onto its list.
async fn take_step(store: &Store, clock: &dyn Clock, import: &SuppressionImport) -> Result<(), StoreError> {
    let Some(start) = store.read_import(import, 0, PIECE).await? else {
        return store.fail_import(import).await;
    };
    let Some((columns, behind)) = header(import.kind, &start, import.bytes <= PIECE as u64) else {
        return store.fail_import(import).await;
    };
    let from = match import.done {
        0 => behind,
        offset => Place { offset, line: import.line },
    };
    let mut step = Step { clock, import, columns, made: empty(from) };
    let (mut rows, mut read) = (Rows::from(from), from.offset);
    loop {
        let Some(piece) = store.read_import(import, read, PIECE).await? else {
            return store.fail_import(import).await;
        };
        read += piece.len() as u64;
        rows.push(&piece);
        if piece.is_empty() || read >= import.bytes {
            rows.finish();
            step.made.is_last = true;
        }
        while !step.is_full()
            && let Some(row) = rows.take()
        {
            step.take(row);
        }
        if step.is_full() {
            step.made.is_last = false;
        } else if step.made.is_last {
            step.made.done = import.bytes;
        }
        if step.made.is_last || step.is_full() || step.made.done.saturating_sub(from.offset) >= BYTES {
            break;
        }
    }
    let made = step.made;
    let is_last = made.is_last;
    if store.apply_import(import, made).await? && is_last {
        tracing::info!("a file of suppressions is imported");
    }
    Ok(())
}

/// What is made of some rows.
struct Step<'a> {
    clock: &'a dyn Clock,
    import: &'a SuppressionImport,
    columns: Columns,
    made: ImportStep,
}

const fn empty(from: Place) -> ImportStep {
    ImportStep {
        done: from.offset,
        line: from.line,
        entries: Vec::new(),
        refused: 0,
        problems: Vec::new(),
        is_last: false,
    }
}

impl Step<'_> {
    fn is_full(&self) -> bool {
        self.made.entries.len() as u64 + self.made.refused >= ROWS as u64
    }

    fn take(&mut self, row: Row) {
        let of = (self.import.account, self.import.domain);
        let read = row.record.map_err(|flaw| flaw.to_string()).and_then(|record| {
            let given = self.columns.given(&record).map_err(|refused| refused.of_row())?;
            entry(self.import.kind, of, given, self.clock.now()).map_err(|refused| refused.of_row())
        });
        match read {
            Ok(entry) => self.made.entries.push(entry),
            Err(reason) => {
                self.made.refused += 1;
                if self.made.problems.len() < PROBLEMS {
                    self.made.problems.push(ImportProblem { line: row.line, reason });
                }
            }
        }
        (self.made.done, self.made.line) = (row.end.offset, row.end.line);
    }
}

/// The columns of a file that begins like this, and where its rows begin.
fn header(kind: SuppressionKind, start: &[u8], whole: bool) -> Option<(Columns, Place)> {
    let mut rows = Rows::from(Place::START);
    rows.push(start);
    if whole {
        rows.finish();
    }
    let row = rows.take()?;
    let columns = Columns::of(kind, row.record.as_ref().ok()?)?;
    Some((columns, row.end))
}

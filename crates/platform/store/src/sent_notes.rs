//! Notes "data sent, reply unknown": what was between the end of a message and the reply to it when a process died.
//!
//! A note is on stable storage before the end of the message is written to the recipient's server, and goes when the
//! outcome is committed. So after a crash exactly the entries that have a note may have been delivered without a
//! record of it. Notes lie in a small file of their own (`sent.notes`, ids only): many connections share one
//! `fdatasync`, and no commit of the database is spent on them.

mod file;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    io,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
};

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};
use tokio::sync::{mpsc, oneshot};
use waxseal_model::{MessageId, Purpose, RecipientId};

use crate::{
    entity::queue_entry::{self, Column},
    error::{OpenError, StoreError},
    open::Store,
    queue::{CLEARED, HELD, QueueEntry},
    rows::RowId,
    writer::Effects,
};
use file::{NotesFile, Record};

/// Callers waiting beyond these wait for their turn.
const WAITING: usize = 1_024;
/// Ids in one statement.
const IDS: usize = 256;

/// An attempt whose end of data is about to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SentNote {
    /// The entry.
    pub entry: RecipientId,
    /// Attempts that were settled before this one. A note counts until more of them are.
    pub attempts: u32,
}

/// An entry that may have been delivered without a record of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Uncertain {
    /// The entry.
    pub entry: RecipientId,
    /// Its message.
    pub message: MessageId,
}

/// The notes of one data folder.
pub(crate) struct SentNotes {
    state: Arc<Mutex<State>>,
    requests: Mutex<Option<mpsc::Sender<Request>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// Writes what has changed; a request with somebody who waits also makes it durable.
struct Request(Option<oneshot::Sender<Result<(), Arc<io::Error>>>>);

#[derive(Default)]
struct State {
    notes: HashMap<RecipientId, (usize, u32)>,
    free: BTreeSet<usize>,
    /// Records to write, by their place; `None` empties it.
    changed: BTreeMap<usize, Option<Record>>,
}

impl State {
    fn add(&mut self, note: SentNote) {
        let next = self.notes.len() + self.free.len();
        let slot = match self.notes.get(&note.entry) {
            Some((slot, _)) => *slot,
            None => self.free.pop_first().unwrap_or(next),
        };
        self.notes.insert(note.entry, (slot, note.attempts));
        self.changed.insert(slot, Some(Record::new(note)));
    }

    fn remove(&mut self, entry: RecipientId) -> bool {
        let Some((slot, _)) = self.notes.remove(&entry) else { return false };
        self.free.insert(slot);
        self.changed.insert(slot, None);
        true
    }

    /// Gives every note a new place, from the first on: for a file that is written anew.
    fn renumber(&mut self) -> Vec<Record> {
        self.free.clear();
        self.changed.clear();
        let place = |(slot, (entry, note)): (usize, (&RecipientId, &mut (usize, u32)))| {
            note.0 = slot;
            Record::new(SentNote { entry: *entry, attempts: note.1 })
        };
        self.notes.iter_mut().enumerate().map(place).collect()
    }
}

impl SentNotes {
    /// Reads the notes in the folder; there need not be any.
    pub(crate) fn open(path: PathBuf) -> Result<Self, OpenError> {
        let mut state = State::default();
        let found = file::read(&path)
            .map_err(|source| OpenError::File { path: path.display().to_string(), source })?;
        found.into_iter().for_each(|note| state.add(note));
        let state = Arc::new(Mutex::new(state));
        let (requests, waiting) = mpsc::channel(WAITING);
        let of_thread = Arc::clone(&state);
        let thread = std::thread::Builder::new()
            .name("waxseal-notes".into())
            .spawn(move || run(NotesFile::new(path), &of_thread, waiting))
            .map_err(|source| OpenError::File { path: "thread for sent.notes".into(), source })?;
        Ok(Self { state, requests: Mutex::new(Some(requests)), thread: Mutex::new(Some(thread)) })
    }

    /// Writes what has changed and ends.
    pub(crate) async fn close(&self) {
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(requests);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        // Not waited for here: it ends after callers that want to be polled on this very thread.
        if let Some(thread) = thread
            && !matches!(tokio::task::spawn_blocking(|| thread.join()).await, Ok(Ok(())))
        {
            tracing::error!("the thread of sent.notes panicked");
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    fn requests(&self) -> Option<mpsc::Sender<Request>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn add(&self, notes: &[SentNote]) -> Result<(), StoreError> {
        let closed = || StoreError::Unavailable("the store is closed".into());
        let requests = self.requests().ok_or_else(closed)?;
        let (done, written) = oneshot::channel();
        let new: Vec<_> = {
            let mut state = self.state();
            let new =
                notes.iter().map(|note| note.entry).filter(|id| !state.notes.contains_key(id)).collect();
            notes.iter().for_each(|note| state.add(*note));
            new
        };
        requests.send(Request(Some(done))).await.map_err(|_| closed())?;
        match written.await.map_err(|_| closed())? {
            Ok(()) => Ok(()),
            Err(error) => {
                // Nobody sends on the strength of a note that may not be there.
                self.remove(&new);
                Err(StoreError::Unavailable(Box::new(error)))
            }
        }
    }

    fn remove(&self, entries: &[RecipientId]) {
        let removed = {
            let mut state = self.state();
            entries.iter().filter(|entry| state.remove(**entry)).count()
        };
        if removed > 0
            && let Some(requests) = self.requests()
        {
            // Where the queue is full, somebody else's request writes it.
            let _ = requests.try_send(Request(None));
        }
    }

    fn get(&self, entry: RecipientId) -> Option<u32> {
        self.state().notes.get(&entry).map(|(_, attempts)| *attempts)
    }

    fn all(&self) -> Vec<SentNote> {
        let state = self.state();
        state
            .notes
            .iter()
            .map(|(entry, (_, attempts))| SentNote { entry: *entry, attempts: *attempts })
            .collect()
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Serves requests in groups until nobody can make any.
fn run(mut file: NotesFile, state: &Mutex<State>, mut requests: mpsc::Receiver<Request>) {
    while let Some(Request(first)) = requests.blocking_recv() {
        let mut waiting: Vec<_> = first.into_iter().collect();
        while let Ok(Request(more)) = requests.try_recv() {
            waiting.extend(more);
        }
        let written = write(&mut file, state, !waiting.is_empty()).map_err(Arc::new);
        if let Err(error) = &written {
            tracing::error!(%error, "sent.notes cannot be written; it is made anew");
        }
        for done in waiting {
            let _ = done.send(written.clone());
        }
    }
}

fn write(file: &mut NotesFile, state: &Mutex<State>, durable: bool) -> io::Result<()> {
    if file.is_trusted() {
        let changed = std::mem::take(&mut lock(state).changed);
        return file.write(&changed, durable);
    }
    if durable {
        let all = lock(state).renumber();
        return file.make(&all);
    }
    Ok(())
}

impl Store {
    /// Notes that the end of these entries' data is about to be sent. When it answers, the notes are on stable
    /// storage; after an error the data must not be ended.
    ///
    /// # Errors
    /// The file cannot be written now.
    pub async fn note_sent(&self, notes: &[SentNote]) -> Result<(), StoreError> {
        self.inner.sent_notes.add(notes).await
    }

    /// The outcomes of these entries are committed: their notes go.
    pub fn drop_notes(&self, entries: &[RecipientId]) {
        self.inner.sent_notes.remove(entries);
    }

    /// Whether the entry has a note: its data was sent and no outcome of it is on record.
    pub fn is_noted(&self, entry: RecipientId) -> bool {
        self.inner.sent_notes.get(entry).is_some()
    }

    /// The entries that may have been delivered before the process ended last, in the order of their ids. Notes of
    /// entries that were settled since go. Call it before anything is sent.
    pub async fn uncertain(&self) -> Result<Vec<Uncertain>, StoreError> {
        let mut notes = self.inner.sent_notes.all();
        notes.sort_unstable_by_key(|note| note.entry);
        let mut uncertain = Vec::new();
        for chunk in notes.chunks(IDS) {
            let ids: Vec<_> = chunk.iter().map(|note| note.entry.to_row()).collect();
            let rows = queue_entry::Entity::find()
                .filter(Column::Id.is_in(ids))
                .all(self.read_for(Purpose::Delivery))
                .await?;
            let mut settled: BTreeSet<_> = chunk.iter().map(|note| note.entry).collect();
            for row in rows {
                let entry = RecipientId::from_row(&row.id, "queue_entries", "id")?;
                if self.reply_is_unknown(entry, row.attempts) {
                    settled.remove(&entry);
                    let message = MessageId::from_row(&row.message, "queue_entries", "message")?;
                    uncertain.push(Uncertain { entry, message });
                }
            }
            self.drop_notes(&settled.into_iter().collect::<Vec<_>>());
        }
        uncertain.sort_unstable_by_key(|one| one.entry);
        Ok(uncertain)
    }

    pub(crate) fn reply_is_unknown(&self, entry: RecipientId, attempts: i32) -> bool {
        self.inner.sent_notes.get(entry).is_some_and(|noted| i64::from(noted) >= i64::from(attempts))
    }

    /// Keeps entries waiting until somebody asks for another try ([`Store::retry_now`]).
    pub async fn hold(&self, entries: &[RecipientId]) -> Result<(), StoreError> {
        let ids: Vec<_> = entries.iter().map(|entry| entry.to_row()).collect();
        self.inner
            .writer
            .write(Effects::default(), move |tx| {
                Box::pin(async move {
                    for ids in ids.chunks(IDS) {
                        queue_entry::Entity::update_many()
                            .col_expr(Column::Lease, Expr::value(Option::<Vec<u8>>::None))
                            .col_expr(Column::DueAt, Expr::value(HELD.as_micros()))
                            .col_expr(Column::ReadyAt, Expr::value(HELD.as_micros()))
                            .filter(Column::Id.is_in(ids.to_vec()))
                            .filter(Column::DueAt.ne(CLEARED.as_micros()))
                            .exec(tx)
                            .await?;
                    }
                    Ok(())
                })
            })
            .await
    }
}

impl QueueEntry {
    /// Whether it waits until somebody asks for another try.
    pub fn is_held(&self) -> bool {
        self.next_attempt_at == HELD
    }

    /// Whether its queue was cleared: it is in somebody's hands, and ends when it leaves them.
    pub fn is_cleared(&self) -> bool {
        self.next_attempt_at == CLEARED
    }
}

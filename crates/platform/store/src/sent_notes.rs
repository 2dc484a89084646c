//! The two notes of a delivery: "data sent, reply unknown", and "delivered".
//!
//! The first is on stable storage before the end of the message is written to the recipient's server; the second is
//! written as soon as the server has said yes. Both go when the outcome is committed. So after a crash exactly the entries
//! that have the first and not the second may have been delivered without anybody knowing, and those that have both
//! are settled at the next start. Notes lie in a small file of their own (`sent.notes`, ids and times only): many
//! connections share one `fdatasync`, and no commit of the database is spent on them.

mod file;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs::File,
    io,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
};

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};
use tokio::sync::{mpsc, oneshot};
use waxseal_model::{MessageId, Purpose, RecipientId, Timestamp};

use crate::{
    entity::queue_entry::{self, Column},
    error::{OpenError, StoreError},
    open::Store,
    queue::{CLEARED, HELD, QueueEntry},
    rows::RowId,
    writer::Effects,
};
pub(crate) use file::Delivered;
use file::{NotesFile, Record, write_at};

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
    notes: HashMap<RecipientId, Noted>,
    free: BTreeSet<usize>,
    /// Records to write, by their place; `None` empties it.
    changed: BTreeMap<usize, Option<Record>>,
    /// The file, while it is trusted.
    file: Option<Arc<File>>,
}

/// What is noted of an entry, and in which of the pairs of places.
#[derive(Clone, Copy)]
struct Noted {
    pair: usize,
    attempts: u32,
    delivered: Option<Delivered>,
}

impl Noted {
    /// The place of "data sent"; that of "delivered" is the next one.
    const fn place(&self) -> usize {
        self.pair * 2
    }
}

impl State {
    fn add(&mut self, note: SentNote) {
        let next = self.notes.len() + self.free.len();
        let before = self.notes.get(&note.entry).copied();
        let pair = match before {
            Some(noted) => noted.pair,
            None => self.free.pop_first().unwrap_or(next),
        };
        let noted = Noted { pair, attempts: note.attempts, delivered: None };
        self.notes.insert(note.entry, noted);
        self.changed.insert(noted.place(), Some(Record::sent(note)));
        if before.is_some_and(|before| before.delivered.is_some()) {
            self.changed.insert(noted.place() + 1, None);
        }
    }

    /// What an earlier process wrote.
    fn restore(&mut self, record: &Record) {
        let Some((note, delivered)) = record.read() else { return };
        let known = self.notes.get(&note.entry).and_then(|noted| noted.delivered);
        self.add(note);
        if let Some(noted) = self.notes.get_mut(&note.entry) {
            noted.delivered = delivered.or(known);
        }
    }

    /// The second note of entries that have the first: the records, and where they go. The thread writes them if it is
    /// `left` to it.
    fn deliver(&mut self, entries: &[(RecipientId, Delivered)], left: bool) -> Vec<(usize, Record)> {
        let record = |(entry, delivered): &(RecipientId, Delivered)| {
            let noted = self.notes.get_mut(entry)?;
            noted.delivered = Some(*delivered);
            let note = SentNote { entry: *entry, attempts: noted.attempts };
            Some((noted.place() + 1, Record::delivered(note, *delivered)))
        };
        let records: Vec<_> = entries.iter().filter_map(record).collect();
        if left {
            self.changed.extend(records.iter().map(|(place, record)| (*place, Some(*record))));
        }
        records
    }

    fn remove(&mut self, entry: RecipientId) -> bool {
        let Some(noted) = self.notes.remove(&entry) else { return false };
        self.free.insert(noted.pair);
        self.changed.insert(noted.place(), None);
        if noted.delivered.is_some() {
            self.changed.insert(noted.place() + 1, None);
        }
        true
    }

    /// Gives every note a new place, from the first on: for a file that is written anew.
    fn renumber(&mut self) -> Vec<Record> {
        self.free.clear();
        self.changed.clear();
        let place = |(pair, (entry, noted)): (usize, (&RecipientId, &mut Noted))| {
            noted.pair = pair;
            let note = SentNote { entry: *entry, attempts: noted.attempts };
            let second = noted.delivered.map_or(Record::EMPTY, |at| Record::delivered(note, at));
            [Record::sent(note), second]
        };
        self.notes.iter_mut().enumerate().flat_map(place).collect()
    }
}

impl SentNotes {
    /// Reads the notes in the folder; there need not be any.
    pub(crate) fn open(path: PathBuf) -> Result<Self, OpenError> {
        let mut state = State::default();
        let found = file::read(&path)
            .map_err(|source| OpenError::File { path: path.display().to_string(), source })?;
        found.iter().for_each(|record| state.restore(record));
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

    /// Writes the second note of entries. Not synced here: what the process has written outlives the process, and the
    /// next note that is waited for syncs it.
    fn deliver(&self, delivered: &[(RecipientId, Delivered)]) {
        let (records, file) = {
            let mut state = self.state();
            let file = state.file.clone();
            (state.deliver(delivered, file.is_none()), file)
        };
        let Some(file) = file else { return };
        if records.iter().any(|(place, record)| write_at(&file, *place, record).is_err()) {
            // The thread meets the fault, and makes the file anew.
            self.state().deliver(delivered, true);
        }
    }

    fn get(&self, entry: RecipientId) -> Option<Noted> {
        self.state().notes.get(&entry).copied()
    }

    fn all(&self) -> Vec<(SentNote, Option<Delivered>)> {
        let state = self.state();
        let note = |(entry, noted): (&RecipientId, &Noted)| {
            (SentNote { entry: *entry, attempts: noted.attempts }, noted.delivered)
        };
        state.notes.iter().map(note).collect()
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
        let written = file.write(&changed, durable);
        if written.is_err() {
            lock(state).file = None;
        }
        return written;
    }
    if durable {
        // Until the new one is there nobody writes past us.
        let all = lock(state).renumber();
        file.make(&all)?;
        let mut state = lock(state);
        state.file = file.handle();
        // What was noted while it was made.
        let changed = std::mem::take(&mut state.changed);
        drop(state);
        return file.write(&changed, durable);
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

    /// Notes that the servers of these entries have said yes. When it answers the note outlives the process, and with
    /// the next [`Store::note_sent`] a power cut; until the outcome is committed it counts in its place. The
    /// flag of each tells whether it may have been a second copy.
    pub fn note_delivered(&self, entries: &[(RecipientId, bool)], at: Timestamp) {
        let delivered = entries.iter().map(|(entry, is_second)| (*entry, Delivered::new(at, *is_second)));
        self.inner.sent_notes.deliver(&delivered.collect::<Vec<_>>());
    }

    /// The outcomes of these entries are committed: their notes go.
    pub fn drop_notes(&self, entries: &[RecipientId]) {
        self.inner.sent_notes.remove(entries);
    }

    /// Whether the entry has a note: its data was sent and no outcome of it is committed.
    pub fn is_noted(&self, entry: RecipientId) -> bool {
        self.inner.sent_notes.get(entry).is_some()
    }

    /// Those of these entries that are in the queue, whoever has them.
    pub async fn still_queued(&self, entries: &[RecipientId]) -> Result<Vec<Uncertain>, StoreError> {
        let mut queued = Vec::new();
        for chunk in entries.chunks(IDS) {
            let ids: Vec<_> = chunk.iter().map(|entry| entry.to_row()).collect();
            let rows = queue_entry::Entity::find()
                .filter(Column::Id.is_in(ids))
                .all(self.read_for(Purpose::Delivery))
                .await?;
            for row in rows {
                let entry = RecipientId::from_row(&row.id, "queue_entries", "id")?;
                let message = MessageId::from_row(&row.message, "queue_entries", "message")?;
                queued.push(Uncertain { entry, message });
            }
        }
        Ok(queued)
    }

    /// The entries that may have been delivered before the process ended last, in the order of their ids. Notes of
    /// entries that were settled since go. Call it before anything is sent, and after [`Store::settle_noted`].
    pub async fn uncertain(&self) -> Result<Vec<Uncertain>, StoreError> {
        let mut notes: Vec<_> = self.inner.sent_notes.all().into_iter().map(|(note, _)| note).collect();
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
        let noted = self.inner.sent_notes.get(entry);
        noted.is_some_and(|noted| {
            noted.delivered.is_none() && i64::from(noted.attempts) >= i64::from(attempts)
        })
    }

    /// What is noted as delivered.
    pub(crate) fn noted_as_delivered(&self) -> Vec<(SentNote, Delivered)> {
        let all = self.inner.sent_notes.all().into_iter();
        let mut delivered: Vec<_> = all.filter_map(|(note, delivered)| Some((note, delivered?))).collect();
        delivered.sort_unstable_by_key(|(note, _)| note.entry);
        delivered
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

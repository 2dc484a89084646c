//! The ZIP, written and sealed as it comes: packing and sealing have a thread of their own beside the reading.

use std::{
    io::{self, Write as _},
    path::PathBuf,
    sync::Arc,
};

use tokio::{sync::mpsc, task::JoinHandle};
use waxseal_model::Random;
use waxseal_store::export_file::{ExportKey, ExportWriter};
use zeroize::Zeroizing;
use zip::{ZipWriter, result::ZipError, write::SimpleFileOptions};

use super::ExportError;

/// Pieces that wait to be packed: at most a page each, or a message.
const WAITING: usize = 2;

enum Piece {
    Entry(String),
    Bytes(Zeroizing<Vec<u8>>),
    End,
}

/// An archive under way. Dropped before [`Archive::finish`], it leaves no file.
pub(super) struct Archive {
    path: PathBuf,
    pieces: mpsc::Sender<Piece>,
    writing: JoinHandle<io::Result<u64>>,
}

impl Archive {
    pub(super) fn begin(path: PathBuf, key: ExportKey, random: Arc<dyn Random>) -> Self {
        let (pieces, coming) = mpsc::channel(WAITING);
        let target = path.clone();
        let writing = tokio::task::spawn_blocking(move || {
            write(ExportWriter::begin(&target, &key, random.as_ref())?, coming)
        });
        Self { path, pieces, writing }
    }

    /// A file of the archive, as a whole.
    pub(super) async fn file(&mut self, name: &str, bytes: Vec<u8>) -> Result<(), ExportError> {
        self.entry(name.to_owned()).await?;
        self.bytes(bytes).await
    }

    /// Begins a file of the archive.
    pub(super) async fn entry(&mut self, name: String) -> Result<(), ExportError> {
        self.send(Piece::Entry(name)).await
    }

    /// More of it.
    pub(super) async fn bytes(&mut self, bytes: Vec<u8>) -> Result<(), ExportError> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.send(Piece::Bytes(Zeroizing::new(bytes))).await
    }

    /// Ends it; the length of the file in bytes, which is on stable storage.
    pub(super) async fn finish(mut self) -> Result<u64, ExportError> {
        self.send(Piece::End).await?;
        self.outcome().await
    }

    async fn send(&mut self, piece: Piece) -> Result<(), ExportError> {
        match self.pieces.send(piece).await {
            Ok(()) => Ok(()),
            Err(_) => Err(self.outcome().await.err().unwrap_or(ExportError::Interrupted)),
        }
    }

    async fn outcome(&mut self) -> Result<u64, ExportError> {
        let ended = (&mut self.writing).await.map_err(|_| ExportError::Interrupted)?;
        ended.map_err(ExportError::file(&self.path))
    }
}

fn write(file: ExportWriter, mut coming: mpsc::Receiver<Piece>) -> io::Result<u64> {
    let mut zip = ZipWriter::new_stream(file);
    // Whoever asks waits, and mail is being sent beside it: time counts more than size.
    let light = i64::from(flate2::Compression::fast().level());
    while let Some(piece) = coming.blocking_recv() {
        match piece {
            Piece::Entry(name) => {
                // Lines of a table may take more than 4 GiB; a message never does.
                let options = SimpleFileOptions::default()
                    .compression_level(Some(light))
                    .large_file(name.ends_with(".jsonl"));
                zip.start_file(name, options).map_err(failed)?;
            }
            Piece::Bytes(bytes) => zip.write_all(&bytes)?,
            Piece::End => return zip.finish().map_err(failed)?.into_inner().finish(),
        }
    }
    Err(io::Error::new(io::ErrorKind::Interrupted, "given up"))
}

fn failed(error: ZipError) -> io::Error {
    match error {
        ZipError::Io(error) => error,
        other => io::Error::other(other),
    }
}

//! The rows of a backup in batches, for whoever takes them one after the other.

use tokio::sync::mpsc;

use super::{
    BackupError,
    frame::{Frame, TableFrame, Totals, Value},
    read::Opened,
};
use crate::error::StoreError;

/// Rows of a batch: as many as one statement takes.
const ROWS: usize = 100;
/// Bytes of its rows; a single row may have more.
const BYTES: usize = 1 << 20;

/// Rows of a table.
pub(crate) struct Batch {
    pub(crate) table: TableFrame,
    pub(crate) rows: Vec<Vec<Option<Value>>>,
}

/// Gives the rows out in batches; what was counted.
pub(crate) fn read(mut opened: Opened, to: &mpsc::Sender<Batch>) -> Result<Totals, BackupError> {
    let mut batch: Option<Batch> = None;
    let mut bytes = 0;
    let send = |batch: Option<Batch>| match batch.filter(|batch| !batch.rows.is_empty()) {
        Some(batch) => to.blocking_send(batch).map_err(|_| interrupted()),
        None => Ok(()),
    };
    loop {
        match opened.next()? {
            Some(Frame::Table(table)) => {
                send(batch.replace(Batch { table, rows: Vec::new() }))?;
                bytes = 0;
            }
            Some(Frame::Row(row)) => {
                let length: usize = row.iter().flatten().map(length).sum();
                if let Some(full) = &mut batch
                    && (full.rows.len() == ROWS || bytes + length > BYTES)
                {
                    let table = full.table.clone();
                    send(batch.replace(Batch { table, rows: Vec::new() }))?;
                    bytes = 0;
                }
                bytes += length;
                if let Some(batch) = &mut batch {
                    batch.rows.push(row);
                }
            }
            Some(Frame::End(totals)) => {
                send(batch.take())?;
                opened.next()?;
                return Ok(totals);
            }
            None => return Err(interrupted()),
        }
    }
}

fn interrupted() -> BackupError {
    StoreError::Unavailable("the database takes no more rows".into()).into()
}

fn length(value: &Value) -> usize {
    match value {
        Value::Int(_) | Value::Long(_) | Value::Flag(_) => 8,
        Value::Bytes(bytes) => bytes.len(),
        Value::Text(text) => text.len(),
    }
}

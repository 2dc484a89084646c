//! Records of a CSV file (RFC 4180), as the file comes, in bounded memory.
//!
//! Where a record ends is known to the byte, so that whoever was interrupted goes on there. A quote that nobody closes, or a
//! row that is too long, costs its own line and not the rest of the file: reading goes on behind that line. A record spans
//! few lines at most, so that a file full of such quotes is read in linear time all the same.

use csv_core::{ReadRecordResult, Reader};
use thiserror::Error;

/// Longest record, in bytes of the file.
pub const LONGEST: usize = 64 * 1024;
/// Lines that a record spans at most: quoted fields may hold line breaks.
pub const MOST_LINES: usize = 32;
/// Fields of a record.
pub const MOST_FIELDS: usize = 256;

/// A place in a file between two records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Bytes before it.
    pub offset: u64,
    /// The line that begins there, from 1.
    pub line: u64,
}

impl Place {
    /// The beginning of a file.
    pub const START: Self = Self { offset: 0, line: 1 };
}

/// Why a row is no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Flaw {
    /// It has no end within bounds.
    #[error("the row is longer than {LONGEST} bytes")]
    TooLong,
    /// A quoted field has none.
    #[error("a quote is not closed within {MOST_LINES} lines and {LONGEST} bytes")]
    Unclosed,
    /// It has too many fields.
    #[error("the row has more than {MOST_FIELDS} fields")]
    TooManyFields,
}

/// A row of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The line in which it begins.
    pub line: u64,
    /// Where the next one begins.
    pub end: Place,
    /// What stands in it.
    pub record: Result<Record, Flaw>,
}

/// The fields of a row, their quotes taken off.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Record {
    text: Vec<u8>,
    ends: Vec<usize>,
}

impl Record {
    /// A field by its number, from 0.
    pub fn get(&self, number: usize) -> Option<&[u8]> {
        let start = number.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied())?;
        self.text.get(start..*self.ends.get(number)?)
    }

    /// All fields.
    pub fn fields(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.ends.len()).filter_map(|number| self.get(number))
    }
}

/// What is in it stays out of logs.
impl std::fmt::Debug for Record {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Record").field("fields", &self.ends.len()).finish_non_exhaustive()
    }
}

/// Takes pieces of a file and gives its rows.
pub struct Rows {
    reader: Reader,
    buffer: Vec<u8>,
    /// Where in the buffer the next row begins.
    start: usize,
    place: Place,
    ended: bool,
    /// The line whose end is looked for, because it is too long.
    skipping: Option<u64>,
    /// Bytes that are waited for, so that a row is not gone through again with each piece.
    wanted: usize,
}

impl Rows {
    /// Rows from this place of a file on.
    pub fn from(place: Place) -> Self {
        Self {
            reader: Reader::new(),
            buffer: Vec::new(),
            start: 0,
            place,
            ended: false,
            skipping: None,
            wanted: 0,
        }
    }

    /// Takes a piece. Take all rows before the next one: memory holds what no row was made of.
    pub fn push(&mut self, piece: &[u8]) {
        self.buffer.drain(..self.start);
        self.start = 0;
        self.buffer.extend_from_slice(piece);
    }

    /// The file ends here.
    pub fn finish(&mut self) {
        self.ended = true;
    }

    /// The next row; `None` if there is none, or if more of the file has to come.
    pub fn take(&mut self) -> Option<Row> {
        if let Some(line) = self.skipping {
            return self.skip(line);
        }
        self.pass_blank_lines()?;
        let waiting = self.waiting();
        let enough = waiting.len() >= self.wanted.min(LONGEST + 1) || self.ended;
        if waiting.is_empty() || !enough {
            return None;
        }
        let window = window(waiting);
        let whole = self.ended && window == waiting.len();
        let bounded = window == LONGEST || window < waiting.len();
        match self.read(window, whole) {
            Found::Record(length, record) => {
                // A line feed may follow that belongs to it.
                if !self.ended && self.waiting().get(..=length).is_none() {
                    self.wanted = length + 1;
                    return None;
                }
                Some(self.row(length, record))
            }
            Found::Nothing if whole || bounded => self.refuse(window),
            Found::Nothing => {
                self.wanted = window * 2;
                None
            }
        }
    }

    /// Refuses the line that begins here, of which nobody knows where its row ends.
    fn refuse(&mut self, window: usize) -> Option<Row> {
        let line = self.waiting().get(..window).unwrap_or_default();
        match line.iter().position(|byte| is_break(*byte)) {
            Some(end) => Some(self.row(end + 1, Err(Flaw::Unclosed))),
            None if self.ended && window == self.waiting().len() && window < LONGEST => {
                Some(self.row(window, Err(Flaw::Unclosed)))
            }
            None => {
                self.skipping = Some(self.place.line);
                self.pass(window);
                self.skip(self.place.line)
            }
        }
    }

    fn skip(&mut self, line: u64) -> Option<Row> {
        let waiting = self.waiting();
        let Some(end) = waiting.iter().position(|byte| is_break(*byte)) else {
            let all = waiting.len();
            self.pass(all);
            if !self.ended {
                return None;
            }
            self.skipping = None;
            return Some(Row { line, end: self.place, record: Err(Flaw::TooLong) });
        };
        if end + 1 == waiting.len() && !self.ended {
            return None;
        }
        self.skipping = None;
        Some(Row { line, ..self.row(end + 1, Err(Flaw::TooLong)) })
    }

    /// The row of so many bytes, with the line break that it ends with.
    fn row(&mut self, length: usize, record: Result<Record, Flaw>) -> Row {
        let waiting = self.waiting();
        let ends_in_half = length > 0 && waiting.get(length - 1) == Some(&b'\r');
        let length = if ends_in_half && waiting.get(length) == Some(&b'\n') { length + 1 } else { length };
        let line = self.place.line;
        self.pass(length);
        Row { line, end: self.place, record }
    }

    /// Passes lines with nothing in them; `None` if more has to come.
    fn pass_blank_lines(&mut self) -> Option<()> {
        loop {
            let length = match *self.waiting() {
                [b'\n', ..] => 1,
                [b'\r', b'\n', ..] => 2,
                [b'\r'] if !self.ended => return None,
                [b'\r', ..] => 1,
                _ => return Some(()),
            };
            self.pass(length);
        }
    }

    fn waiting(&self) -> &[u8] {
        self.buffer.get(self.start..).unwrap_or_default()
    }

    fn pass(&mut self, length: usize) {
        let passed = self.waiting().get(..length).unwrap_or_default();
        let (bytes, lines) = (passed.len(), breaks(passed));
        self.start += bytes;
        self.place = Place { offset: self.place.offset + bytes as u64, line: self.place.line + lines };
        self.wanted = 0;
    }

    /// Reads one record within the first bytes of what waits.
    fn read(&mut self, window: usize, whole: bool) -> Found {
        let mut input = self.buffer.get(self.start..self.start + window).unwrap_or_default();
        let (mut text, mut ends) = (vec![0; window + 1], vec![0; MOST_FIELDS]);
        let (mut length, mut written, mut fields, mut too_many) = (0, 0, 0, false);
        self.reader.reset();
        // Behind the last byte of a file a line ends, except within quotes.
        let mut behind = if whole { b"\n".as_slice() } else { b"" };
        loop {
            let into =
                (text.get_mut(written..).unwrap_or_default(), ends.get_mut(fields..).unwrap_or_default());
            let (result, read, out, ended) = self.reader.read_record(input, into.0, into.1);
            input = input.get(read..).unwrap_or_default();
            (length, written, fields) = (length + read, written + out, fields + ended);
            match result {
                ReadRecordResult::Record if too_many => {
                    return Found::Record(length.min(window), Err(Flaw::TooManyFields));
                }
                ReadRecordResult::Record => {
                    text.truncate(written);
                    ends.truncate(fields);
                    return Found::Record(length.min(window), Ok(Record { text, ends }));
                }
                ReadRecordResult::OutputEndsFull => (fields, too_many) = (0, true),
                ReadRecordResult::InputEmpty if !behind.is_empty() => input = std::mem::take(&mut behind),
                ReadRecordResult::InputEmpty | ReadRecordResult::OutputFull | ReadRecordResult::End => {
                    return Found::Nothing;
                }
            }
        }
    }
}

/// What the bytes at hand are.
enum Found {
    /// A row of this many of them.
    Record(usize, Result<Record, Flaw>),
    /// No row that ends.
    Nothing,
}

/// How much of what waits a record may take.
fn window(waiting: &[u8]) -> usize {
    let bytes = waiting.get(..LONGEST).unwrap_or(waiting);
    let last = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(MOST_LINES - 1);
    last.map_or(bytes.len(), |(at, _)| at + 1)
}

const fn is_break(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

/// Line breaks in these bytes, in any of their three forms.
fn breaks(bytes: &[u8]) -> u64 {
    let feeds = bytes.iter().filter(|byte| **byte == b'\n').count();
    let pairs = bytes.windows(2).filter(|pair| *pair == b"\r\n").count();
    let returns = bytes.iter().filter(|byte| **byte == b'\r').count();
    (feeds + returns - pairs) as u64
}

#[cfg(test)]
mod tests;

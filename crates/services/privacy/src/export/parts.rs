//! The parts of an export's ZIP, in the order in which they can be written again. The file may be anybody's: lines,
//! messages and what is in memory of them have limits.

use std::io::{self, BufRead, BufReader, Read, Seek};

use waxseal_model::MessageId;
use zip::{ZipArchive, result::ZipError};

use super::manifest::{FORMAT, Manifest};

/// Longest manifest that is read.
const LONGEST_MANIFEST: u64 = 1 << 20;
/// Longest line that is read.
pub(crate) const LONGEST_LINE: u64 = 16 << 20;
/// Longest message that is read.
pub(crate) const LONGEST_MESSAGE: u64 = 128 << 20;
/// Lines are handed on when there are so many, or so many bytes of them.
pub(crate) const LINES: usize = 200;
const BYTES: usize = 1 << 20;

/// A part of an export.
pub(crate) enum Part {
    /// What it is; always the first.
    Manifest(Manifest),
    /// Lines of a table, each with its end.
    Lines(&'static str, Vec<Vec<u8>>),
    /// The content of a message.
    Content(MessageId, Vec<u8>),
}

/// Why it is not read to its end.
#[derive(Debug)]
pub(crate) enum PartsError {
    /// The file.
    File(io::Error),
    /// It is no export.
    NotAnExport(&'static str),
}

impl From<io::Error> for PartsError {
    fn from(error: io::Error) -> Self {
        Self::File(error)
    }
}

impl From<ZipError> for PartsError {
    fn from(error: ZipError) -> Self {
        match error {
            ZipError::Io(error) => Self::File(error),
            _ => Self::NotAnExport("it is no ZIP, or a damaged one"),
        }
    }
}

/// Gives every part to `each`, tables in the order of `tables` (`bodies` for the messages), until it says no; whether
/// it was given all of them.
pub(crate) fn parts(
    from: impl Read + Seek,
    tables: &[&'static str],
    mut each: impl FnMut(Part) -> bool,
) -> Result<bool, PartsError> {
    let mut zip = ZipArchive::new(from)?;
    let manifest = match zip.by_name("manifest.json") {
        Ok(file) => serde_json::from_reader::<_, Manifest>(file.take(LONGEST_MANIFEST)).ok(),
        Err(ZipError::FileNotFound) => None,
        Err(error) => return Err(error.into()),
    };
    let manifest = manifest.ok_or(PartsError::NotAnExport("there is no manifest.json in it"))?;
    if manifest.format != FORMAT || manifest.accounts.len() != 1 {
        return Err(PartsError::NotAnExport("its manifest is of another form"));
    }
    if !each(Part::Manifest(manifest)) {
        return Ok(false);
    }
    for table in tables {
        let all = match *table {
            "bodies" => messages(&mut zip, &mut each)?,
            table => lines(&mut zip, table, &mut each)?,
        };
        if !all {
            return Ok(false);
        }
    }
    Ok(true)
}

fn messages<F: Read + Seek>(
    zip: &mut ZipArchive<F>,
    each: &mut impl FnMut(Part) -> bool,
) -> Result<bool, PartsError> {
    for index in 0..zip.len() {
        let mut file = zip.by_index(index)?;
        let Some(id) = message_of(&file.name()?) else { continue };
        let mut mime = Vec::new();
        file.by_ref().take(LONGEST_MESSAGE + 1).read_to_end(&mut mime)?;
        if mime.len() as u64 > LONGEST_MESSAGE {
            return Err(PartsError::NotAnExport("a message in it is too large"));
        }
        if !each(Part::Content(id, mime)) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn lines<F: Read + Seek>(
    zip: &mut ZipArchive<F>,
    table: &'static str,
    each: &mut impl FnMut(Part) -> bool,
) -> Result<bool, PartsError> {
    let file = match zip.by_name(&format!("{table}.jsonl")) {
        Err(ZipError::FileNotFound) => return Ok(true),
        outcome => outcome?,
    };
    let mut file = BufReader::new(file);
    while let Some(batch) = batch(&mut file)? {
        if !each(Part::Lines(table, batch)) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The message whose content a file of the archive is.
fn message_of(name: &str) -> Option<MessageId> {
    name.strip_prefix("messages/")?.strip_suffix(".eml")?.parse().ok()
}

/// The next lines; `None` at the end.
fn batch(from: &mut impl BufRead) -> Result<Option<Vec<Vec<u8>>>, PartsError> {
    let (mut lines, mut bytes) = (Vec::new(), 0);
    while lines.len() < LINES && bytes < BYTES {
        let mut line = Vec::new();
        if from.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        if !line.ends_with(b"\n") {
            return Err(PartsError::NotAnExport("a line in it is too long or has no end"));
        }
        bytes += line.len();
        lines.push(line);
    }
    Ok((!lines.is_empty()).then_some(lines))
}

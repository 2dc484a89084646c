//! Reading a sealed file from any place: chunks have places of their own.

use std::io::{self, Read, Seek, SeekFrom};

use super::SealedReader;
use crate::sealed_file::{CHUNK, TAG};

/// A sealed chunk in the file.
const SEALED: u64 = (CHUNK + TAG) as u64;

impl<R: Read + Seek> SealedReader<R> {
    /// How many bytes the file holds opened. What follows a cut is missed when the last chunk does not open.
    fn length(&mut self) -> io::Result<u64> {
        let here = self.from.stream_position()?;
        let sealed = self.from.seek(SeekFrom::End(0))?.saturating_sub(self.start);
        self.from.seek(SeekFrom::Start(here))?;
        Ok(sealed.saturating_sub(sealed.div_ceil(SEALED) * TAG as u64))
    }

    fn position(&self) -> u64 {
        self.opened().saturating_sub(CHUNK as u64) + self.given as u64
    }

    fn load(&mut self, chunk: u32) -> io::Result<()> {
        if self.number == chunk + 1 {
            return Ok(());
        }
        self.from.seek(SeekFrom::Start(self.start + u64::from(chunk) * SEALED))?;
        self.ahead.clear();
        self.number = chunk;
        self.open()
    }
}

impl<R: Read + Seek> Seek for SealedReader<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let length = self.length()?;
        let target = match to {
            SeekFrom::Start(place) => Some(place),
            SeekFrom::End(offset) => length.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position().checked_add_signed(offset),
        };
        let outside = || io::Error::new(io::ErrorKind::InvalidInput, "a place before the beginning");
        let target = target.ok_or_else(outside)?.min(length);
        // The end of the file belongs to its last chunk.
        let chunk = if target == length { length.saturating_sub(1) } else { target } / CHUNK as u64;
        let chunk = u32::try_from(chunk).map_err(|_| outside())?;
        self.load(chunk)?;
        self.given = usize::try_from(target - u64::from(chunk) * CHUNK as u64).map_err(|_| outside())?;
        Ok(target)
    }
}

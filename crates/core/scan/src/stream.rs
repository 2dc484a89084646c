//! A search of bytes that come in pieces, in bounded memory.

use std::io::{self, Write};

use flate2::write::MultiGzDecoder;

use crate::{
    counts::{Counts, Form},
    scanner::Scanner,
};

/// Bytes looked at together.
const WINDOW: usize = 1 << 20;
/// Bytes of a window that are looked at again with the next, so that nothing is missed between two: more than the
/// longest word takes in its longest form.
const CARRIED: usize = 64 << 10;
/// The most that a packed file may come to.
const MOST: u64 = 4 << 30;

/// A search under way.
pub struct Stream<'a> {
    scanner: &'a Scanner,
    window: Vec<u8>,
    /// How much of the window was part of the one before.
    carried: usize,
    /// Whether this is the first window.
    first: bool,
    counts: Counts,
    /// The same for what a file packed as a whole holds.
    inner: Option<Box<MultiGzDecoder<Inner<'a>>>>,
    depth: u8,
}

/// What is unpacked on the way.
struct Inner<'a> {
    stream: Stream<'a>,
    left: u64,
}

impl<'a> Stream<'a> {
    /// A search with this scanner.
    pub fn new(scanner: &'a Scanner) -> Self {
        Self::at(scanner, 0)
    }

    fn at(scanner: &'a Scanner, depth: u8) -> Self {
        let window = Vec::with_capacity(WINDOW);
        Self { scanner, window, carried: 0, first: true, counts: Counts::default(), inner: None, depth }
    }

    /// Looks at the next bytes.
    pub fn push(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = WINDOW - self.window.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.window.extend_from_slice(now);
            bytes = later;
            if self.window.len() == WINDOW {
                self.look(false);
            }
        }
    }

    /// What was found in all of it.
    pub fn finish(mut self) -> Counts {
        self.look(true);
        let mut counts = self.counts;
        if let Some(mut inner) = self.inner {
            // A file that is cut off gives what it gave until then.
            let _ = inner.try_finish();
            let left = Self::at(self.scanner, self.depth + 1);
            let inner = std::mem::replace(&mut inner.get_mut().stream, left);
            counts.add(Form::Packed, inner.finish().total());
        }
        counts
    }

    fn look(&mut self, is_last: bool) {
        let whole = self.first && self.window.starts_with(b"\x1f\x8b\x08") && self.depth < 3;
        if whole {
            let stream = Self::at(self.scanner, self.depth + 1);
            self.inner = Some(Box::new(MultiGzDecoder::new(Inner { stream, left: MOST })));
        }
        let fresh = self.window.get(self.carried..).unwrap_or_default();
        // After an error nothing more comes out; what came until then is counted.
        if let Some(inner) = &mut self.inner {
            let _ = inner.write_all(fresh);
        }
        let before = self.scanner.unpacked(self.window.get(..self.carried).unwrap_or_default());
        self.counts.merge(&self.scanner.unpacked(&self.window).beyond(&before));
        let keep = if is_last { 0 } else { CARRIED };
        let until = self.window.len().saturating_sub(keep);
        let from = usize::from(whole);
        self.counts.merge(&self.scanner.packed(
            self.window.get(from..).unwrap_or_default(),
            until.saturating_sub(from),
            self.depth,
        ));
        self.window.drain(..until);
        self.carried = self.window.len();
        self.first = false;
    }
}

impl Write for Inner<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = bytes.len() as u64;
        if length > self.left {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.left -= length;
        self.stream.push(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

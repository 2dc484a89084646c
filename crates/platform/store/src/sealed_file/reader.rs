//! Reading a sealed file.

mod seek;

use std::io::{self, Read};

use aws_lc_rs::{aead::LessSafeKey, hmac};
use zeroize::Zeroizing;

use super::{CHUNK, Head, TAG, nonce, nothing};

/// Opens what it reads, chunk by chunk. Only after the last chunk is it known that the file is whole: whoever acts on
/// what was read waits for the end.
pub(crate) struct SealedReader<R> {
    from: R,
    /// Where the chunks begin in the file.
    start: u64,
    cipher: LessSafeKey,
    number: u32,
    /// Sealed bytes read ahead: a chunk and one byte, which tells that another one follows.
    ahead: Vec<u8>,
    plain: Zeroizing<Vec<u8>>,
    given: usize,
    ended: bool,
}

impl<R: Read> SealedReader<R> {
    /// Reads on behind the head.
    pub(crate) fn new(from: R, key: &hmac::Key, head: &Head) -> io::Result<Self> {
        Ok(Self {
            from,
            start: head.bytes.len() as u64,
            cipher: head.cipher(key)?,
            number: 0,
            ahead: Vec::with_capacity(CHUNK + TAG + 1),
            plain: Zeroizing::default(),
            given: 0,
            ended: false,
        })
    }

    /// Plain bytes that opened so far.
    pub(crate) const fn opened(&self) -> u64 {
        self.number as u64 * CHUNK as u64
    }

    fn open(&mut self) -> io::Result<()> {
        let room = CHUNK + TAG + 1 - self.ahead.len();
        self.from.by_ref().take(room as u64).read_to_end(&mut self.ahead)?;
        let last = self.ahead.len() <= CHUNK + TAG;
        let sealed = self.ahead.drain(..self.ahead.len().min(CHUNK + TAG));
        self.plain = Zeroizing::new(sealed.collect());
        let damaged = |_| io::Error::new(io::ErrorKind::InvalidData, "a part does not open");
        let opened =
            self.cipher.open_in_place(nonce(self.number, last), nothing(), self.plain.as_mut_slice());
        let length = opened.map_err(damaged)?.len();
        self.plain.truncate(length);
        self.given = 0;
        self.ended = last;
        self.number = self.number.checked_add(1).ok_or_else(|| io::Error::other("the file is too long"))?;
        Ok(())
    }
}

impl<R: Read> Read for SealedReader<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.given == self.plain.len() && !self.ended {
            self.open()?;
        }
        let rest = self.plain.get(self.given..).unwrap_or_default();
        let taken = rest.len().min(into.len());
        into.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        self.given += taken;
        Ok(taken)
    }
}

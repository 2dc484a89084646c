//! Writing a sealed file.

use std::io::{self, Write};

use aws_lc_rs::{aead::LessSafeKey, hmac};
use zeroize::Zeroizing;

use super::{CHUNK, Head, TAG, nonce, nothing};

/// Seals what is written to it. Nothing of it can be read before [`SealedWriter::finish`].
pub(crate) struct SealedWriter<W> {
    to: W,
    cipher: LessSafeKey,
    number: u32,
    plain: Zeroizing<Vec<u8>>,
}

impl<W: Write> SealedWriter<W> {
    /// Begins a file with its head.
    pub(crate) fn new(mut to: W, key: &hmac::Key, head: &Head) -> io::Result<Self> {
        to.write_all(&head.bytes)?;
        let plain = Zeroizing::new(Vec::with_capacity(CHUNK + TAG));
        Ok(Self { to, cipher: head.cipher(key)?, number: 0, plain })
    }

    /// Writes the last chunk; hands back what was written to.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        self.seal(true)?;
        self.to.flush()?;
        Ok(self.to)
    }

    fn seal(&mut self, last: bool) -> io::Result<()> {
        self.cipher
            .seal_in_place_append_tag(nonce(self.number, last), nothing(), &mut *self.plain)
            .map_err(|_| io::Error::other("a chunk could not be sealed"))?;
        self.to.write_all(&self.plain)?;
        self.plain.clear();
        self.number = self.number.checked_add(1).ok_or_else(|| io::Error::other("the file is too long"))?;
        Ok(())
    }
}

impl<W: Write> Write for SealedWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A full chunk waits: only what follows tells that it is not the last.
        if self.plain.len() == CHUNK && !bytes.is_empty() {
            self.seal(false)?;
        }
        let taken = bytes.len().min(CHUNK - self.plain.len());
        self.plain.extend(bytes.iter().take(taken));
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

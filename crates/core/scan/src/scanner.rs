//! The search itself.

use std::io::{self, Read};

use aho_corasick::{AhoCorasick, BuildError};

use crate::{
    counts::{Counts, Form},
    needles::{self, Needle},
    packed,
    stream::Stream,
    views,
};

/// The shortest word, in bytes: a shorter one is found in noise by chance.
pub const SHORTEST: usize = 5;
/// The longest word, in bytes: an address has at most 320.
pub const LONGEST: usize = 1000;
/// How deep packed data is unpacked.
const DEEPEST: u8 = 3;

/// Looks for words in all forms.
#[derive(Debug)]
pub struct Scanner {
    folded: Automaton,
    exact: Automaton,
}

/// Why a word cannot be looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TermError {
    /// It has so many bytes, fewer than [`SHORTEST`].
    Short(usize),
    /// It has so many bytes, more than [`LONGEST`].
    Long(usize),
    /// The words together are too many.
    Many,
}

impl std::fmt::Display for TermError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Short(length) => write!(
                f,
                "the term has {length} bytes; with fewer than {SHORTEST} it would be found in noise by chance"
            ),
            Self::Long(length) => write!(f, "the term has {length} bytes; {LONGEST} are the most"),
            Self::Many => f.write_str("these are too many terms for one search"),
        }
    }
}

impl std::error::Error for TermError {}

#[derive(Debug)]
struct Automaton {
    search: AhoCorasick,
    forms: Vec<Form>,
}

impl Automaton {
    fn new(needles: &[Needle], folded: bool) -> Result<Self, BuildError> {
        let own = || needles.iter().filter(|needle| needle.folded == folded);
        let search =
            AhoCorasick::builder().ascii_case_insensitive(folded).build(own().map(|needle| &needle.bytes))?;
        Ok(Self { search, forms: own().map(|needle| needle.form).collect() })
    }

    fn count(&self, bytes: &[u8], counts: &mut Counts) {
        for found in self.search.find_overlapping_iter(bytes) {
            if let Some(form) = self.forms.get(found.pattern().as_usize()) {
                counts.add(*form, 1);
            }
        }
    }
}

impl Scanner {
    /// A search for these words.
    pub fn new<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Self, TermError> {
        Self::with_bytes(words, [])
    }

    /// A search for these words, and for bytes that are none, such as ids.
    pub fn with_bytes<'a, 'b>(
        words: impl IntoIterator<Item = &'a str>,
        bytes: impl IntoIterator<Item = &'b [u8]>,
    ) -> Result<Self, TermError> {
        let fits = |length| match length {
            length if length < SHORTEST => Err(TermError::Short(length)),
            length if length > LONGEST => Err(TermError::Long(length)),
            _ => Ok(()),
        };
        let mut all = Vec::new();
        for word in words {
            fits(word.len())?;
            all.extend(needles::of(word));
        }
        for bytes in bytes {
            fits(bytes.len())?;
            all.extend(needles::of_bytes(bytes));
        }
        let automaton = |folded| Automaton::new(&all, folded).map_err(|_| TermError::Many);
        Ok(Self { folded: automaton(true)?, exact: automaton(false)? })
    }

    /// What is found in these bytes.
    pub fn count(&self, bytes: &[u8]) -> Counts {
        let mut counts = self.unpacked(bytes);
        counts.merge(&self.packed(bytes, bytes.len(), 0));
        counts
    }

    /// What is found in all that the reader gives, in bounded memory.
    pub fn read(&self, mut from: impl Read) -> io::Result<Counts> {
        let mut stream = Stream::new(self);
        let mut piece = vec![0; 64 << 10];
        loop {
            match from.read(&mut piece) {
                Ok(0) => return Ok(stream.finish()),
                Ok(length) => stream.push(piece.get(..length).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// What is found without unpacking.
    pub(crate) fn unpacked(&self, bytes: &[u8]) -> Counts {
        let plain = self.direct(bytes);
        let mut counts = plain;
        type View = fn(&[u8]) -> Option<Vec<u8>>;
        let escapes: [(Form, View); 5] = [
            (Form::Json, views::json),
            (Form::Html, views::html),
            (Form::Percent, views::percent),
            (Form::QuotedPrintable, views::quoted_printable),
            (Form::Broken, views::joined),
        ];
        for (form, view) in escapes {
            if let Some(shown) = view(bytes) {
                // Only what the escapes hid: the rest is counted already.
                counts.add(form, self.direct(&shown).beyond(&plain).total());
            }
        }
        counts
    }

    /// What is found in packed data that starts below `before`.
    pub(crate) fn packed(&self, bytes: &[u8], before: usize, depth: u8) -> Counts {
        let mut counts = Counts::default();
        if depth < DEEPEST {
            packed::each(bytes, before, |inner| {
                counts.add(Form::Packed, self.unpacked(inner).total());
                counts.merge(&self.packed(inner, inner.len(), depth + 1));
            });
        }
        counts
    }

    fn direct(&self, bytes: &[u8]) -> Counts {
        let mut counts = Counts::default();
        self.folded.count(bytes, &mut counts);
        self.exact.count(bytes, &mut counts);
        counts
    }
}

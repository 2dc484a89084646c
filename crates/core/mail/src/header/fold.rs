//! One header line that grows word by word and folds before it gets too long.

use super::encoded_word;

/// Where lines should end (RFC 5322 §2.1.1).
const SOFT: usize = 78;
/// Longest word that is left as it is; a longer one is encoded, which can be split.
pub(super) const LONGEST_WORD: usize = 900;
/// A longer run of spaces becomes one, since it could not be folded.
const LONGEST_SPACE: usize = 200;

/// A field under construction.
pub(super) struct Line {
    out: String,
    column: usize,
    fresh: bool,
}

impl Line {
    pub(super) fn new(name: &str) -> Self {
        let out = format!("{name}:");
        Self { column: out.len(), out, fresh: true }
    }

    /// Adds a word after one space, on a new line if it does not fit.
    pub(super) fn word(&mut self, word: &str) {
        self.spaced(" ", word);
    }

    /// Adds `space` (only spaces and tabs) and `word`; folding puts the line break before the space, so
    /// that unfolding gives the same text.
    fn spaced(&mut self, space: &str, word: &str) {
        let space = if space.len() > LONGEST_SPACE { " " } else { space };
        // The first word stays on the line of the name: some readers stumble over an empty first line.
        if !self.fresh && self.column + space.len() + word.len() > SOFT {
            self.out.push_str("\r\n");
            self.column = 0;
        }
        self.out.push_str(space);
        self.out.push_str(word);
        self.column += space.len() + word.len();
        self.fresh = false;
    }

    /// Adds ASCII text that may fold at its own white space.
    pub(super) fn ascii(&mut self, text: &str) {
        for (space, word) in pieces(text) {
            self.spaced(if space.is_empty() { " " } else { space }, word);
        }
    }

    /// Adds text as encoded words, the first after `space`.
    pub(super) fn encoded(&mut self, space: &str, text: &str) {
        let mut space = space;
        // On a fresh line the first word is cut to fit; later it may move to a line of its own.
        let column = if self.fresh { self.column + space.len() } else { 0 };
        encoded_word::each(text, column, |word| self.spaced(std::mem::replace(&mut space, " "), word));
    }

    /// Adds free text: ASCII as it is, the stretch from the first to the last word that needs it encoded.
    pub(super) fn text(&mut self, text: &str) {
        let decoded;
        let text = if !text.is_ascii() && text.contains("=?") {
            decoded = encoded_word::decode(text);
            decoded.as_ref()
        } else {
            text
        };
        let needs = |word: &str| !word.is_ascii() || word.len() > LONGEST_WORD;
        let words: Vec<_> = pieces(text).collect();
        let Some(first) = words.iter().position(|(_, word)| needs(word)) else {
            return self.ascii(text);
        };
        let last = words.iter().rposition(|(_, word)| needs(word)).unwrap_or(first);
        for (space, word) in words.iter().take(first) {
            self.spaced(if space.is_empty() { " " } else { space }, word);
        }
        let space = words.get(first).map_or("", |(space, _)| *space);
        let stretch = words.get(first..=last).unwrap_or_default();
        let raw: String = stretch
            .iter()
            .enumerate()
            .flat_map(|(index, (space, word))| [if index == 0 { "" } else { *space }, *word])
            .collect();
        self.encoded(if space.is_empty() { " " } else { space }, &raw);
        for (space, word) in words.iter().skip(last + 1) {
            self.spaced(space, word);
        }
    }

    /// The finished field with its line end.
    pub(super) fn end(mut self) -> String {
        if self.fresh {
            self.out.push(' ');
        }
        self.out.push_str("\r\n");
        self.out
    }
}

/// The words of a text, each with the white space before it.
fn pieces(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let blank = |c: char| c == ' ' || c == '\t';
    let mut rest = text;
    std::iter::from_fn(move || {
        let (space, after) = rest.split_at(rest.find(|c| !blank(c)).unwrap_or(rest.len()));
        let (word, next) = after.split_at(after.find(blank).unwrap_or(after.len()));
        rest = next;
        (!space.is_empty() || !word.is_empty()).then_some((space, word))
    })
}

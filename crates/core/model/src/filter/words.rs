//! Words: what a text is made of when it is searched.

/// A text whose words are looked at one by one, without a copy of it.
#[derive(Clone, Copy)]
pub struct Words<'a> {
    text: &'a str,
}

impl<'a> Words<'a> {
    /// The words of `text`.
    pub const fn of(text: &'a str) -> Self {
        Self { text }
    }

    /// Whether `wanted` (in lower case) stand in a row somewhere.
    pub(super) fn contain(&self, wanted: &[String]) -> bool {
        if wanted.is_empty() {
            return true;
        }
        let found: Vec<&str> = split(self.text).collect();
        found.windows(wanted.len()).any(|row| row.iter().zip(wanted).all(|(word, wanted)| same(word, wanted)))
    }
}

/// The words of a text in lower case.
pub(super) fn lower(text: &str) -> Vec<String> {
    split(text).map(str::to_lowercase).collect()
}

/// Letters and digits make words; everything else separates them.
fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

fn same(word: &str, wanted: &str) -> bool {
    if word.is_ascii() { word.eq_ignore_ascii_case(wanted) } else { word.to_lowercase() == wanted }
}

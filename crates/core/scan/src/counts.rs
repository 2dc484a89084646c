//! How often something was found, by form.

/// A form in which a word can be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Form {
    /// As it is, letters in any case.
    Plain,
    /// UTF-16, either byte order.
    Utf16,
    /// Digits of base 16.
    Hex,
    /// Base64 of either alphabet, at any alignment, in lines or not.
    Base64,
    /// With `\u0061` and its like.
    Json,
    /// With `&#97;`, `&amp;` and their like.
    Html,
    /// With `%61` and its like.
    Percent,
    /// With `=61` and soft line breaks.
    QuotedPrintable,
    /// Broken by line ends.
    Broken,
    /// Unsalted MD5, SHA-1 or SHA-256 of the word.
    Digest,
    /// Inside gzip, zlib or zip, in any form.
    Packed,
}

impl Form {
    /// All forms.
    pub const ALL: [Self; 11] = [
        Self::Plain,
        Self::Utf16,
        Self::Hex,
        Self::Base64,
        Self::Json,
        Self::Html,
        Self::Percent,
        Self::QuotedPrintable,
        Self::Broken,
        Self::Digest,
        Self::Packed,
    ];

    /// Its name for people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Utf16 => "UTF-16",
            Self::Hex => "hex",
            Self::Base64 => "base64",
            Self::Json => "JSON escapes",
            Self::Html => "HTML escapes",
            Self::Percent => "percent escapes",
            Self::QuotedPrintable => "quoted-printable",
            Self::Broken => "broken into lines",
            Self::Digest => "unsalted digest",
            Self::Packed => "packed",
        }
    }
}

/// Findings by form.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts([u64; Form::ALL.len()]);

impl Counts {
    /// How many in this form.
    pub const fn of(&self, form: Form) -> u64 {
        self.0[form as usize]
    }

    /// How many in all.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// The forms with something found.
    pub fn found(&self) -> impl Iterator<Item = (Form, u64)> {
        Form::ALL.into_iter().map(|form| (form, self.of(form))).filter(|(_, count)| *count > 0)
    }

    pub(crate) fn add(&mut self, form: Form, count: u64) {
        if let Some(slot) = self.0.get_mut(form as usize) {
            *slot = slot.saturating_add(count);
        }
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for (slot, more) in self.0.iter_mut().zip(other.0) {
            *slot = slot.saturating_add(more);
        }
    }

    /// What is here and was not yet there.
    pub(crate) fn beyond(&self, other: &Self) -> Self {
        let mut left = *self;
        for (slot, less) in left.0.iter_mut().zip(other.0) {
            *slot = slot.saturating_sub(less);
        }
        left
    }
}

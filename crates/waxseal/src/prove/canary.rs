//! Canaries: words that stand nowhere else, one for each thing that a customer can give.

use std::collections::BTreeMap;

use waxseal_model::Random as _;
use waxseal_system::SystemRandom;

/// Where a canary has to be before the erasure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rests {
    /// Sealed in the database: a key opens it, and no file shows it.
    Sealed,
    /// Readable in the database.
    Clear,
    /// Nowhere: it was refused, replaced, or is kept as a hash alone.
    Nowhere,
    /// Wherever: whether it was taken depends on when a disk was full.
    Perhaps,
}

/// Everything that a customer can give, in which a canary is planted; and where it rests.
pub(super) const FIELDS: &[(&str, Rests)] = &[
    ("account name", Rests::Sealed),
    ("account email", Rests::Sealed),
    ("company", Rests::Sealed),
    ("company before it was corrected", Rests::Nowhere),
    ("label of an API key", Rests::Sealed),
    ("domain", Rests::Sealed),
    ("sandbox domain", Rests::Sealed),
    ("network that submits", Rests::Sealed),
    ("SMTP login", Rests::Sealed),
    ("host of a relay", Rests::Sealed),
    ("user at a relay", Rests::Sealed),
    ("password at a relay", Rests::Sealed),
    ("footer of a domain", Rests::Sealed),
    ("recipient of a file", Rests::Sealed),
    ("domain of recipients", Rests::Sealed),
    ("sender's name", Rests::Sealed),
    ("sender", Rests::Sealed),
    ("recipient's name", Rests::Sealed),
    ("recipient", Rests::Sealed),
    ("recipient in copy", Rests::Sealed),
    ("recipient in blind copy", Rests::Sealed),
    ("address for replies", Rests::Sealed),
    ("subject", Rests::Sealed),
    ("text", Rests::Sealed),
    ("HTML", Rests::Sealed),
    ("header", Rests::Sealed),
    ("variable", Rests::Sealed),
    ("name of a variable", Rests::Sealed),
    ("tag", Rests::Sealed),
    ("name of a file", Rests::Sealed),
    ("file", Rests::Sealed),
    ("name of an inline file", Rests::Sealed),
    ("variable of a recipient", Rests::Sealed),
    ("recipient of a batch", Rests::Sealed),
    ("URL of an archive", Rests::Sealed),
    ("recipient that bounces", Rests::Sealed),
    ("recipient that is deferred", Rests::Sealed),
    ("recipient of a capture", Rests::Sealed),
    ("subject of a capture", Rests::Sealed),
    ("subject of MIME", Rests::Sealed),
    ("text of MIME", Rests::Sealed),
    ("sender by SMTP", Rests::Sealed),
    ("recipient by SMTP", Rests::Sealed),
    ("subject by SMTP", Rests::Sealed),
    ("text by SMTP", Rests::Sealed),
    ("reason of a legal hold", Rests::Sealed),
    ("reason of an operator's access", Rests::Sealed),
    ("what was asked about its data", Rests::Sealed),
    ("why that was refused", Rests::Sealed),
    ("recipient in flight at a crash", Rests::Sealed),
    ("text in flight at a crash", Rests::Sealed),
    ("recipient on a full disk", Rests::Perhaps),
    ("file on a full disk", Rests::Perhaps),
    ("recipient erased before", Rests::Nowhere),
    ("text to a recipient erased before", Rests::Nowhere),
    ("SMTP login erased before", Rests::Nowhere),
    ("owner erased before", Rests::Nowhere),
    ("idempotency key", Rests::Nowhere),
    ("user agent", Rests::Nowhere),
    ("text that was refused", Rests::Nowhere),
    ("wrong API key", Rests::Nowhere),
    ("path that leads nowhere", Rests::Nowhere),
    ("wrong SMTP password", Rests::Nowhere),
];

/// Letters that make no word and no digit.
const LETTERS: &[u8] = b"bcdfghjkmnpqrstvwz";
const LENGTH: usize = 18;

/// The canaries of a customer.
pub(super) struct Canaries {
    words: BTreeMap<&'static str, String>,
}

impl Canaries {
    /// Fresh ones, for every field.
    pub(super) fn fresh() -> Self {
        Self { words: FIELDS.iter().map(|(name, _)| (*name, word(name))).collect() }
    }

    /// The one of a field.
    pub(super) fn of(&self, field: &str) -> &str {
        self.words.get(field).map_or("", String::as_str)
    }

    /// All of them, with where each has to be.
    pub(super) fn all(&self) -> impl Iterator<Item = (&'static str, Rests, &str)> {
        FIELDS.iter().map(|(name, rests)| (*name, *rests, self.of(name)))
    }

    /// An address of the customer's recipients, with a canary before the sign.
    pub(super) fn address(&self, field: &str) -> String {
        format!("{}@{}.test", self.of(field), self.of("domain of recipients"))
    }

    /// The domain that sends.
    pub(super) fn domain(&self) -> String {
        format!("{}.test", self.of("domain"))
    }

    /// The domain that captures.
    pub(super) fn sandbox(&self) -> String {
        format!("{}.test", self.of("sandbox domain"))
    }

    /// The domain of the recipients.
    pub(super) fn recipients(&self) -> String {
        format!("{}.test", self.of("domain of recipients"))
    }
}

fn word(field: &str) -> String {
    let below = |limit: usize| SystemRandom.below(limit as u64) as usize;
    if field == "network that submits" {
        return format!("10.{}.{}.{}/32", 100 + below(150), 100 + below(150), 100 + below(150));
    }
    let letter = |_| char::from(LETTERS.get(below(LETTERS.len())).copied().unwrap_or(b'z'));
    (0..LENGTH).map(letter).collect()
}

//! What was proved, for people and as JSON.

use std::fmt::Write as _;

use serde::Serialize;

use super::coverage::Covered;

/// One thing that had to be so.
#[derive(Debug, Serialize)]
pub(super) struct Check {
    /// What.
    pub(super) what: &'static str,
    /// Whether it is so.
    pub(super) holds: bool,
    /// What was found.
    pub(super) found: String,
}

/// From the call by which the customer's erasure becomes final, with its answer and the looks at the keys within.
#[derive(Debug, Default, Serialize)]
pub(super) struct Took {
    /// Milliseconds until no key of it was left; 1,000 are wanted.
    pub(super) keys_gone_ms: u128,
    /// Milliseconds until everything was gone and certified.
    pub(super) all_gone_ms: u128,
}

/// Everything that was looked at.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// `erasure of an account`.
    pub(super) proof: &'static str,
    /// Version of Waxseal.
    pub(super) version: &'static str,
    /// `sqlite` or `postgres`.
    pub(super) engine: &'static str,
    /// When it began.
    pub(super) at: String,
    /// Whether everything holds.
    pub(super) sound: bool,
    /// How long it took.
    pub(super) took: Took,
    /// The checks.
    pub(super) checks: Vec<Check>,
    /// Every place of the inventory, and what of the customer was there.
    pub(super) coverage: Vec<Covered>,
    /// What is not covered, and what was left out.
    pub(super) notes: Vec<String>,
}

impl Report {
    pub(super) fn new(engine: &'static str, at: String) -> Self {
        Self {
            proof: "erasure of an account",
            version: env!("CARGO_PKG_VERSION"),
            engine,
            at,
            sound: true,
            took: Took::default(),
            checks: Vec::new(),
            coverage: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Notes what was found.
    pub(super) fn check(&mut self, what: &'static str, holds: bool, found: impl Into<String>) {
        self.sound &= holds;
        self.checks.push(Check { what, holds, found: found.into() });
    }

    /// For people.
    pub(super) fn table(&self) -> String {
        let mut text = String::new();
        // Writing to a String does not fail.
        for Check { what, holds, found } in &self.checks {
            let word = if *holds { "ok" } else { "FAILED" };
            let _ = writeln!(text, "{word:<7} {what}: {found}");
        }
        for note in &self.notes {
            let _ = writeln!(text, "note    {note}");
        }
        let _ = match self.sound {
            true => writeln!(text, "Proved on {}: nothing is left of what was erased.", self.engine),
            false => writeln!(text, "NOT proved on {}.", self.engine),
        };
        text
    }
}

//! What a check found, and what it looked at: a check that looked at nothing is not passed.

use anyhow::{Result, bail};

/// The findings of one check.
pub(crate) struct Findings {
    name: &'static str,
    looked_at: String,
    problems: Vec<String>,
}

impl Findings {
    /// Starts a check.
    pub(crate) const fn of(name: &'static str) -> Self {
        Self { name, looked_at: String::new(), problems: Vec::new() }
    }

    /// Notes a problem: where, what, and what to do.
    pub(crate) fn problem(&mut self, text: impl Into<String>) {
        self.problems.push(text.into());
    }

    /// Says what the check covered.
    pub(crate) fn looked_at(&mut self, text: impl Into<String>) {
        self.looked_at = text.into();
    }

    /// Prints the findings; an error if there are any.
    pub(crate) fn into_result(mut self) -> Result<()> {
        self.problems.sort();
        self.problems.dedup();
        for problem in &self.problems {
            println!("{}: {problem}", self.name);
        }
        match self.problems.len() {
            0 => println!("{}: fine ({})", self.name, self.looked_at),
            n => bail!("{}: {n} found ({})", self.name, self.looked_at),
        }
        Ok(())
    }

    /// The problems, for tests.
    #[cfg(test)]
    pub(crate) fn problems(&self) -> &[String] {
        &self.problems
    }
}

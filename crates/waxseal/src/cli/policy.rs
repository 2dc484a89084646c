//! `waxseal policy`: the promises.

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum Policy {
    /// Check every promise on this instance now: its mechanism, what was looked at, and whether it works.
    ///
    /// Ends with 1 if a row failed. A row that is not built, or not wholly, says so and is `not yet`.
    Verify,
}

//! `waxseal policy`: the promises.

use std::path::PathBuf;

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum Policy {
    /// Check every promise on this instance now: its mechanism, what was looked at, and whether it works.
    ///
    /// Ends with 1 if a row failed. A row that is not built, or not wholly, says so and is `not yet`.
    Verify,
    /// Print the signed report of a day, or the latest.
    ///
    /// The server makes one every night (`privacy.verify_at`). The first check by hand after that time makes one
    /// where no server has.
    Report {
        /// Day, such as 2026-03-01.
        day: Option<String>,
    },
    /// Check that a report is as this instance signed it; ends with 1 if not.
    VerifyReport {
        /// A file of the folder `reports`, or a copy of one.
        file: PathBuf,
    },
}

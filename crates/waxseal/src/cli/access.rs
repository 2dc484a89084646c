//! `waxseal access`: an operator's way to a customer's content.

use std::path::PathBuf;

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum Access {
    /// Open a grant for the content of an account: its owner sees it in its list at once, with the reason.
    ///
    /// If `access.second_operator` is set it opens nothing until `access confirm`. It ends by itself.
    Open {
        /// The account's id.
        #[arg(long, value_name = "ID")]
        account: String,
        /// Why, without names and addresses of people; `-` reads it from standard input, so that it does not stand in
        /// the list of processes.
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// For how long, such as 30m; at most `access.longest_hours`.
        #[arg(long = "for", value_name = "TIME", default_value = "1h")]
        time: String,
    },
    /// Confirm a grant as the second operator.
    Confirm {
        /// The grant's number.
        grant: u64,
        /// File with the second operator's secret; `-` reads it from standard input.
        #[arg(long, value_name = "FILE")]
        secret: PathBuf,
    },
    /// List the messages that can be read under a grant, newest first.
    Show {
        /// The grant's number.
        grant: u64,
        /// Messages older than this one.
        #[arg(long, value_name = "MESSAGE")]
        before: Option<String>,
        /// At most this many: 1 to 1000.
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=1_000))]
        limit: u64,
    },
    /// Print a message under a grant, as MIME.
    Read {
        /// The grant's number.
        grant: u64,
        /// The message's id, as `access show` lists it.
        message: String,
    },
    /// List the grants, newest first, with how often something was opened under each; no reasons.
    List {
        /// Only those for this account.
        #[arg(long, value_name = "ID")]
        account: Option<String>,
    },
    /// End a grant before its time.
    Close {
        /// The grant's number.
        grant: u64,
    },
    /// Make a secret for a second operator, which is shown this once, and the value for `access.second_operator`.
    Secret,
}

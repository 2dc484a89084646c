//! `waxseal privacy export`, `open-export` and `import`: copies of what is kept.

use std::path::PathBuf;

use clap::{ArgGroup, Args};

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("whose").args(["account", "recipient", "login"]).required(true).multiple(true))]
pub(crate) struct Export {
    /// The account's id: everything about it; with --recipient, only what it keeps about that one.
    #[arg(long, value_name = "ID", conflicts_with = "login")]
    pub(crate) account: Option<String>,
    /// A recipient's address: what is kept about it, in all accounts or in one.
    #[arg(long, value_name = "ADDRESS", conflicts_with = "login")]
    pub(crate) recipient: Option<String>,
    /// An SMTP login: what is kept about who has it.
    #[arg(long)]
    pub(crate) login: Option<String>,
    /// Where the export goes; there is no file of this name yet.
    #[arg(long, value_name = "FILE")]
    pub(crate) to: PathBuf,
    /// A grant of access to the account's content that is open, by its number; again for each account. Without one, a grant
    /// is opened for this export and closed behind it, and the owner is told; where the configuration wants consent or a
    /// second operator, one has to be given.
    #[arg(long = "grant", value_name = "NUMBER")]
    pub(crate) grants: Vec<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct OpenExport {
    /// The export.
    pub(crate) file: PathBuf,
    /// Where the ZIP goes; there is no file of this name yet.
    #[arg(long, value_name = "ZIP")]
    pub(crate) to: PathBuf,
    /// File that holds the key; standard input if absent.
    #[arg(long, value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Import {
    /// The export of an account, sealed or as a plain ZIP.
    pub(crate) file: PathBuf,
    /// File that holds the key of a sealed one; standard input if absent.
    #[arg(long, value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
}

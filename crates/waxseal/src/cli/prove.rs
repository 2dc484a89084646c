//! `waxseal privacy prove-erasure`.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct ProveErasure {
    /// Prove it on this PostgreSQL database, `postgres://…`, which has to be empty and is left empty; on SQLite if not
    /// given.
    #[arg(long, value_name = "URL")]
    pub(crate) database: Option<String>,
    /// Give the platform a folder of its own for its keys, as `keys.folder` does.
    #[arg(long)]
    pub(crate) keys_apart: bool,
    /// Write the report here, as JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// Keep everything in this new folder to look at, instead of in a temporary one that goes at the end.
    #[arg(long, value_name = "DIR")]
    pub(crate) keep: Option<PathBuf>,
}

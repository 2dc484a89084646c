//! `waxseal backup`.

use std::path::PathBuf;

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum Backup {
    /// Make a backup of everything in the database, as it is at this moment, sealed and without any key.
    ///
    /// The server goes on meanwhile. The file appears when it is whole and on disk.
    Create {
        /// A new file; one in `backup.folder` if it is not given.
        path: Option<PathBuf>,
    },
    /// Restore a backup into an empty database, beside the keys of the instance. No server may be running.
    ///
    /// The file is checked to its end first. What was erased since is erased again, and what is over by now goes,
    /// before the command ends. Ended in the middle, it left nothing: give it again.
    Restore {
        /// The backup.
        path: PathBuf,
    },
    /// Read a backup to its end and check every byte of it.
    Verify {
        /// The backup.
        path: PathBuf,
    },
    /// List the backups in `backup.folder`, oldest first.
    List,
    /// Delete the backups in `backup.folder` that are older than `backup.keep_days`.
    Prune,
}

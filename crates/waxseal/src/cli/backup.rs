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
    /// Delete the backups in `backup.folder` that are older than `backup.keep_days`, and copies of the keys that open no
    /// more or are older than `backup.keys_keep_days`.
    Prune,
    /// Copy the key store, sealed. The copy opens until the next key is destroyed or something is to be erased.
    Keys {
        /// A new file; one in `backup.keys_folder` if it is not given.
        path: Option<PathBuf>,
        /// The folder of earlier copies is lost, and nobody has the secret in it any more.
        #[arg(long)]
        old_copies_are_gone: bool,
    },
    /// Restore a copy of the key store into a data folder without one. No server may be running.
    ///
    /// What the audit trail tells was erased since is erased again before anything can be opened. Ended in the middle, it
    /// left nothing, or all of it: give it again.
    KeysRestore {
        /// The copy.
        path: PathBuf,
        /// Go by what can be read of the audit trail, though it is lost or was altered: what was erased since the copy
        /// may come back, and is yours to erase again.
        #[arg(long)]
        without_audit_trail: bool,
    },
}

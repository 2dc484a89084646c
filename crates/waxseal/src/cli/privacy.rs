//! `waxseal privacy …`: what is kept, and that it goes.

use std::path::PathBuf;

use clap::Subcommand;

use super::{
    Page, PersonRequest, ProveErasure,
    export::{Export, Import, OpenExport},
};

#[derive(Debug, Subcommand)]
pub(crate) enum Privacy {
    /// Print every place where data rests or passes: whose it is, what for, how long, how it rests, how it goes.
    Map {
        /// A page for the public instead, in Markdown: what we keep, or what we could hand over.
        #[arg(long, value_enum)]
        page: Option<Page>,
    },
    /// Tell what stands in the log of a running server in an address's place, today.
    ///
    /// The same address has the same mark until midnight (UTC) or the server's end; then the marks lead nowhere any more.
    LogMark {
        /// The address; `-` reads it from standard input.
        address: String,
    },
    /// Tell where a term is kept: tables, sealed values included, and files, in every encoding. Places and counts only.
    ///
    /// Sealed values are opened for it, which the audit trail tells.
    Trace {
        /// An address, a name or another word of at least five bytes; `-` reads it from standard input, so that it
        /// does not stand in the list of processes.
        term: String,
        /// Also search the files of this folder: backups, collected logs.
        #[arg(long, value_name = "DIR")]
        also: Vec<PathBuf>,
    },
    /// Make a copy of everything that is kept about an account, a recipient or a login, in a sealed file.
    ///
    /// Prints the file's key, which is shown this once and kept nowhere. What is in it: docs/privacy/export.md.
    Export(Export),
    /// Open a sealed export into a ZIP.
    OpenExport(OpenExport),
    /// Take the account of an export over into an empty instance, wholly or not at all.
    ///
    /// Passwords and keys are in no export: DKIM keys are new, and their records are printed; API keys and SMTP logins
    /// are listed and open nothing. What waited in the queue is held until `waxseal queue retry`.
    Import(Import),
    /// Say that the clock is right, after it jumped: purging goes on.
    ///
    /// Nothing is purged while the wall clock cannot be trusted; the log and `waxseal check` say when that is so.
    ConfirmClock,
    /// Erase everything about a recipient: events, content, what waits, captured messages.
    ///
    /// Of a message to several people the others keep their events, without the address. Suppressions stay as keyed
    /// hashes: the wish not to be written to outlives the address. It cannot be undone. Prints how many rows went and
    /// the id of the certificate.
    EraseRecipient {
        /// The recipient's address; `-` reads it from standard input, so that it does not stand in the list of
        /// processes.
        address: String,
        /// Within this account.
        #[arg(
            long,
            value_name = "ID",
            required_unless_present = "everywhere",
            conflicts_with = "everywhere"
        )]
        account: Option<String>,
        /// In every account. Tells how many have something about the address, not which.
        #[arg(long)]
        everywhere: bool,
    },
    /// Correct what an account's suppression lists say about a recipient, in all its domains.
    ///
    /// With `--to` the entries go over to the right address of the same person, wishes not to be written to included; without,
    /// they are taken off the lists that are named. Everything else about recipients is a record of mail that was sent, and
    /// goes at its time. Prints how many entries there were, and the audit trail's number of it: `privacy request answer
    /// --entry` takes it.
    CorrectRecipient {
        /// The recipient's address as it is on the lists; `-` reads it from standard input, and `--to` from the next line.
        address: String,
        /// The account.
        #[arg(long, value_name = "ID")]
        account: String,
        /// The right address; `-` reads it from standard input.
        #[arg(long, value_name = "ADDRESS")]
        to: Option<String>,
        /// Only on this list; may be given several times.
        #[arg(long = "list", value_name = "LIST", required_unless_present = "to",
              value_parser = ["bounces", "unsubscribes", "complaints", "whitelists"])]
        lists: Vec<String>,
    },
    /// Erase who has an SMTP login of an account: the login with its password.
    ///
    /// Nobody logs in with it any more, and the key that it rested under is destroyed: no backup shows it. What the account
    /// sent by it stays, as the account's. It cannot be undone; the login can be made again for somebody else.
    EraseLogin {
        /// The login, an address; `-` reads it from standard input, so that it does not stand in the list of processes.
        login: String,
        /// The account that has it.
        #[arg(long, value_name = "ID")]
        account: String,
    },
    /// Erase who owns an account: name, address and company. The account itself stays and works.
    ///
    /// The key that they rested under is destroyed: no backup shows them. It cannot be undone; `waxseal account correct`
    /// says who the owner is from then on.
    EraseOwner {
        /// The account.
        #[arg(long, value_name = "ID")]
        account: String,
    },
    /// Tell how far an erasure is.
    Erasure {
        /// Its id.
        #[arg(value_name = "ID")]
        erasure: String,
    },
    /// Print the signed certificate of an erasure that is done, as JSON.
    ///
    /// It says what was asked and when, which keys and rows went, and what a search of all files found afterwards; it
    /// names nobody. `waxseal-verifier` checks it.
    Certificate {
        /// The erasure's id.
        #[arg(value_name = "ID")]
        erasure: String,
    },
    /// Print the key that certificates are signed with.
    PublicKey,
    /// Legal holds: data that must not be erased yet.
    #[command(subcommand)]
    Hold(Hold),
    /// What people ask about their data: written down, answered in time.
    #[command(subcommand)]
    Request(PersonRequest),
    /// Prove that an erased account is gone, on a platform of its own: nothing of this instance is touched.
    ///
    /// Two customers do everything there is to do, by HTTP, SMTP and command, with a word of its own planted in everything
    /// that can be given. One meets a crash and a full disk as well, is backed up, and is erased. Then every byte of
    /// files, tables, log and backup is searched in twelve encodings; every key that is left is tried on everything
    /// that was sealed; the backup is restored; what is there of the other customer is compared with a run without the
    /// first; and the search itself is tested with 200 planted leaks. Takes about a minute.
    ///
    /// Ends with 0 if everything holds, with 1 otherwise; tells each thing and what was found.
    ProveErasure(ProveErasure),
    /// Look through all files for what standard input says: done by the server, in a process of its own.
    #[command(hide = true)]
    Look,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Hold {
    /// Put a hold on an account, or on what is about one recipient in it: it is not erased until the hold is over.
    ///
    /// The account's owner sees that there is one, not why. Retention goes on as before.
    Add {
        /// The account's id.
        #[arg(long, value_name = "ID")]
        account: String,
        /// Only what is about this recipient.
        #[arg(long, value_name = "ADDRESS")]
        recipient: Option<String>,
        /// Why: a file number, a court. Kept sealed under the account's key.
        #[arg(long)]
        reason: String,
        /// In force until this day (2026-03-01) or time (2026-03-01T12:00:00Z); until it is removed if not given.
        #[arg(long, value_name = "TIME")]
        until: Option<String>,
    },
    /// List the holds, oldest first; also those that are over.
    List {
        /// Only those of this account.
        #[arg(long, value_name = "ID")]
        account: Option<String>,
    },
    /// Lift a hold. What waited for it is erased.
    Remove {
        /// The hold's id.
        #[arg(value_name = "ID")]
        hold: String,
    },
}

//! `waxseal-verifier`: checks a certificate of erasure, and looks through a data folder again.
//!
//! It shares no code with the server: format, signature and search are written here a second time, so that a fault
//! there does not hide itself here.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command tells whoever runs it what it found"
)]

mod account;
mod certificate;
mod forms;
mod search;

use std::{fs, path::PathBuf, process::ExitCode};

use anyhow::{Context as _, Result, bail};
use clap::Parser;

use crate::{account::Account, certificate::Certificate, search::Search};

/// Checks a Waxseal certificate of erasure and can search a data folder for what should be gone.
///
/// Ends with 0 if everything that was checked holds, with 1 otherwise, with 2 on a wrong command line.
#[derive(Parser)]
#[command(name = "waxseal-verifier", version, max_term_width = 100)]
struct Cli {
    /// The certificate, as `waxseal privacy certificate` prints it.
    certificate: PathBuf,

    /// The instance's public key in hex, as `waxseal privacy public-key` or the API told it before the erasure. Without
    /// it the key in the certificate is used, and then only that nobody edited it is shown, not whose it is.
    #[arg(long, value_name = "HEX")]
    key: Option<String>,

    /// The account's id: checks that the certificate is about it, and looks for it.
    #[arg(long, value_name = "ID")]
    account: Option<String>,

    /// Search every file of this folder: the data folder, a backup, collected logs. May be given again.
    #[arg(long, value_name = "DIR")]
    scan: Vec<PathBuf>,

    /// Look for this word as well, of at least five bytes: an address, a name. May be given again.
    #[arg(long, value_name = "WORD")]
    word: Vec<String>,
}

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("waxseal-verifier: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> Result<bool> {
    if cli.scan.is_empty() && !cli.word.is_empty() {
        bail!("--word: say where to look for it, with --scan");
    }
    let text = fs::read_to_string(&cli.certificate).with_context(|| cli.certificate.display().to_string())?;
    let certificate = Certificate::read(&text)?;
    let signed = match cli.key.as_deref() {
        Some(key) => certificate.is_signed_by(key).context("--key")?,
        None => certificate.is_signed_by(&certificate.public_key)?,
    };
    if !signed {
        println!("signature   does not hold: the certificate was edited, or is another instance's");
        return Ok(false);
    }
    let whose = if cli.key.is_some() { "this instance" } else { "whoever has the key in it; give --key" };
    println!("signature   holds, by {whose}");
    for (name, value) in &certificate.told {
        println!("{name:<11} {value}");
    }
    let mut sound = certificate.hits == 0;
    if !sound {
        println!("hits        {}: the certificate says that something was left", certificate.hits);
    }
    let account = cli.account.as_deref().map(Account::parse).transpose()?;
    if let Some(account) = &account {
        match certificate.account_hash.as_deref().map(|hash| hash == account.hash()) {
            Some(true) => println!("account     it is about this account"),
            Some(false) => {
                println!("account     it is about another account");
                sound = false;
            }
            None => println!("account     it is not about an account as a whole"),
        }
    }
    if cli.scan.is_empty() {
        return Ok(sound);
    }
    let search = Search::new(account.as_ref(), &cli.word)?;
    if search.looks_for_nothing() {
        bail!("--scan: say what to look for, with --account or --word");
    }
    let found = search.folders(&cli.scan)?;
    for (path, count) in &found.places {
        println!("found       {count} in {path}");
    }
    println!(
        "scan        {} files of {} bytes ({} not readable): {} hits",
        found.files,
        found.bytes,
        found.unreadable,
        found.hits()
    );
    Ok(sound && found.hits() == 0)
}

//! The words of `waxseal relay`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// What can be done with relays.
#[derive(Debug, Subcommand)]
pub(crate) enum Relay {
    /// Set where mail of an account or a domain goes, from the next attempt on.
    ///
    /// A domain's relay wins over its account's, and that over `delivery.relay`. A login goes to this relay alone, and only
    /// under TLS with a good certificate, or on loopback. With --share alone the relay stays and gets more or less.
    #[command(group = clap::ArgGroup::new("where").required(true).multiple(true))]
    Set {
        /// smtp://HOST:PORT (STARTTLS if offered) or smtps://HOST:PORT (TLS from the first byte).
        #[arg(group = "where")]
        url: Option<String>,
        /// No relay: to the recipients' servers, whatever the account or the instance has.
        #[arg(long, group = "where", conflicts_with_all = ["url", "user", "share"])]
        direct: bool,
        #[command(flatten)]
        whose: Whose,
        /// User to log in as.
        #[arg(long, requires_all = ["url", "password_file"])]
        user: Option<String>,
        /// File with the user's password; `-` reads it from standard input.
        #[arg(long, value_name = "FILE", requires = "user")]
        password_file: Option<PathBuf>,
        /// How much goes by the relay, in percent; the rest goes to the recipients' servers. With 0 only what pools give it.
        #[arg(long, value_name = "PERCENT", group = "where", value_parser = clap::value_parser!(u8).range(0..=100))]
        share: Option<u8>,
    },
    /// Show the relay of an account or a domain, without its password.
    Show {
        #[command(flatten)]
        whose: Whose,
    },
    /// List the relays of an account and of its domains.
    List {
        /// The account's id.
        #[arg(long, value_name = "ID")]
        account: String,
    },
    /// Remove the relay of an account or a domain: mail goes by the next that counts, or directly.
    Remove {
        #[command(flatten)]
        whose: Whose,
    },
}

/// Whose relay.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Whose {
    /// The account's id.
    #[arg(long, value_name = "ID")]
    pub(crate) account: Option<String>,
    /// The name of a domain that sends.
    #[arg(long, value_name = "NAME")]
    pub(crate) domain: Option<String>,
}

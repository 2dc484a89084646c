//! The command line: what can be asked, and the words of `--help`.

mod access;
mod backup;
mod export;
mod policy;
mod privacy;
mod prove;
mod queue;
mod relay;
mod requests;
mod shaping;
mod sources;

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand};

pub(crate) use self::{
    access::Access,
    backup::Backup,
    export::{Export, Import, OpenExport},
    policy::Policy,
    privacy::{Hold, Privacy},
    prove::ProveErasure,
    queue::Queue,
    relay::{Relay, Whose},
    requests::{PersonRequest, PersonStep, RequestKindName},
    shaping::ShapingSet,
    sources::{Pool, Source},
};

/// An email service that you host yourself.
///
/// Applications send mail through an HTTP API (Mailgun's) or SMTP; Waxseal stores it durably, signs it and delivers
/// it. To see it work: `waxseal quickstart`.
#[derive(Debug, Parser)]
#[command(name = "waxseal", version, propagate_version = true, max_term_width = 100)]
pub(crate) struct Cli {
    /// Configuration file; `waxseal.toml` in this folder if there is one.
    #[arg(long, global = true, value_name = "FILE", env = "WAXSEAL_CONFIG")]
    pub(crate) config: Option<PathBuf>,

    /// Print data as JSON.
    #[arg(long, global = true)]
    pub(crate) json: bool,

    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Try everything: one account, one sandbox domain, all on this machine, nothing leaves it.
    ///
    /// Prints an API key, a curl line to send a first message with, where it can be read, and then a line for each
    /// thing that happens. Ctrl-C ends it.
    Quickstart(Quickstart),

    /// Run the roles of the configuration.
    ///
    /// Prints one line of JSON with the addresses once everything listens. SIGTERM or Ctrl-C: takes no more calls,
    /// finishes what is in flight within 30 seconds, ends with 0. A second signal ends it at once.
    Serve,

    /// Look for what is wrong: configuration, storage, DNS, ports, clock; say how to mend it.
    ///
    /// Ends with 0 if nothing is wrong, with 1 otherwise. Makes the data folder and the store if they are missing.
    Check,

    /// Accounts: the customers.
    #[command(subcommand)]
    Account(Account),

    /// Domains that mail is sent from.
    #[command(subcommand)]
    Domain(Domain),

    /// SMTP credentials and networks: who may submit by SMTP.
    #[command(subcommand)]
    Credential(Credential),

    /// API keys.
    #[command(subcommand)]
    Key(Key),

    /// Addresses that a domain no longer writes to.
    #[command(subcommand)]
    Suppression(Suppression),

    /// Messages on their way.
    #[command(subcommand)]
    Queue(Queue),

    /// What refusals of recipients' servers mean.
    #[command(subcommand)]
    Bounce(Bounce),

    /// How much at once providers of mailboxes get.
    #[command(subcommand)]
    Shaping(Shaping),

    /// Servers that mail of accounts and domains goes to instead of its recipients'.
    #[command(subcommand)]
    Relay(Relay),

    /// Addresses of this server that mail leaves from.
    #[command(subcommand)]
    Source(Source),

    /// Pools of such addresses, and whose mail leaves by which.
    #[command(subcommand)]
    Pool(Pool),

    /// What the system keeps about people.
    #[command(subcommand)]
    Privacy(Privacy),

    /// Backups of the database.
    #[command(subcommand)]
    Backup(Backup),

    /// The keys that everything personal is sealed under.
    #[command(subcommand)]
    Keys(Keys),
    /// Who did what with people's data.
    #[command(subcommand)]
    Audit(Audit),

    /// The promises, and whether they are kept.
    #[command(subcommand)]
    Policy(Policy),

    /// An operator's access to a customer's content: with a reason, for a time, and its owner gets to know.
    #[command(subcommand)]
    Access(Access),
}

/// What can be asked about refusals.
#[derive(Debug, Subcommand)]
pub(crate) enum Bounce {
    /// Tell what a reply means: its class, whether the address is suppressed, whether fewer messages are asked for, and the rule.
    ///
    /// Rules are those that come with Waxseal, behind those of `delivery.bounce_rules`.
    Classify {
        /// The reply, such as "550 5.1.1 No such user"; `-` reads it from standard input.
        reply: String,

        /// Name of the server that said it: some rules are of one provider.
        #[arg(long, value_name = "NAME", default_value = "")]
        host: String,
    },
}

/// What can be asked about providers.
#[derive(Debug, Subcommand)]
pub(crate) enum Shaping {
    /// List providers with their limits, or tell which one a domain with these mail servers belongs to.
    ///
    /// Providers are those that come with Waxseal, behind those of `delivery.shaping`. All servers of a domain have to be
    /// the provider's; a domain that belongs to none is a provider by itself. Where a server runs it also tells what
    /// `shaping set` changed and how each provider is: connections open and allowed, messages that wait in memory, and
    /// since when it is slowed down because it asked for less.
    Show {
        /// Names of a domain's mail servers, as `dig MX` prints them.
        hosts: Vec<String>,
    },
    Set(ShapingSet),
}

#[derive(Debug, Args)]
pub(crate) struct Quickstart {
    /// Send one message by HTTP and one by SMTP to a recipient's server of its own, prove what arrived, and end.
    #[arg(long)]
    pub(crate) once: bool,

    /// Keep everything here instead of in a temporary folder that is deleted at the end.
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,

    /// Address of the HTTP API.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) http: Option<SocketAddr>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Account {
    /// Make an account. Prints its id and its private API key, which is shown this once.
    Create {
        /// Name of the person or team.
        #[arg(long)]
        name: String,
        /// Address for service mail.
        #[arg(long)]
        email: String,
        /// Company.
        #[arg(long)]
        company: Option<String>,
    },
    /// List the accounts, oldest first.
    List,
    /// Correct what an account says about itself. What is not given stays.
    #[command(group = clap::ArgGroup::new("field").required(true).multiple(true))]
    Correct {
        /// The account's id.
        #[arg(value_name = "ID")]
        account: String,
        /// Name of the person or team.
        #[arg(long, group = "field")]
        name: Option<String>,
        /// Address for service mail.
        #[arg(long, group = "field")]
        email: Option<String>,
        /// Company; an empty one is taken out.
        #[arg(long, group = "field")]
        company: Option<String>,
    },
    /// Close an account now, and erase it with everything in it when `erasure.grace_days` are over.
    ///
    /// From the moment this ends no key, login or network of it lets anybody in, and nothing in its queue leaves. Until
    /// its time has come `account undelete` opens it again as it was; afterwards its keys are destroyed within a second,
    /// and rows and files follow. With 0 days of grace all of it happens at once. Done again it changes nothing.
    Delete {
        /// The account's id.
        #[arg(value_name = "ID")]
        account: String,
    },
    /// Open an account again that was closed by `account delete`, as long as its erasure has not begun.
    Undelete {
        /// The account's id.
        #[arg(value_name = "ID")]
        account: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Domain {
    /// Make a domain with its DKIM keys. Prints the DNS records to publish.
    Create {
        /// Name, such as mail.example.org.
        name: String,
        /// The account's id.
        #[arg(long, value_name = "ID")]
        account: String,
        /// Capture mail in the account's inbox instead of sending it.
        #[arg(long)]
        sandbox: bool,
    },
    /// List the domains of an account.
    List {
        /// The account's id.
        #[arg(long, value_name = "ID")]
        account: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Credential {
    /// Make an SMTP credential, or let a network submit without one.
    ///
    /// With ADDRESS: a login with a password, which is shown this once. With --network: whoever calls from there
    /// submits for the account without AUTH; nobody else does.
    Create {
        /// Login: a full address of one of the account's domains.
        #[arg(required_unless_present = "network", conflicts_with = "network")]
        address: Option<String>,
        /// Network, such as 10.1.0.0/16 or 2001:db8::/32.
        #[arg(long, value_name = "CIDR")]
        network: Option<String>,
        /// The account's id.
        #[arg(long, value_name = "ID")]
        account: String,
    },
    /// List an account's logins and networks with their ids; no passwords, which nobody knows.
    List {
        /// The account's id.
        #[arg(long, value_name = "ID")]
        account: String,
        /// Only the logins of this domain.
        #[arg(long, value_name = "NAME")]
        domain: Option<String>,
    },
    /// Delete a login or a network: who has it can submit no more.
    Delete {
        /// Login, network or id, as `credential list` shows them.
        #[arg(value_name = "LOGIN|CIDR|ID")]
        credential: String,
        /// The account's id.
        #[arg(long, value_name = "ID")]
        account: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Key {
    /// Make an API key, which is shown this once.
    ///
    /// With --domain it can only send, and only through that domain.
    Create {
        /// The account's id.
        #[arg(long, value_name = "ID")]
        account: String,
        /// A domain of the account.
        #[arg(long, value_name = "NAME")]
        domain: Option<String>,
        /// What to call it.
        #[arg(long, default_value = "")]
        label: String,
    },
    /// List an account's keys with their ids, oldest first; no secrets, which nobody knows.
    List {
        /// The account's id.
        #[arg(long, value_name = "ID")]
        account: String,
    },
    /// Delete an API key: it opens nothing from then on.
    Delete {
        /// The key's id, as `key list` shows it.
        #[arg(value_name = "KEY_ID")]
        key: String,
        /// The account's id.
        #[arg(long, value_name = "ID")]
        account: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Suppression {
    /// Take an address off all lists of a domain (bounce, unsubscribe, complaint, allow); says which it was on.
    ///
    /// The next message to it is delivered as to anybody.
    Remove {
        /// The recipient's address.
        address: String,
        /// The domain whose lists they are.
        #[arg(long, value_name = "NAME")]
        domain: String,
        /// The account's id.
        #[arg(long, value_name = "ID")]
        account: String,
    },
}

/// A page made from the inventory.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(crate) enum Page {
    /// What we keep.
    Keep,
    /// What we could hand over.
    Handover,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Keys {
    /// List the keys: account, class, day and epoch; never the keys themselves.
    List,
    /// Wrap every key anew and destroy what they were wrapped under: copies of the key store from before are useless.
    ///
    /// Nothing else changes, and the master key stays. It happens by itself whenever keys were destroyed.
    Rotate,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// Check every entry against its chain, its signed checkpoints and their anchors; ends with 1 if something is
    /// not as it was written.
    Verify,
    /// Print the trail as JSON Lines, oldest first. Accounts appear by pseudonyms.
    Export {
        /// Entries of this day (2026-03-01) or time (2026-03-01T12:00:00Z) and later.
        #[arg(long, value_name = "TIME")]
        since: Option<String>,
        /// Entries about this account alone.
        #[arg(long, value_name = "ID")]
        account: Option<String>,
        /// Entries of this operator's commands alone: a name, `owner`, `root` or `uid NUMBER`.
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
    },
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_commands_are_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_relay_is_a_server_none_or_another_share() {
        let parsed = |arguments: &[&str]| {
            let all = ["waxseal", "relay", "set", "--account", "A"].iter().chain(arguments);
            Cli::try_parse_from(all).is_ok()
        };
        assert!(parsed(&["smtp://relay"]) && parsed(&["--direct"]) && parsed(&["--share", "5"]));
        assert!(parsed(&["smtp://relay", "--user", "me", "--password-file", "-", "--share", "100"]));
        assert!(parsed(&["smtp://relay", "--share", "0"]), "only what pools give it");
        for wrong in [
            &[][..],
            &["smtp://relay", "--direct"],
            &["--direct", "--share", "5"],
            &["smtp://relay", "--share", "101"],
            &["smtp://relay", "--user", "me"],
            &["smtp://relay", "--password-file", "-"],
            &["--share", "5", "--user", "me", "--password-file", "-"],
            &["smtp://relay", "--domain", "d.example"],
        ] {
            assert!(!parsed(wrong), "{wrong:?}");
        }
    }

    #[test]
    fn a_credential_is_an_address_or_a_network() {
        let parsed = |arguments: &[&str]| {
            let all = ["waxseal", "credential", "create", "--account", "A"].iter().chain(arguments);
            Cli::try_parse_from(all).is_ok()
        };
        assert!(parsed(&["app@example.org"]) && parsed(&["--network", "10.0.0.0/8"]));
        assert!(!parsed(&[]) && !parsed(&["app@example.org", "--network", "10.0.0.0/8"]));
    }
}

//! The configuration: every key of `waxseal.toml`, read once at start, checked as a whole.
//!
//! A key comes from the environment (`WAXSEAL_HTTP__LISTEN` for `http.listen`), else from the file, else from its
//! default. All that is wrong is told at once, each with the name of its key.

mod keys;
mod read;
mod secret;
mod settings;
#[cfg(test)]
mod tests;
mod values;

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
};

use waxseal_delivery::{AfterCrash, Relay, bounce::Rules, shaping::Shaping};
use waxseal_net::{Dnssec, HttpRules};
use waxseal_privacy::access::AccessConfig;
use waxseal_sending::allowance::HourlyLimits;

use crate::operators::NamedOperator;

pub(crate) use self::{
    keys::variable,
    secret::Secret,
    settings::Settings,
    values::{LogFormat, LogLevel, Role},
};

/// The name of the file that is read when none is named.
pub(crate) const DEFAULT_FILE: &str = "waxseal.toml";

/// The configuration of one process.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// Folder of everything that the process keeps.
    pub(crate) data_dir: PathBuf,
    /// Folder of the key store; the data folder if absent.
    pub(crate) keys_dir: Option<PathBuf>,
    /// What the process does.
    pub(crate) roles: Vec<Role>,
    /// Socket of the commands.
    pub(crate) control_socket: PathBuf,
    /// Group whose members reach it.
    pub(crate) control_group: Option<u32>,
    /// Who gives commands, and what each may.
    pub(crate) operators: Vec<NamedOperator>,
    /// Where callers reach the HTTP API, without a slash at the end; the first listener's address if absent.
    pub(crate) public_url: Option<String>,
    /// Greeting, Message-ID, HELO.
    pub(crate) hostname: String,
    /// Listeners of the HTTP API.
    pub(crate) http_listen: Vec<SocketAddr>,
    /// Whether the HTTP API speaks HTTPS itself.
    pub(crate) http_tls: bool,
    /// Listeners of SMTP submission with STARTTLS.
    pub(crate) submission_listen: Vec<SocketAddr>,
    /// Listeners of SMTP submission under TLS from the first byte.
    pub(crate) submission_implicit_tls: Vec<SocketAddr>,
    /// Most connections of one peer to the HTTP API.
    pub(crate) http_connections_per_peer: usize,
    /// Most connections of one peer to submission.
    pub(crate) submission_connections_per_peer: usize,
    /// What an account may send in an hour.
    pub(crate) hourly: HourlyLimits,
    /// Memory that the process stays below, in MiB; 0: what fits the machine.
    pub(crate) memory_limit_mb: u64,
    /// `sqlite`, or the URL of a PostgreSQL database (with its password).
    pub(crate) store_url: Secret,
    /// File of the master key.
    pub(crate) master_key_file: PathBuf,
    /// The master key itself, instead of the file.
    pub(crate) master_key: Option<Secret>,
    /// A command that prints it, instead of both.
    pub(crate) master_key_command: Option<Secret>,
    /// Port of recipients' servers.
    pub(crate) delivery_port: u16,
    /// The smart host that everything goes to.
    pub(crate) relay: Option<Relay>,
    pub(crate) relay_share: u8,
    pub(crate) relay_connections: u32,
    pub(crate) recipients_per_transaction: u32,
    /// What becomes of messages that may already have been delivered when the process died.
    pub(crate) after_crash: AfterCrash,
    /// Addresses to send from.
    pub(crate) source_addresses: Vec<IpAddr>,
    /// Whether hosts on loopback and private addresses are dialled.
    pub(crate) allow_private_destinations: bool,
    /// What replies of recipients' servers mean.
    pub(crate) bounce_rules: Arc<Rules>,
    /// Providers, and how much at once they get.
    pub(crate) shaping: Arc<Shaping>,
    /// Whether the MTA-STS policies of recipients' domains are heeded.
    pub(crate) mta_sts: bool,
    /// Whether recipients' domains are told how TLS with their servers went.
    pub(crate) tls_reports: bool,
    /// Sender of such reports.
    pub(crate) tls_reports_from: Option<String>,
    /// Who sends them, in words.
    pub(crate) tls_reports_organization: Option<String>,
    /// File with further certificates to trust.
    pub(crate) extra_ca: Option<PathBuf>,
    /// What URLs of customers may be called.
    pub(crate) http_rules: HttpRules,
    /// DNS servers; the system's if empty.
    pub(crate) nameservers: Vec<SocketAddr>,
    /// Whether answers about mail servers are validated.
    pub(crate) dnssec: Dnssec,
    /// File with the root's keys, instead of those on the Internet.
    pub(crate) trust_anchor: Option<PathBuf>,
    /// Certificate chain and key of the listeners; self-signed ones otherwise.
    pub(crate) certificate: Option<(PathBuf, PathBuf)>,
    /// Days that events are kept.
    pub(crate) events_days: u32,
    /// Days that content can be retrieved.
    pub(crate) stored_message_days: u32,
    /// Days that reports on the promises are kept.
    pub(crate) report_days: u32,
    /// Days that what people asked about their data is kept once it is answered.
    pub(crate) request_days: u32,
    /// Days in which what people ask about their data has to be answered.
    pub(crate) answer_days: u32,
    /// Days in which the deletion of an account can be undone.
    pub(crate) grace_days: u32,
    /// Hours that a copy which a customer asked for is kept.
    pub(crate) export_hours: u32,
    /// Where ends of the audit trail are witnessed.
    pub(crate) anchor_file: PathBuf,
    /// What grants of sight of content are possible.
    pub(crate) access: AccessConfig,
    /// Who writes to the owners of accounts whose content an operator sees.
    pub(crate) access_notice_from: Option<String>,
    /// Where data is at home, in the operator's words.
    pub(crate) home_region: Option<String>,
    /// Minutes after midnight UTC at which the promises are checked.
    pub(crate) verify_at: u32,
    /// Where backups go.
    pub(crate) backup_folder: PathBuf,
    /// Hours between backups that the server makes by itself; none if 0.
    pub(crate) backup_every_hours: u32,
    /// Days that backups are kept.
    pub(crate) backup_keep_days: u32,
    /// Where copies of the keys go.
    pub(crate) keys_folder: PathBuf,
    /// Hours between copies of the keys that the server makes by itself; none if 0.
    pub(crate) keys_every_hours: u32,
    /// Days that copies of the keys are kept.
    pub(crate) keys_keep_days: u32,
    /// File of the backup key.
    pub(crate) backup_key_file: PathBuf,
    /// The backup key itself, instead of the file.
    pub(crate) backup_key: Option<Secret>,
    /// A command that prints it, instead of both.
    pub(crate) backup_key_command: Option<Secret>,
    /// Listener of the metrics.
    pub(crate) metrics_listen: Option<SocketAddr>,
    /// How much is logged.
    pub(crate) log_level: LogLevel,
    /// Form of the log.
    pub(crate) log_format: LogFormat,
    /// What is set and does nothing, each with why.
    pub(crate) notes: Vec<String>,
}

/// Everything that is wrong with a configuration.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ConfigErrors(pub(crate) Vec<String>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the configuration is wrong:")?;
        self.0.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl std::error::Error for ConfigErrors {}

impl Config {
    /// Reads `file` (else `waxseal.toml`, if there is one) and the environment.
    pub(crate) fn load(file: Option<&Path>) -> Result<Self, ConfigErrors> {
        let settings = match file {
            Some(file) => Settings::from_file(file)?,
            None if Path::new(DEFAULT_FILE).exists() => Settings::from_file(Path::new(DEFAULT_FILE))?,
            None => Settings::default(),
        };
        settings.with_environment(std::env::vars_os())?.read()
    }

    /// The folder in which the key store lies.
    pub(crate) fn key_store(&self) -> &Path {
        self.keys_dir.as_deref().unwrap_or(&self.data_dir)
    }

    /// Whether the process has this role.
    pub(crate) fn has(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }
}

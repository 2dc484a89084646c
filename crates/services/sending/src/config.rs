//! Limits of one instance: how much it takes at once, how far ahead, how long it tries.

use std::{net::IpAddr, sync::Arc, time::Duration};

use waxseal_net::HttpRules;
use waxseal_system::Memory;

use crate::allowance::HourlyLimits;

/// What an instance takes. Start from [`SendingConfig::new`].
#[derive(Debug, Clone)]
pub struct SendingConfig {
    /// Name of this host, for `Received`.
    pub hostname: String,
    /// Largest message in bytes of MIME, as it will leave.
    pub max_message_bytes: usize,
    /// Most recipients of a call, `to`, `cc` and `bcc` together.
    pub max_recipients: usize,
    /// Most files of a message, `attachment` and `inline` together.
    pub max_files: usize,
    /// Most copies that a batch may send, counting that every copy also goes to `cc` and `bcc`.
    pub max_deliveries: usize,
    /// Most bytes of MIME that a batch may make.
    pub max_batch_bytes: usize,
    /// Most bytes of memory that all calls together may hold for their mail; those of one account may hold half.
    pub max_bytes_in_flight: usize,
    /// What the process takes of memory altogether.
    pub memory: Arc<Memory>,
    /// What an account may send in an hour.
    pub hourly: HourlyLimits,
    /// How far ahead a message may be scheduled.
    pub max_delay: Duration,
    /// How long delivery is tried unless the caller says otherwise.
    pub give_up_after: Duration,
    /// Whether recipients of a message at one domain share a return path, so that they can go in one transaction.
    pub shared_return_paths: bool,
    /// What URLs of customers may be called.
    pub http_rules: HttpRules,
    /// Addresses of this host that a caller may ask to send from.
    pub sending_ips: Vec<IpAddr>,
}

impl SendingConfig {
    /// The limits of the API for a host of this name.
    pub fn new(hostname: impl Into<String>) -> Self {
        Self {
            hostname: hostname.into(),
            max_message_bytes: 25 * MIB,
            max_recipients: 1_000,
            max_files: 500,
            max_deliveries: 10_000,
            max_batch_bytes: 512 * MIB,
            max_bytes_in_flight: 1_024 * MIB,
            memory: Arc::default(),
            hourly: HourlyLimits::default(),
            max_delay: Duration::from_secs(3 * 86_400),
            give_up_after: Duration::from_secs(5 * 86_400),
            shared_return_paths: true,
            http_rules: HttpRules::default(),
            sending_ips: Vec::new(),
        }
    }
}

const MIB: usize = 1_024 * 1_024;

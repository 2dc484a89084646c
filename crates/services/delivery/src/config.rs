//! How delivery behaves: names, limits, times.

use std::{sync::Arc, time::Duration};

use waxseal_model::{AddressMarks, NoMarks};
use waxseal_net::HttpRules;
use waxseal_smtp::client::Wait;
use waxseal_store::queue::HandoverLimits;

use crate::{
    bounce::Rules, relay::Relay, scheduler::HOLD_FOR, second_copy::AfterCrash, shaping::Shaping,
    tls_reports::TlsReporting,
};

/// Configuration of delivery.
#[derive(Debug, Clone)]
pub struct DeliveryConfig {
    /// Our name for EHLO; a server that greets with it is ourselves.
    pub hostname: String,
    /// Port of recipients' servers: 25, except in tests.
    pub port: u16,
    /// The smart host that gets everything.
    pub relay: Option<Relay>,
    /// How much of it goes there, in percent; the rest goes to the recipients' servers.
    pub relay_share: u8,
    /// How long captured messages stay in the inbox of a sandbox domain.
    pub inbox_keep: Duration,
    /// What URLs of customers may be called.
    pub http_rules: HttpRules,
    /// Whether the MTA-STS policies of recipients' domains are heeded (RFC 8461).
    pub mta_sts: bool,
    /// Port of the hosts that tell them: 443, except in tests.
    pub mta_sts_port: u16,
    /// Who tells recipients' domains how TLS with their servers went (RFC 8460); `None`: nothing is counted.
    pub tls_reports: Option<TlsReporting>,
    /// What becomes of messages that may already have been delivered when the process died.
    pub after_crash: AfterCrash,
    /// What servers' replies mean.
    pub bounces: Arc<Rules>,
    /// Providers, and how much at once they get.
    pub shaping: Arc<Shaping>,
    /// What is logged in addresses' place.
    pub marks: Arc<dyn AddressMarks>,
    /// Limits.
    pub limits: Limits,
    /// Times.
    pub timeouts: Timeouts,
}

/// How much at once.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections to one provider that the table of providers gives no number.
    pub per_destination: usize,
    /// Connections to one relay.
    pub per_relay: u32,
    /// Connections in all.
    pub connections: usize,
    /// Messages over one connection.
    pub messages_per_connection: u32,
    /// Recipients of one message in one transaction.
    pub recipients_per_transaction: usize,
    /// Recipients of one account at one destination that wait in memory, taken from the queue; the others wait in the store.
    pub waiting_per_destination: usize,
    /// Recipients in memory, in all. No account gets more of it than it leaves free: alone half, of two that want
    /// everything each a third.
    pub leased: usize,
    /// Bytes of content in memory.
    pub bytes_in_flight: u64,
}

/// How long.
#[derive(Debug, Clone)]
pub struct Timeouts {
    /// No wait of an SMTP dialogue is longer, whatever RFC 5321 allows.
    pub longest_wait: Duration,
    /// No other host or address of a destination is tried after this time.
    pub opening: Duration,
    /// A policy that a domain tells by HTTPS is had within this time, or it is as none.
    pub policy: Duration,
    /// A connection without work is closed after this time.
    pub idle: Duration,
    /// How long [`shutdown`](crate::Delivery::shutdown) lets transactions finish.
    pub shutdown: Duration,
    /// Between looks at the queue while some have too much waiting to tell when the others are due, and after the store did
    /// not answer.
    pub look_again: Duration,
    /// How often the gauges of the queue are read.
    pub gauges: Duration,
}

impl DeliveryConfig {
    /// The defaults of a server called `hostname`.
    pub fn new(hostname: impl Into<String>) -> Self {
        Self {
            hostname: hostname.into(),
            port: 25,
            relay: None,
            relay_share: 100,
            inbox_keep: Duration::from_secs(3 * 86_400),
            http_rules: HttpRules::default(),
            mta_sts: true,
            mta_sts_port: 443,
            tls_reports: None,
            after_crash: AfterCrash::default(),
            bounces: Arc::default(),
            shaping: Arc::default(),
            marks: Arc::new(NoMarks),
            limits: Limits::default(),
            timeouts: Timeouts::default(),
        }
    }
}

impl Limits {
    /// What is handed over as it is accepted: half of what may be in memory, so that what waited before has room.
    pub(crate) fn handover(&self) -> HandoverLimits {
        HandoverLimits {
            recipients: self.leased / 2,
            bytes: usize::try_from(self.bytes_in_flight / 2).unwrap_or(usize::MAX),
            hold_for: HOLD_FOR,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            per_destination: 10,
            // As many as Postfix makes to one destination; Exchange takes no more from one address.
            per_relay: 20,
            connections: 200,
            messages_per_connection: 100,
            recipients_per_transaction: 100,
            waiting_per_destination: 60,
            leased: 20_000,
            bytes_in_flight: 128 * 1024 * 1024,
        }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            longest_wait: Duration::from_secs(600),
            opening: Duration::from_secs(300),
            policy: Duration::from_secs(20),
            idle: Duration::from_secs(5),
            shutdown: Duration::from_secs(30),
            look_again: Duration::from_millis(500),
            gauges: Duration::from_secs(15),
        }
    }
}

impl Timeouts {
    pub(crate) fn of(&self, wait: Wait) -> Duration {
        wait.limit().min(self.longest_wait)
    }
}

//! Delivery against a real store, a real DNS server and real SMTP conversations on loopback.
#![expect(clippy::disallowed_methods, reason = "tests may wait for their files")]

mod archive;
mod bad_peers;
mod capture;
mod clearing;
mod counters;
mod dane;
mod dns;
mod fair;
mod handing_over;
mod mta_sts;
mod outcomes;
mod pausing;
mod relays;
mod restart;
mod routes;
mod schedule;
mod shaping;
mod sharing;
mod sources;
mod standard_tools;
mod suppressed;
mod tls;
mod tls_reports;
mod why;
mod world;

//! What a caller may ask for with a message, besides its content.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// Whether and where links or opens are tracked; kept with the message for the tracking service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tracking {
    /// Tracked in every part.
    Yes,
    /// Not tracked.
    No,
    /// Tracked in the HTML part alone.
    HtmlOnly,
}

/// The options that stay with a stored message: for its delivery, and for sending it again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DeliveryOptions {
    /// Never fall back to plaintext: defer instead (`o:require-tls`, RFC 3207).
    pub require_tls: bool,
    /// Do not check the certificate of the recipient's server (`o:skip-verification`).
    pub skip_verification: bool,
    /// Accept and report as delivered, but send nothing (`o:testmode`).
    pub test_mode: bool,
    /// Opens, if the caller said something about them.
    pub tracking_opens: Option<Tracking>,
    /// Clicks, if the caller said something about them.
    pub tracking_clicks: Option<Tracking>,
    /// Whether the opening pixel stands at the top (`o:tracking-pixel-location-top`).
    pub tracking_pixel_top: Option<Tracking>,
    /// Source address asked for (`o:sending-ip`).
    pub sending_ip: Option<IpAddr>,
    /// Pool of source addresses asked for (`o:sending-ip-pool`).
    pub sending_ip_pool: Option<String>,
    /// It is a report about TLS: whatever is wrong with TLS does not hold it up, and its sessions are in no report (RFC 8460
    /// section 3).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub tls_report: bool,
    /// It was submitted from `<>` and leaves so: no server is told what becomes of it (RFC 5321 section 4.5.5).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub null_reverse_path: bool,
    /// How it is signed.
    pub signing: Signing,
}

/// What a message asked to leave from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceWish {
    /// This address and no other (`o:sending-ip`).
    Address(IpAddr),
    /// An address of this pool (`o:sending-ip-pool`).
    Pool(String),
}

impl DeliveryOptions {
    /// What it asks to leave from. An address says more than a pool.
    pub fn source(&self) -> Option<SourceWish> {
        let pool = || self.sending_ip_pool.clone().map(SourceWish::Pool);
        self.sending_ip.map(SourceWish::Address).or_else(pool)
    }
}

/// How a message was signed when it was accepted: one that is sent again is signed anew, the same way.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Signing {
    /// Not by its domain's keys (`o:dkim=no`).
    pub off: bool,
    /// A key to sign with besides, as `domain/selector` (`o:secondary-dkim`).
    pub secondary: Option<String>,
    /// The name that key is published under, if it is another (`o:secondary-dkim-public`).
    pub secondary_public: Option<String>,
}

/// When a message may leave and when it is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// Not before this time (`o:deliverytime`; the time of acceptance otherwise).
    pub not_before: Timestamp,
    /// Given up at this time (`o:deliver-within` counted from `not_before`, or five days).
    pub give_up_at: Timestamp,
}

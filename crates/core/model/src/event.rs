//! The event log's vocabulary: what can happen to a message, and what is told of it.
//!
//! An event is a fact in the past. [`EventKind`] and [`Severity`] are stored in the clear; everything
//! about people lives in [`EventDetails`], which rests sealed under the account's key of the day.
//! The derives of serde here are the stored form, not the API's: the HTTP door renders its own.

use serde::{Deserialize, Serialize};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// The platform took responsibility for a recipient of a message.
    Accepted,
    /// A message was refused after the call had ended.
    Rejected,
    /// The recipient's server took the message (or test mode pretended so).
    Delivered,
    /// An attempt failed: see [`Severity`].
    Failed,
    /// The message was opened.
    Opened,
    /// A link was clicked.
    Clicked,
    /// The recipient unsubscribed.
    Unsubscribed,
    /// The recipient complained.
    Complained,
    /// An inbound message was stored.
    Stored,
}

/// Whether a failure is final.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Severity {
    /// Another attempt follows.
    Temporary,
    /// No attempt follows.
    Permanent,
}

impl EventKind {
    /// All kinds.
    pub const ALL: [Self; 9] = [
        Self::Accepted,
        Self::Rejected,
        Self::Delivered,
        Self::Failed,
        Self::Opened,
        Self::Clicked,
        Self::Unsubscribed,
        Self::Complained,
        Self::Stored,
    ];

    /// The name in the API and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Opened => "opened",
            Self::Clicked => "clicked",
            Self::Unsubscribed => "unsubscribed",
            Self::Complained => "complained",
            Self::Stored => "stored",
        }
    }

    /// The kind of this name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

impl Severity {
    /// The name in the API and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Temporary => "temporary",
            Self::Permanent => "permanent",
        }
    }

    /// The severity of this name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Temporary, Self::Permanent].into_iter().find(|severity| severity.as_str() == text)
    }
}

/// Everything an event tells about people and their message. Absent blocks are `None`.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EventDetails {
    /// The recipient's address, without a display name.
    pub recipient: Option<String>,
    /// Tags of the message.
    pub tags: Vec<String>,
    /// Custom variables (`v:`), name and value; values are strings. At most 4 KB, cut beyond.
    pub user_variables: Vec<(String, String)>,
    /// The message, as far as the event knows it.
    pub message: MessageInfo,
    /// SMTP envelope.
    pub envelope: Option<EnvelopeInfo>,
    /// Flags that are not always false.
    pub flags: EventFlags,
    /// Result of a delivery attempt.
    pub delivery_status: Option<DeliveryStatus>,
    /// `http` or `smtp`: how the message came in.
    pub method: Option<String>,
    /// Address of the caller.
    pub originating_ip: Option<String>,
    /// Id of the API key or credential used.
    pub api_key_id: Option<String>,
    /// Why it failed: a word of the API (`bounce`, `generic`, `suppress-bounce`, `old`, …).
    pub reason: Option<String>,
    /// Reason and description of a rejection.
    pub reject: Option<(String, String)>,
    /// `<selector>._domainkey.<domain>` of the first signature.
    pub primary_dkim: Option<String>,
    /// Id shared by the messages of one batch.
    pub batch_id: Option<String>,
    /// Where a copy goes once somebody got the message (`o:archive-to`). Kept with the stored message, for sending
    /// it again; no event tells it.
    pub archive_to: Option<String>,
}

/// The message of an event.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MessageInfo {
    /// Message-ID header without angle brackets.
    pub message_id: String,
    /// From header as sent.
    pub from: String,
    /// To header as sent.
    pub to: String,
    /// Subject, decoded.
    pub subject: String,
    /// Attachments.
    pub attachments: Vec<AttachmentInfo>,
    /// Recipients of the message: all with the stored message, the first hundred in accepted and stored events.
    pub recipients: Vec<String>,
    /// Size of the MIME in bytes.
    pub size: u64,
    /// Seconds since the epoch at which a scheduled message is due.
    pub scheduled_for: Option<i64>,
}

/// An attachment as events list it.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttachmentInfo {
    /// File name.
    pub filename: String,
    /// MIME type.
    pub content_type: String,
    /// Decoded size in bytes.
    pub size: u64,
}

/// The envelope of an event.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EnvelopeInfo {
    /// Sender as the customer sees it (not the VERP address).
    pub sender: String,
    /// Recipient address.
    pub targets: String,
    /// `smtp` or `http`.
    pub transport: String,
    /// Our address towards the recipient's server.
    pub sending_ip: Option<String>,
}

/// Flags of an event.
#[derive(Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EventFlags {
    /// The caller proved who it is.
    pub is_authenticated: bool,
    /// Matched a route.
    pub is_routed: bool,
    /// Made by the platform's own checks.
    pub is_system_test: bool,
    /// Test mode: nothing was sent.
    pub is_test_mode: bool,
    /// A bounce that came after the recipient's server had accepted.
    pub is_delayed_bounce: bool,
    /// Has an AMP part.
    pub is_amp: bool,
    /// Its content is encrypted (OpenPGP, S/MIME).
    pub is_encrypted: bool,
    /// Larger than many recipients' servers take.
    pub is_big: bool,
}

/// The result of one delivery attempt.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DeliveryStatus {
    /// SMTP reply code, or an internal one (498, 499, 602, 605, 606, 607, 650).
    pub code: u16,
    /// Reply text of the recipient's server.
    pub message: String,
    /// Our own explanation, empty if the reply says it all.
    pub description: String,
    /// Number of this attempt, from 1.
    pub attempt_no: u32,
    /// How long the attempt took, in seconds.
    pub session_seconds: f64,
    /// Seconds from acceptance to the first attempt.
    pub first_delivery_attempt_seconds: Option<f64>,
    /// Whether the session was under TLS; unknown if there was none.
    pub tls: Option<bool>,
    /// Whether the server's certificate was checked and good.
    pub certificate_verified: Option<bool>,
    /// Whether SMTPUTF8 was used.
    pub utf8: Option<bool>,
    /// Host name of the server.
    pub mx_host: Option<String>,
    /// Address of the server.
    pub mx_host_ip: Option<String>,
    /// Enhanced status code (RFC 3463).
    pub enhanced_code: Option<String>,
    /// Code of the last attempt, where `code` is not its own: 602.
    pub last_code: Option<u16>,
    /// What the server said in the last attempt, or else what we said of it.
    pub last_message: Option<String>,
    /// `hard` or `soft`, for permanent failures.
    pub bounce_type: Option<String>,
    /// Seconds until the next attempt, for temporary failures.
    pub retry_seconds: Option<u64>,
    /// Whether an earlier try may have succeeded unseen, when a process died: then this one makes a second copy.
    pub possible_duplicate: bool,
}

//! What an owner says about a domain beyond its columns; one sealed value, so that a new setting needs no new column.

use serde::{Deserialize, Serialize};
use waxseal_model::{KeyId, Timestamp};

/// Settings of a domain, and what was found out about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DomainDetails {
    /// What happens to inbound mail that is taken for spam.
    pub spam_action: SpamAction,
    /// Whether names below the domain belong to it.
    pub wildcard: bool,
    /// The scheme of links that are followed for tracking.
    pub web_scheme: WebScheme,
    /// The first label of the host of such links.
    pub web_prefix: String,
    /// Whether inbound messages are encrypted while they are kept. They are, whatever this says.
    pub encrypt_incoming_message: bool,
    /// Whose keys sign.
    pub dkim_authority: DkimAuthority,
    /// The host that bounces come back to, below the domain; the domain itself if there is none.
    pub mailfrom_host: Option<String>,
    /// What is followed.
    pub tracking: Tracking,
    /// Keys that take the place of others.
    pub rotation: Rotation,
    /// What the DNS said last.
    pub checked: Option<Checked>,
}

impl Default for DomainDetails {
    fn default() -> Self {
        Self {
            spam_action: SpamAction::default(),
            wildcard: false,
            web_scheme: WebScheme::default(),
            web_prefix: "email".into(),
            encrypt_incoming_message: false,
            dkim_authority: DkimAuthority::default(),
            mailfrom_host: None,
            tracking: Tracking::default(),
            rotation: Rotation::default(),
            checked: None,
        }
    }
}

/// What happens to inbound mail that is taken for spam.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SpamAction {
    /// Nothing.
    #[default]
    Disabled,
    /// It is refused.
    Block,
    /// It gets a header.
    Tag,
    /// It is taken and dropped.
    Delete,
}

/// The scheme of links.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WebScheme {
    /// `http`
    #[default]
    Http,
    /// `https`
    Https,
}

/// Whose keys sign a domain's mail.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DkimAuthority {
    /// Its own.
    #[default]
    Own,
    /// Those of the nearest domain of the account above it; its own if there is none.
    Parent,
}

/// What of a message is followed, unless the message says otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tracking {
    /// Whether it is opened.
    pub opens: bool,
    /// Whether the pixel stands at the top.
    pub pixel_at_the_top: bool,
    /// Whether its links are followed.
    pub clicks: ClickTracking,
    /// Whether it has a way to unsubscribe.
    pub unsubscribes: bool,
    /// What stands below HTML; the usual one if absent.
    pub html_footer: Option<String>,
    /// What stands below text; the usual one if absent.
    pub text_footer: Option<String>,
}

/// Which links are followed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClickTracking {
    /// None.
    #[default]
    No,
    /// Those of HTML and of text.
    Yes,
    /// Those of HTML.
    HtmlOnly,
}

/// Keys that take the place of others.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rotation {
    /// Days after which a key gets a successor; nothing: only when somebody asks.
    pub every_days: Option<u32>,
    /// When the key in use began, or last got a successor, in microseconds.
    pub since: i64,
    /// The key that signs as soon as the DNS has it, as bits of its id.
    pub successor: Option<u128>,
    /// Keys that sign beside the others as soon as the DNS has them.
    pub awaited: Vec<u128>,
    /// Keys that sign no more, and until when their records are needed, in microseconds.
    pub retired: Vec<(u128, i64)>,
}

impl Rotation {
    /// The key that is to sign next.
    pub fn successor(&self) -> Option<KeyId> {
        self.successor.map(KeyId::from_u128)
    }

    /// Whether a key waits for its record.
    pub fn awaits(&self, key: KeyId) -> bool {
        self.successor() == Some(key) || self.awaited.contains(&key.as_u128())
    }

    /// Whether any does.
    pub const fn awaits_any(&self) -> bool {
        self.successor.is_some() || !self.awaited.is_empty()
    }
}

/// What the DNS said about a domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    /// When, in microseconds.
    pub at: i64,
    /// Of each record, in the order of the records to publish.
    pub records: Vec<RecordState>,
}

impl Checked {
    /// When.
    pub const fn at(&self) -> Timestamp {
        Timestamp::from_micros(self.at)
    }

    /// What it said of the record of this type, name and value.
    pub fn of(&self, record_type: &str, name: &str, value: &str) -> Option<&RecordState> {
        self.records
            .iter()
            .find(|record| record.record_type == record_type && record.name == name && record.value == value)
    }
}

/// What the DNS said of one record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordState {
    /// `TXT`, `MX` or `CNAME`.
    pub record_type: String,
    /// Its name.
    pub name: String,
    /// The value that was looked for.
    pub value: String,
    /// Whether what is published does what it is for; nothing: it could not be asked.
    pub is_valid: Option<bool>,
    /// What is published there.
    pub found: Vec<String>,
    /// What is wrong and how to mend it; empty if nothing is.
    pub problem: String,
}

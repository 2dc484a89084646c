//! Options of a message: `o:` fields, and the `X-Mailgun-*` headers that mean the same.

mod time;
mod words;

#[cfg(test)]
mod tests;

use waxseal_model::{
    Timestamp,
    options::{DeliveryOptions, Schedule, Signing, Tracking},
};
use waxseal_net::http_client::HttpUrl;
use waxseal_store::domain::DomainSettings;

use crate::{config::SendingConfig, error::SendError};

pub(crate) use words::{HiddenHeaders, KeyName};

/// What a caller asked for, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Options {
    /// Tags, without those that differ only in case; at most ten.
    pub(crate) tags: Vec<String>,
    /// Whether the message is signed.
    pub(crate) sign: bool,
    /// A key to sign with besides the domain's own.
    pub(crate) secondary_dkim: Option<KeyName>,
    /// The name under which the secondary key is published, if it is another.
    pub(crate) secondary_dkim_public: Option<KeyName>,
    /// When it may leave and when it is given up.
    pub(crate) schedule: Schedule,
    /// Whether it was scheduled at all.
    pub(crate) scheduled: bool,
    /// What delivery has to know.
    pub(crate) delivery: DeliveryOptions,
    /// Where a copy goes once somebody got the message.
    pub(crate) archive_to: Option<String>,
    /// Headers of our own that the delivered copy does without.
    pub(crate) hidden_headers: HiddenHeaders,
}

/// What options are read against.
pub(crate) struct Rules<'a> {
    pub(crate) now: Timestamp,
    pub(crate) settings: &'a DomainSettings,
    pub(crate) config: &'a SendingConfig,
}

/// Reads options: names without `o:`, in the order of growing precedence. Names that nobody knows are
/// ignored, and so are empty values, as forms send them for what was left out.
pub(crate) fn read<'a>(
    pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    rules: &Rules<'_>,
) -> Result<Options, SendError> {
    let mut reader = Reader::new(rules);
    for (name, value) in pairs {
        let value = value.trim();
        if !value.is_empty() {
            reader.option(&name.trim().to_ascii_lowercase(), value)?;
        }
    }
    reader.finish()
}

struct Reader<'a> {
    rules: &'a Rules<'a>,
    tags: Vec<String>,
    sign: bool,
    secondary_dkim: Option<KeyName>,
    secondary_dkim_public: Option<KeyName>,
    delivery: DeliveryOptions,
    archive_to: Option<String>,
    hidden_headers: HiddenHeaders,
    timing: time::Timing,
}

impl<'a> Reader<'a> {
    fn new(rules: &'a Rules<'a>) -> Self {
        let delivery = DeliveryOptions {
            require_tls: rules.settings.require_tls,
            skip_verification: rules.settings.skip_verification,
            ..DeliveryOptions::default()
        };
        Self {
            rules,
            tags: Vec::new(),
            sign: true,
            secondary_dkim: None,
            secondary_dkim_public: None,
            delivery,
            archive_to: None,
            hidden_headers: HiddenHeaders::default(),
            timing: time::Timing::default(),
        }
    }

    fn option(&mut self, name: &str, value: &str) -> Result<(), SendError> {
        match name {
            "tag" => self.tag(value)?,
            "dkim" => self.sign = words::boolean(name, value)?,
            "secondary-dkim" => self.secondary_dkim = Some(KeyName::read(value)?),
            "secondary-dkim-public" => self.secondary_dkim_public = Some(KeyName::read(value)?),
            "testmode" => self.delivery.test_mode = words::boolean(name, value)?,
            "require-tls" => self.delivery.require_tls = words::boolean(name, value)?,
            "skip-verification" => self.delivery.skip_verification = words::boolean(name, value)?,
            "tracking" => {
                let tracking = words::tracking(name, value)?;
                let opens = if tracking == Tracking::No { Tracking::No } else { Tracking::Yes };
                self.delivery.tracking_opens = Some(opens);
                self.delivery.tracking_clicks = Some(tracking);
            }
            "tracking-clicks" => self.delivery.tracking_clicks = Some(words::tracking(name, value)?),
            "tracking-opens" => self.delivery.tracking_opens = Some(words::tracking(name, value)?),
            "tracking-pixel-location-top" => {
                self.delivery.tracking_pixel_top = Some(words::tracking(name, value)?);
            }
            // Whether they are ours is asked of the store.
            "sending-ip" => self.delivery.sending_ip = Some(words::address(name, value)?),
            "sending-ip-pool" => self.delivery.sending_ip_pool = Some(value.to_owned()),
            "archive-to" => self.archive_to = Some(self.archive(value)?),
            "suppress-headers" => self.hidden_headers.add(value)?,
            "deliverytime" => self.timing.delivery_time(value)?,
            "deliver-within" => self.timing.deliver_within(value)?,
            "time-zone-localize" => self.timing.localize(value)?,
            "deliverytime-optimize-period" => time::check_optimize_period(value)?,
            _ => {}
        }
        Ok(())
    }

    fn tag(&mut self, value: &str) -> Result<(), SendError> {
        if value.len() > LONGEST_TAG || !value.bytes().all(|b| matches!(b, b' '..=b'~')) {
            let text = format!("o:tag must be printable ASCII of at most {LONGEST_TAG} characters");
            return Err(SendError::Invalid(text));
        }
        let known = self.tags.iter().any(|tag| tag.eq_ignore_ascii_case(value));
        // More than ten are dropped without a word, as the API has it.
        if !known && self.tags.len() < MOST_TAGS {
            self.tags.push(value.to_owned());
        }
        Ok(())
    }

    /// The URL, as it will be called.
    fn archive(&self, value: &str) -> Result<String, SendError> {
        let url = HttpUrl::parse(value, &self.rules.config.http_rules)
            .map_err(|error| SendError::Invalid(format!("o:archive-to {error}")))?;
        Ok(url.as_str().to_owned())
    }

    fn finish(self) -> Result<Options, SendError> {
        let (schedule, scheduled) = self.timing.schedule(self.rules.now, self.rules.config)?;
        let signing = Signing {
            off: !self.sign,
            secondary: self.secondary_dkim.as_ref().map(KeyName::write),
            secondary_public: self.secondary_dkim_public.as_ref().map(KeyName::write),
        };
        Ok(Options {
            tags: self.tags,
            sign: self.sign,
            secondary_dkim: self.secondary_dkim,
            secondary_dkim_public: self.secondary_dkim_public,
            schedule,
            scheduled,
            delivery: DeliveryOptions { signing, ..self.delivery },
            archive_to: self.archive_to,
            hidden_headers: self.hidden_headers,
        })
    }
}

const MOST_TAGS: usize = 10;
const LONGEST_TAG: usize = 128;

//! Settings of a domain as a form gives them; what it does not name stays as it is.

use waxseal_store::domain::{DomainSettings, SpamAction, WebScheme};

use crate::{error::ApiError, form::Asked, state::Api};

/// How long messages may be kept, at most: a week.
const MOST_TTL_SECS: u32 = 7 * 86_400;
/// Bytes of a label of the DNS.
const LONGEST_LABEL: usize = 63;

const SPAM_ACTIONS: [(&str, SpamAction); 4] = [
    ("disabled", SpamAction::Disabled),
    ("block", SpamAction::Block),
    ("tag", SpamAction::Tag),
    ("delete", SpamAction::Delete),
];
const WEB_SCHEMES: [(&str, WebScheme); 2] = [("http", WebScheme::Http), ("https", WebScheme::Https)];

/// What a form says of a domain's settings.
#[derive(Debug, Default)]
pub(super) struct Given {
    require_tls: Option<bool>,
    skip_verification: Option<bool>,
    message_ttl_secs: Option<u32>,
    spam_action: Option<SpamAction>,
    wildcard: Option<bool>,
    web_scheme: Option<WebScheme>,
    web_prefix: Option<String>,
    encrypt_incoming_message: Option<bool>,
    mailfrom_host: Option<String>,
    /// The password of `postmaster`.
    pub(super) smtp_password: Option<String>,
}

impl Given {
    /// Takes settings out of a form.
    pub(super) fn read(asked: &mut Asked) -> Result<Self, ApiError> {
        refuse_what_is_not_there(asked)?;
        Ok(Self {
            require_tls: asked.flag("require_tls")?,
            skip_verification: asked.flag("skip_verification")?,
            message_ttl_secs: asked.number("message_ttl", 0, MOST_TTL_SECS)?,
            spam_action: asked.choice("spam_action", &SPAM_ACTIONS)?,
            wildcard: asked.flag("wildcard")?,
            web_scheme: asked.choice("web_scheme", &WEB_SCHEMES)?,
            web_prefix: asked.0.take_word("web_prefix").map(|prefix| web_prefix(&prefix)).transpose()?,
            encrypt_incoming_message: asked.flag("encrypt_incoming_message")?,
            mailfrom_host: asked.0.take_word("mailfrom_host"),
            smtp_password: asked.0.take_first("smtp_password").filter(|password| !password.is_empty()),
        })
    }

    /// The host that bounces are to come back to, checked against the domain's name.
    pub(super) fn check(&mut self, api: &Api, domain: &str) -> Result<(), ApiError> {
        if let Some(host) = self.mailfrom_host.take() {
            // The domain itself is what there is without one.
            let is_domain = host.eq_ignore_ascii_case(domain);
            let host = if is_domain {
                String::new()
            } else {
                api.services.domains.mail_from_host(domain, &host).map_err(super::render::refusal)?
            };
            self.mailfrom_host = Some(host);
        }
        Ok(())
    }

    /// Puts them into settings.
    pub(super) fn apply(&self, settings: &mut DomainSettings) {
        fn set<T: Clone>(place: &mut T, given: Option<&T>) {
            if let Some(given) = given {
                place.clone_from(given);
            }
        }
        set(&mut settings.require_tls, self.require_tls.as_ref());
        set(&mut settings.skip_verification, self.skip_verification.as_ref());
        set(&mut settings.message_ttl_secs, self.message_ttl_secs.as_ref());
        let details = &mut settings.details;
        set(&mut details.spam_action, self.spam_action.as_ref());
        set(&mut details.wildcard, self.wildcard.as_ref());
        set(&mut details.web_scheme, self.web_scheme.as_ref());
        set(&mut details.web_prefix, self.web_prefix.as_ref());
        set(&mut details.encrypt_incoming_message, self.encrypt_incoming_message.as_ref());
        if let Some(host) = &self.mailfrom_host {
            details.mailfrom_host = Some(host.clone()).filter(|host| !host.is_empty());
        }
    }
}

/// Refuses settings whose effect is not there, rather than keep them without it.
fn refuse_what_is_not_there(asked: &mut Asked) -> Result<(), ApiError> {
    if asked.flag("use_automatic_sender_security")? == Some(true) {
        return Err(ApiError::bad_request(
            "use_automatic_sender_security parameter must be no: this server has no DNS zone of its own to publish keys \
             in; publish the records of the answer",
        ));
    }
    for name in ["archive_to", "ips", "pool_id", "dkim_host_name"] {
        if asked.0.take_word(name).is_some() {
            return Err(ApiError::bad_request(format!("{name} parameter is not supported")));
        }
    }
    Ok(())
}

/// The first label of the tracking host.
pub(super) fn web_prefix(text: &str) -> Result<String, ApiError> {
    let prefix = text.to_ascii_lowercase();
    let label = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    let is_label = prefix.len() <= LONGEST_LABEL
        && prefix.bytes().all(label)
        && !prefix.starts_with('-')
        && !prefix.ends_with('-');
    if is_label && !prefix.is_empty() {
        return Ok(prefix);
    }
    Err(ApiError::bad_request(format!(
        "web_prefix parameter must be a label of letters, digits and hyphens, {LONGEST_LABEL} at most"
    )))
}

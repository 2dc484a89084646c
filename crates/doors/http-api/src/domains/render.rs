//! A domain and its records as the API shows them.

use serde_json::{Map, Value, json};
use waxseal_domains::{
    CreateDomainError,
    dns::{DnsPurpose, DnsRecord},
};
use waxseal_mail::date;
use waxseal_model::DomainId;
use waxseal_store::domain::{Checked, Domain, DomainKind, DomainState, SpamAction, WebScheme};

use crate::{error::ApiError, state::Api};

/// A domain with its records under `message`.
pub(super) async fn with_records(
    api: &Api,
    domain: &Domain,
    message: Option<&str>,
) -> Result<Value, ApiError> {
    let records = api.services.domains.dns_records(domain).await?;
    let checked = domain.settings.details.checked.as_ref();
    let (receiving, mut sending): (Vec<_>, Vec<_>) =
        records.iter().partition(|record| record.record_type == "MX" && record.name == domain.name);
    sending.sort_by_key(|record| order(record.purpose));
    let shown = |records: Vec<&DnsRecord>| -> Vec<Value> {
        records.into_iter().map(|shown| record(shown, checked)).collect()
    };
    let mut receiving = shown(receiving);
    // They stand at the domain itself, which clients know without being told.
    receiving.iter_mut().filter_map(Value::as_object_mut).for_each(|record| drop(record.remove("name")));
    let mut answer = Map::new();
    if let Some(message) = message {
        answer.insert("message".into(), message.into());
    }
    answer.insert("domain".into(), self::domain(domain));
    answer.insert("receiving_dns_records".into(), receiving.into());
    answer.insert("sending_dns_records".into(), shown(sending).into());
    Ok(answer.into())
}

/// The order in which clients know the records.
const fn order(purpose: DnsPurpose) -> u8 {
    match purpose {
        DnsPurpose::Dkim => 0,
        DnsPurpose::Spf => 1,
        DnsPurpose::Tracking => 2,
        DnsPurpose::Dmarc => 3,
        DnsPurpose::ReturnPath | DnsPurpose::Receiving => 4,
    }
}

/// A domain.
pub(super) fn domain(domain: &Domain) -> Value {
    let (settings, details) = (&domain.settings, &domain.settings.details);
    let is_disabled = domain.state == DomainState::Disabled;
    let mut shown = json!({
        "id": id(domain.id),
        "name": domain.name,
        "created_at": date::rfc1123_gmt(domain.created_at),
        "state": state(domain.state),
        "type": match domain.kind {
            DomainKind::Custom => "custom",
            DomainKind::Sandbox => "sandbox",
        },
        "is_disabled": is_disabled,
        "smtp_login": format!("postmaster@{}", domain.name),
        "spam_action": spam_action(details.spam_action),
        "wildcard": details.wildcard,
        "require_tls": settings.require_tls,
        "skip_verification": settings.skip_verification,
        "web_prefix": details.web_prefix,
        "web_scheme": web_scheme(details.web_scheme),
        "use_automatic_sender_security": false,
        "encrypt_incoming_message": details.encrypt_incoming_message,
        "message_ttl": settings.message_ttl_secs,
        "tracking_host": format!("{}.{}", details.web_prefix, domain.name),
        "mailfrom_host": details.mailfrom_host.as_ref().unwrap_or(&domain.name),
    });
    if is_disabled {
        shown["disabled"] = json!({
            "code": "",
            "note": "",
            "permanently": false,
            "reason": "disabled by the operator of this server",
            "until": "",
        });
    }
    if let Some(checked) = &details.checked {
        shown["verified_at"] = date::rfc1123_gmt(checked.at()).into();
    }
    shown
}

/// A record to publish, with what the DNS said of it when it was asked last.
pub(super) fn record(record: &DnsRecord, checked: Option<&Checked>) -> Value {
    let state = checked.and_then(|checked| checked.of(record.record_type, &record.name, &record.value));
    let is_valid = state.and_then(|state| state.is_valid);
    let mut shown = json!({
        "is_active": record.purpose != DnsPurpose::Dkim || is_valid == Some(true),
        "cached": state.map(|state| state.found.clone()).unwrap_or_default(),
        "record_type": record.record_type,
        "valid": match is_valid {
            Some(true) => "valid",
            Some(false) => "invalid",
            None => "unknown",
        },
        "value": record.value,
        "purpose": record.purpose.as_str(),
        "name": record.name,
    });
    if let Some(priority) = record.priority {
        shown["priority"] = priority.to_string().into();
    }
    if let Some(state) = state.filter(|state| !state.problem.is_empty()) {
        shown["problem"] = state.problem.clone().into();
    }
    shown
}

/// The id in the 24 hex digits of clients: what is left out is the end of its chance.
pub(super) fn id(id: DomainId) -> String {
    format!("{:024x}", id.as_u128() >> 32)
}

/// The word for a state.
pub(super) const fn state(state: DomainState) -> &'static str {
    match state {
        DomainState::Active => "active",
        DomainState::Unverified => "unverified",
        DomainState::Disabled => "disabled",
    }
}

pub(super) const fn web_scheme(scheme: WebScheme) -> &'static str {
    match scheme {
        WebScheme::Http => "http",
        WebScheme::Https => "https",
    }
}

const fn spam_action(action: SpamAction) -> &'static str {
    match action {
        SpamAction::Disabled => "disabled",
        SpamAction::Block => "block",
        SpamAction::Tag => "tag",
        SpamAction::Delete => "delete",
    }
}

/// Why a domain could not be made or changed.
pub(super) fn refusal(error: CreateDomainError) -> ApiError {
    match error {
        CreateDomainError::Store(error) => error.into(),
        CreateDomainError::Keys(error) => waxseal_store::StoreError::from(error).into(),
        CreateDomainError::Name(_)
        | CreateDomainError::Taken
        | CreateDomainError::UnknownAccount(_)
        | CreateDomainError::Selector(_)
        | CreateDomainError::MailFromHost(_) => ApiError::bad_request(error.to_string()),
    }
}

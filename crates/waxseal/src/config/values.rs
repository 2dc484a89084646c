//! The values that keys hold, each parsed with a message that says what would be right.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use waxseal_delivery::{AfterCrash, Relay, bounce::Rules, shaping::Shaping};
use waxseal_net::Dnssec;
use waxseal_system::users;

use super::Secret;

/// What a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Answers the HTTP API.
    Api,
    /// Serves the panel and the site.
    Web,
    /// Takes mail from applications by SMTP.
    Submission,
    /// Takes mail from other servers.
    Mx,
    /// Delivers.
    Delivery,
    /// Reads the event log for webhooks and statistics.
    Readers,
}

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum LogLevel {
    /// Faults that need somebody.
    Error,
    /// Faults that mend themselves.
    Warn,
    /// What an operator wants to know.
    #[default]
    Info,
    /// What a developer wants to know.
    Debug,
    /// Everything.
    Trace,
}

/// Form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum LogFormat {
    /// One line per entry for people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

pub(super) fn role(name: &str) -> Result<Role, String> {
    match name {
        "api" => Ok(Role::Api),
        "web" => Ok(Role::Web),
        "submission" => Ok(Role::Submission),
        "mx" => Ok(Role::Mx),
        "delivery" => Ok(Role::Delivery),
        "readers" => Ok(Role::Readers),
        other => Err(format!("`{other}` is no role; roles are api, web, submission, mx, delivery, readers")),
    }
}

/// A group of the system, by name or number.
pub(super) fn group(name: &str) -> Result<u32, String> {
    match users::group(name) {
        Ok(Some(group)) => Ok(group),
        Ok(None) => Err(format!("there is no group `{name}` in /etc/group; a number needs no name")),
        Err(error) => Err(format!("/etc/group: {error}")),
    }
}

/// A user of the system, by name or number.
pub(super) fn user(name: &str) -> Result<u32, String> {
    match users::user(name) {
        Ok(Some(uid)) if users::stands_for_others(uid) => {
            Err(format!("`{name}` stands for users whom the system cannot name, so it is nobody"))
        }
        Ok(Some(uid)) => Ok(uid),
        Ok(None) => Err(format!("there is no user `{name}` in /etc/passwd; a number needs no name")),
        Err(error) => Err(format!("/etc/passwd: {error}")),
    }
}

pub(super) fn listen(text: &str) -> Result<SocketAddr, String> {
    let text = text.replace("localhost:", "127.0.0.1:");
    text.parse().map_err(|_| {
        format!("`{text}` is not an address with a port, such as 127.0.0.1:8080 or [::]:8080 (port 0: any free one)")
    })
}

pub(super) fn address(text: &str) -> Result<IpAddr, String> {
    text.parse().map_err(|_| format!("`{text}` is not an IP address"))
}

pub(super) fn port(text: &str) -> Result<u16, String> {
    text.parse()
        .ok()
        .filter(|port| *port != 0)
        .ok_or_else(|| format!("`{text}` is not a port from 1 to 65535"))
}

pub(super) fn nameserver(text: &str) -> Result<SocketAddr, String> {
    let with_port = text.parse::<SocketAddr>().ok();
    let alone = || text.parse::<IpAddr>().ok().map(|address| SocketAddr::new(address, 53));
    with_port.or_else(alone).ok_or_else(|| {
        format!("`{text}` is not an IP address with or without a port, such as 127.0.0.1:5300")
    })
}

pub(super) fn public_url(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    match rest.map(|rest| rest.trim_end_matches('/')) {
        Some(rest) if !rest.is_empty() && !rest.contains(['/', '?', '#', '@', ' ']) => {
            Ok(text.trim_end_matches('/').to_owned())
        }
        _ => Err(
            "must be http:// or https:// with a host and nothing behind it, such as https://mail.example.org"
                .into(),
        ),
    }
}

pub(super) fn host_name(text: &str) -> Result<String, String> {
    let name = text.trim_end_matches('.').to_lowercase();
    let label_is_good = |label: &str| {
        (1..=63).contains(&label.len())
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if name.len() <= 253 && name.split('.').all(label_is_good) {
        return Ok(name);
    }
    Err("must be a host name in ASCII, such as mail.example.org".into())
}

pub(super) fn store_url(text: &str) -> Result<Secret, String> {
    let is_postgres = ["postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme));
    if text == "sqlite" || is_postgres {
        return Ok(Secret::new(text));
    }
    Err("must be `sqlite` or `postgres://USER:PASSWORD@HOST/DATABASE`".into())
}

pub(super) fn master_key(text: &str) -> Result<Secret, String> {
    if text.len() == 64 && text.chars().all(|c| c.is_ascii_hexdigit()) {
        return Ok(Secret::new(text));
    }
    Err("must be 64 hex digits; `openssl rand -hex 32` makes some".into())
}

/// The text is never repeated: it may hold a password.
pub(super) fn relay(text: &str) -> Result<Relay, String> {
    text.parse::<Relay>().map_err(|error| error.to_string().trim_start_matches("delivery.relay: ").to_owned())
}

pub(super) fn after_crash(text: &str) -> Result<AfterCrash, String> {
    match text {
        "retry" => Ok(AfterCrash::Retry),
        "hold" => Ok(AfterCrash::Hold),
        other => Err(format!("`{other}` is neither `retry` nor `hold`")),
    }
}

pub(super) fn dnssec(text: &str) -> Result<Dnssec, String> {
    match text {
        "off" => Ok(Dnssec::Off),
        "auto" => Ok(Dnssec::Auto),
        "always" => Ok(Dnssec::Always),
        other => Err(format!("`{other}` is none of `off`, `auto`, `always`")),
    }
}

pub(super) fn bounce_rules(path: &str) -> Result<Arc<Rules>, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
    Rules::with(&text).map(Arc::new).map_err(|error| format!("{path}: {error}"))
}

pub(super) fn shaping(path: &str) -> Result<Arc<Shaping>, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
    Shaping::with(&text).map(Arc::new).map_err(|error| format!("{path}: {error}"))
}

pub(super) fn log_level(text: &str) -> Result<LogLevel, String> {
    match text {
        "error" => Ok(LogLevel::Error),
        "warn" => Ok(LogLevel::Warn),
        "info" => Ok(LogLevel::Info),
        "debug" => Ok(LogLevel::Debug),
        "trace" => Ok(LogLevel::Trace),
        other => Err(format!("`{other}` is no level; levels are error, warn, info, debug, trace")),
    }
}

pub(super) fn log_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        other => Err(format!("`{other}` is no format; formats are text, json")),
    }
}

/// A SHA-256 in hex.
pub(super) fn hash(text: &str) -> Result<[u8; 32], String> {
    waxseal_privacy::access::read_hash(text)
        .ok_or_else(|| "must have 64 hex digits, as `waxseal access secret` prints them".into())
}

/// One sender: an address, or a name with one.
pub(super) fn mailbox(text: &str) -> Result<String, String> {
    match waxseal_mail::Mailbox::parse(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err(format!("{text} is no address; expected one such as privacy@mail.example.org")),
    }
}

/// An address without a name.
pub(super) fn bare_address(text: &str) -> Result<String, String> {
    match waxseal_mail::Address::parse(text) {
        Ok(address) if address.is_ascii() => Ok(text.to_owned()),
        _ => Err(format!("{text} is no address; expected one such as tls-reports@mail.example.org")),
    }
}

/// One line that is not long.
pub(super) fn line(text: String) -> Result<String, String> {
    if text.chars().count() > 100 || text.chars().any(char::is_control) {
        return Err("must be at most 100 characters in one line".into());
    }
    Ok(text)
}

/// Where data is at home: a short text.
pub(super) fn region(text: &str) -> Result<String, String> {
    line(text.to_owned())
}

/// `HH:MM` as minutes after midnight.
pub(super) fn time_of_day(text: &str) -> Result<u32, String> {
    let number = |text: &str| (text.len() == 2).then(|| text.parse::<u32>().ok()).flatten();
    text.split_once(':')
        .and_then(|(hours, minutes)| Some((number(hours)?, number(minutes)?)))
        .filter(|(hours, minutes)| *hours < 24 && *minutes < 60)
        .map(|(hours, minutes)| hours * 60 + minutes)
        .ok_or_else(|| format!("{text} is no time of day; expected HH:MM, such as 03:00"))
}

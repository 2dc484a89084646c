//! What somebody gives to be put on a list, and what of it is an entry.

use waxseal_mail::{Address, date};
use waxseal_model::{AccountId, DomainId, Timestamp, suppression::SuppressionKind};
use waxseal_store::suppression::{NewSuppression, SuppressionDetails};

/// Longest text of a bounce, or reason of an entry of the allow list, in characters.
const LONGEST_TEXT: usize = 1_024;
/// Tags that one unsubscription may name, and the longest of them in characters.
const MOST_TAGS: usize = 100;
const LONGEST_TAG: usize = 128;

/// What was given: each as it was written, if it was.
#[derive(Default)]
pub struct Given {
    /// Address.
    pub address: Option<String>,
    /// On the allow list: a domain that stands for its addresses.
    pub domain: Option<String>,
    /// When it happened.
    pub created_at: Option<String>,
    /// Reply code of a bounce.
    pub code: Option<String>,
    /// Reply text of a bounce.
    pub error: Option<String>,
    /// Why an address is allowed.
    pub reason: Option<String>,
    /// What mail is not wanted; everything if nothing is named.
    pub tags: Vec<String>,
}

/// Why it is no entry. Nothing of what was given is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// This is not there.
    Missing(&'static str),
    /// What stands under this name is wrong.
    Wrong(&'static str, String),
    /// There are too many tags, or one is too long.
    Tags,
}

impl Refused {
    /// The text for who gave it as parameters of a call.
    pub fn of_parameters(&self) -> String {
        match self {
            Self::Missing(name) => format!("Missing mandatory parameter: {name}"),
            Self::Wrong(name, why) => format!("{name} parameter {why}"),
            Self::Tags => self.of_row(),
        }
    }

    /// The text for who gave it as a row of a file.
    pub fn of_row(&self) -> String {
        match self {
            Self::Missing(name) => format!("{name} is missing"),
            Self::Wrong(name, why) => format!("{name} {why}"),
            Self::Tags => format!("tags are at most {MOST_TAGS}, of {LONGEST_TAG} ASCII characters at most"),
        }
    }
}

/// The entry of a list of a domain.
pub fn entry(
    kind: SuppressionKind,
    (account, domain): (AccountId, DomainId),
    given: Given,
    now: Timestamp,
) -> Result<NewSuppression, Refused> {
    let Given { address, domain: whole, created_at, code: reply, error, reason, tags: named } = given;
    let is_there = |text: &String| !text.trim().is_empty();
    let takes_domains = kind == SuppressionKind::Allow;
    let address = match (address.filter(is_there), whole.filter(is_there)) {
        (Some(address), _) => self::address(&address)?,
        (None, Some(domain)) if takes_domains => all_of(&domain)?,
        (None, _) if takes_domains => return Err(Refused::Missing("address/domain")),
        (None, _) => return Err(Refused::Missing("address")),
    };
    let created_at = match created_at.filter(is_there) {
        None => now,
        Some(text) => date::parse(text.trim()).ok_or_else(|| {
            Refused::Wrong("created_at", "is not an RFC 2822 date or seconds since the epoch".into())
        })?,
    };
    let mut details = SuppressionDetails::default();
    match kind {
        SuppressionKind::Bounce => {
            details.code = code(reply)?;
            details.error = text("error", error)?;
        }
        SuppressionKind::Unsubscribe => details.tags = tags(named)?,
        SuppressionKind::Complaint => {}
        SuppressionKind::Allow => details.error = text("reason", reason)?,
    }
    // What is to come has not happened.
    let created_at = created_at.min(now);
    Ok(NewSuppression { account, domain, kind, address, details, created_at })
}

fn address(text: &str) -> Result<String, Refused> {
    let read = Address::parse(text.trim());
    read.map(|address| address.to_string())
        .map_err(|error| Refused::Wrong("address", format!("is not a valid address: {error}")))
}

/// What stands for all addresses of a domain.
fn all_of(domain: &str) -> Result<String, Refused> {
    let read = Address::new("x", domain.trim());
    read.map(|address| format!("@{}", address.domain()))
        .map_err(|_| Refused::Wrong("domain", "is not a domain name".into()))
}

fn code(text: Option<String>) -> Result<String, Refused> {
    let text = text.unwrap_or_default();
    match text.trim() {
        "" => Ok("550".into()),
        code if code.len() <= 3 && code.bytes().all(|byte| byte.is_ascii_digit()) => Ok(code.to_owned()),
        _ => Err(Refused::Wrong("code", "must be a number of three digits at most".into())),
    }
}

fn text(name: &'static str, text: Option<String>) -> Result<String, Refused> {
    let text = text.unwrap_or_default();
    if text.chars().count() > LONGEST_TEXT {
        return Err(Refused::Wrong(name, format!("is longer than {LONGEST_TEXT} characters")));
    }
    Ok(text)
}

fn tags(named: Vec<String>) -> Result<Vec<String>, Refused> {
    let named = named.into_iter().map(|tag| tag.trim().to_owned());
    let tags: Vec<_> = named.filter(|tag| !tag.is_empty()).collect();
    let printable = |tag: &String| tag.bytes().all(|b| b.is_ascii_graphic() || b == b' ');
    if tags.len() > MOST_TAGS || tags.iter().any(|tag| tag.len() > LONGEST_TAG || !printable(tag)) {
        return Err(Refused::Tags);
    }
    Ok(if tags.is_empty() { vec!["*".into()] } else { tags })
}

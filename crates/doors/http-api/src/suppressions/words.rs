//! What the lists are called, and what is said of them: clients read these texts.

use serde_json::{Value, json};
use waxseal_mail::date;
use waxseal_model::suppression::SuppressionKind;
use waxseal_store::suppression::Suppression;

use crate::state::CUSTOMER;

/// One of the lists.
#[derive(Clone, Copy)]
pub(crate) struct List {
    pub(super) kind: SuppressionKind,
    /// Its name in paths.
    pub(super) name: &'static str,
    /// There is no such entry.
    pub(super) missing: &'static str,
    pub(super) added: &'static str,
    /// Behind the number of entries that were added together.
    pub(super) many_added: &'static str,
    pub(super) removed: &'static str,
    pub(super) cleared: &'static str,
}

pub(crate) const BOUNCES: List = List {
    kind: SuppressionKind::Bounce,
    name: "bounces",
    missing: "Address not found in bounces table",
    added: "Address has been added to the bounces table",
    many_added: "addresses have been added to the bounces table",
    removed: "Bounced address has been removed",
    cleared: "Bounced addresses for this domain have been removed",
};

pub(crate) const UNSUBSCRIBES: List = List {
    kind: SuppressionKind::Unsubscribe,
    name: "unsubscribes",
    missing: "Address not found in unsubscribers table",
    added: "Address has been added to the unsubscribes table",
    many_added: "addresses have been added to the unsubscribes table",
    removed: "Unsubscribe event has been removed",
    cleared: "Unsubscribe addresses for this domain have been removed",
};

pub(crate) const COMPLAINTS: List = List {
    kind: SuppressionKind::Complaint,
    name: "complaints",
    missing: "No spam complaints found for this address",
    added: "Address has been added to the complaints table",
    many_added: "complaint addresses have been added to the complaints table",
    removed: "Spam complaint has been removed",
    cleared: "Complaint addresses for this domain have been removed",
};

pub(crate) const ALLOWLIST: List = List {
    kind: SuppressionKind::Allow,
    name: "whitelists",
    missing: "Address/Domain not found in allowlist table",
    added: "Address/Domain has been added to the allowlists table",
    many_added: "addresses/domains have been added to the allowlists table",
    removed: "Allowlist address/domain has been removed",
    cleared: "Allowlist addresses/domains for this domain have been removed",
};

impl List {
    /// Whether its entries may be domains.
    pub(super) fn takes_domains(self) -> bool {
        self.kind == SuppressionKind::Allow
    }

    /// An entry of the list; `asked` is the address by which it was found, if it was.
    pub(super) fn entry(self, entry: &Suppression, asked: Option<&str>) -> Value {
        let known = entry.address.as_ref().map(|address| address.open(&CUSTOMER).as_str());
        let address = known.or(asked).unwrap_or_default();
        let details = entry.details.open(&CUSTOMER);
        let created_at = date::rfc1123_utc(entry.created_at);
        match self.kind {
            SuppressionKind::Bounce => {
                json!({ "address": address, "code": details.code, "error": details.error, "created_at": created_at })
            }
            SuppressionKind::Unsubscribe => {
                let everything = [String::from("*")];
                let tags = if details.tags.is_empty() { everything.as_slice() } else { &details.tags };
                json!({ "address": address, "tags": tags, "created_at": created_at })
            }
            SuppressionKind::Complaint => json!({ "address": address, "created_at": created_at }),
            SuppressionKind::Allow => {
                let (kind, value) = allowed(address);
                json!({ "type": kind, "value": value, "reason": details.error, "createdAt": created_at })
            }
        }
    }
}

/// What an entry of the allow list is for: an address, or the domain that stands behind `@`.
pub(super) fn allowed(address: &str) -> (&'static str, &str) {
    match address.strip_prefix('@') {
        Some(domain) => ("domain", domain),
        None => ("address", address),
    }
}

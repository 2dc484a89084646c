//! Recipients that a domain no longer writes to.

use std::collections::HashMap;

use waxseal_mail::Address;
use waxseal_model::{Access, Actor, Purpose, suppression::SuppressionKind};
use waxseal_store::{Store, StoreError, domain::Domain, suppression::Suppression};

/// Why a recipient gets nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Bounced,
    Unsubscribed,
    Complained,
}

impl Verdict {
    /// `delivery-status.code`.
    pub(crate) const fn code(self) -> u16 {
        match self {
            Self::Bounced => 605,
            Self::Unsubscribed => 606,
            Self::Complained => 607,
        }
    }

    /// `reason`.
    pub(crate) const fn reason(self) -> &'static str {
        match self {
            Self::Bounced => "suppress-bounce",
            Self::Unsubscribed => "suppress-unsubscribe",
            Self::Complained => "suppress-complaint",
        }
    }

    /// `delivery-status.description`.
    pub(crate) const fn description(self) -> &'static str {
        match self {
            Self::Bounced => "Not delivering to previously bounced address",
            Self::Unsubscribed => "Not delivering to unsubscribed address",
            Self::Complained => "Not delivering to a user who marked your messages as spam",
        }
    }
}

/// Verdicts by [`Address::key`], for those of `addresses` that have one.
pub(crate) async fn verdicts(
    store: &Store,
    domain: &Domain,
    addresses: &[Address],
    tags: &[String],
) -> Result<HashMap<String, Verdict>, StoreError> {
    let keys: Vec<String> = addresses.iter().map(Address::key).collect();
    let found = store.suppressions_of(domain.account, domain.id, &keys).await?;
    let mut entries: HashMap<usize, Vec<Suppression>> = HashMap::new();
    for (index, entry) in found {
        entries.entry(index).or_default().push(entry);
    }
    let verdict = |(index, entries): (usize, Vec<Suppression>)| {
        Some((keys.get(index)?.clone(), verdict_of(&entries, tags)?))
    };
    Ok(entries.into_iter().filter_map(verdict).collect())
}

/// A bounce counts unless the address is on the allow list; an unsubscription counts if it is from
/// everything or from one of the message's tags.
fn verdict_of(entries: &[Suppression], tags: &[String]) -> Option<Verdict> {
    let access = Access::new(Actor::System, Purpose::Suppression);
    let has = |kind: SuppressionKind| entries.iter().any(|entry| entry.kind == kind);
    let unsubscribed =
        entries.iter().filter(|entry| entry.kind == SuppressionKind::Unsubscribe).any(|entry| {
            let from = &entry.details.open(&access).tags;
            let named = |tag: &String| tag == "*" || tags.iter().any(|known| known.eq_ignore_ascii_case(tag));
            from.is_empty() || from.iter().any(named)
        });
    if has(SuppressionKind::Bounce) && !has(SuppressionKind::Allow) {
        Some(Verdict::Bounced)
    } else if unsubscribed {
        Some(Verdict::Unsubscribed)
    } else if has(SuppressionKind::Complaint) {
        Some(Verdict::Complained)
    } else {
        None
    }
}

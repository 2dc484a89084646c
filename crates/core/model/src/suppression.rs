//! The lists of addresses that a domain no longer writes to, and what they mean for a recipient.

/// Why a domain does not write to an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SuppressionKind {
    /// The address bounced hard.
    Bounce,
    /// The recipient unsubscribed from the domain or from a tag.
    Unsubscribe,
    /// The recipient marked a message as spam.
    Complaint,
    /// Never put on the bounce list (the API's `whitelists`).
    Allow,
}

impl SuppressionKind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Bounce, Self::Unsubscribe, Self::Complaint, Self::Allow];

    /// The stored name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bounce => "bounce",
            Self::Unsubscribe => "unsubscribe",
            Self::Complaint => "complaint",
            Self::Allow => "allow",
        }
    }

    /// The kind with this stored name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// Why a recipient gets nothing (Mailgun API, suppressions).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The address bounced hard before.
    Bounced,
    /// The recipient unsubscribed from everything, or from a tag of the message.
    Unsubscribed,
    /// The recipient called an earlier message spam.
    Complained,
}

impl Verdict {
    /// What the entries of an address mean for a message with these tags; each entry with the tags that it is for. A
    /// bounce counts unless the address is on the allow list; an unsubscription counts if it is from everything or from
    /// one of the message's tags.
    pub fn of(entries: &[(SuppressionKind, &[String])], tags: &[String]) -> Option<Self> {
        let has = |kind: SuppressionKind| entries.iter().any(|(of, _)| *of == kind);
        let named = |tag: &String| tag == "*" || tags.iter().any(|known| known.eq_ignore_ascii_case(tag));
        let unsubscribed = entries.iter().any(|(of, from)| {
            *of == SuppressionKind::Unsubscribe && (from.is_empty() || from.iter().any(named))
        });
        if has(SuppressionKind::Bounce) && !has(SuppressionKind::Allow) {
            Some(Self::Bounced)
        } else if unsubscribed {
            Some(Self::Unsubscribed)
        } else if has(SuppressionKind::Complaint) {
            Some(Self::Complained)
        } else {
            None
        }
    }

    /// `delivery-status.code`.
    pub const fn code(self) -> u16 {
        match self {
            Self::Bounced => 605,
            Self::Unsubscribed => 606,
            Self::Complained => 607,
        }
    }

    /// `reason`.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Bounced => "suppress-bounce",
            Self::Unsubscribed => "suppress-unsubscribe",
            Self::Complained => "suppress-complaint",
        }
    }

    /// `delivery-status.description`.
    pub const fn description(self) -> &'static str {
        match self {
            Self::Bounced => "Not delivering to previously bounced address",
            Self::Unsubscribed => "Not delivering to unsubscribed address",
            Self::Complained => "Not delivering to a user who marked your messages as spam",
        }
    }
}

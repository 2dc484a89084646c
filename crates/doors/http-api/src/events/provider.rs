//! The mailbox provider behind a recipient, as events name it.

/// Domains and what they are called.
const BY_DOMAIN: [(&str, &str); 16] = [
    ("gmail.com", "Gmail"),
    ("googlemail.com", "Gmail"),
    ("outlook.com", "Outlook"),
    ("hotmail.com", "Outlook"),
    ("live.com", "Outlook"),
    ("msn.com", "Outlook"),
    ("yahoo.com", "Yahoo"),
    ("ymail.com", "Yahoo"),
    ("aol.com", "AOL"),
    ("icloud.com", "Apple"),
    ("me.com", "Apple"),
    ("mac.com", "Apple"),
    ("free.fr", "Free FR"),
    ("gmx.de", "GMX"),
    ("gmx.net", "GMX"),
    ("web.de", "WEB.DE"),
];

/// Mail servers that take mail for many domains.
const BY_MX: [(&str, &str); 3] =
    [(".google.com", "G Suite"), (".protection.outlook.com", "Outlook 365"), (".yahoodns.net", "Yahoo")];

/// The provider's name; `Other` if it is none of the big ones.
pub(super) fn name(domain: &str, mx_host: Option<&str>) -> &'static str {
    let domain = domain.to_ascii_lowercase();
    let known = BY_DOMAIN.iter().find(|(known, _)| *known == domain).map(|(_, name)| *name);
    let served = || {
        let host = mx_host?.trim_end_matches('.').to_ascii_lowercase();
        BY_MX.iter().find(|(suffix, _)| host.ends_with(suffix)).map(|(_, name)| *name)
    };
    known.or_else(served).unwrap_or("Other")
}

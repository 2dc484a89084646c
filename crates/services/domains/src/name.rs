//! Names of domains: what people type becomes lower-case A-labels, or an error that says what to change.

use std::net::IpAddr;

use thiserror::Error;

/// Why a name is not a domain to send from.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DomainNameError {
    /// Nothing was given.
    #[error("the domain name is empty")]
    Empty,
    /// A wildcard.
    #[error("a wildcard is not a domain to send from; name the domain itself")]
    Wildcard,
    /// An IP address.
    #[error("`{0}` is an IP address; give a domain name such as mg.example.org")]
    Address(String),
    /// A host name of one label.
    #[error("`{0}` has a single label; give a full domain name such as mg.example.org")]
    SingleLabel(String),
    /// Too long for the names of its DNS records.
    #[error("the domain name is longer than {MOST_BYTES} bytes")]
    TooLong,
    /// Not a host name by the rules of IDNA (UTS #46, strict).
    #[error("`{0}` is not a valid domain name; use letters, digits, hyphens and dots")]
    Invalid(String),
}

/// The name in lower-case A-labels. A sandbox domain may have a single label.
pub fn normalise(name: &str, sandbox: bool) -> Result<String, DomainNameError> {
    let name = name.trim();
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.is_empty() {
        return Err(DomainNameError::Empty);
    }
    if name.len() > MOST_BYTES * 4 {
        return Err(DomainNameError::TooLong);
    }
    if name.contains('*') {
        return Err(DomainNameError::Wildcard);
    }
    if is_address(name) {
        return Err(DomainNameError::Address(shown(name)));
    }
    let ascii = idna::domain_to_ascii_strict(name).map_err(|_| DomainNameError::Invalid(shown(name)))?;
    if ascii.len() > MOST_BYTES {
        return Err(DomainNameError::TooLong);
    }
    let labels = ascii.split('.').count();
    // A last label of digits alone would read as an IPv4 address somewhere (RFC 3696, section 2).
    let numeric = ascii.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
    if numeric || ascii.split('.').any(str::is_empty) {
        return Err(DomainNameError::Invalid(shown(name)));
    }
    if labels < 2 && !sandbox {
        return Err(DomainNameError::SingleLabel(shown(name)));
    }
    Ok(ascii)
}

fn is_address(name: &str) -> bool {
    name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok()
}

/// The start of what was typed, without what could break a line.
fn shown(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(100).collect()
}

/// 253 bytes of a name in DNS, less `<selector>._domainkey.`.
const MOST_BYTES: usize = 230;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_lower_case_a_labels() {
        for (given, name) in [
            ("mg.example.org", "mg.example.org"),
            (" MG.Example.ORG. ", "mg.example.org"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
            ("例え.テスト", "xn--r8jz45g.xn--zckzah"),
        ] {
            assert_eq!(normalise(given, false).as_deref(), Ok(name), "{given}");
        }
        assert_eq!(normalise("localhost", true).as_deref(), Ok("localhost"));
    }

    #[test]
    fn other_names_say_what_is_wrong() {
        let too_long = format!("{}.example.org", vec!["a".repeat(55); 4].join("."));
        for (given, error) in [
            ("", DomainNameError::Empty),
            (" . ", DomainNameError::Empty),
            ("..", DomainNameError::Invalid(".".into())),
            ("*.example.org", DomainNameError::Wildcard),
            ("192.0.2.1", DomainNameError::Address("192.0.2.1".into())),
            ("[2001:db8::1]", DomainNameError::Address("[2001:db8::1]".into())),
            ("example", DomainNameError::SingleLabel("example".into())),
            ("a..example", DomainNameError::Invalid("a..example".into())),
            ("a_b.example", DomainNameError::Invalid("a_b.example".into())),
            ("-a.example", DomainNameError::Invalid("-a.example".into())),
            ("a b.example", DomainNameError::Invalid("a b.example".into())),
            ("a@b.example", DomainNameError::Invalid("a@b.example".into())),
            ("1.2.3.400", DomainNameError::Invalid("1.2.3.400".into())),
            (too_long.as_str(), DomainNameError::TooLong),
        ] {
            assert_eq!(normalise(given, false), Err(error), "{given}");
        }
    }
}

//! Networks in CIDR notation, for credentials that are a place instead of a password.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use thiserror::Error;

/// An IPv4 or IPv6 network such as `10.1.0.0/16`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network {
    base: IpAddr,
    prefix: u8,
}

/// Why a text is not a network.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ParseNetworkError {
    /// The part before the slash is not an IP address.
    #[error("`{0}` is not an IP address; write a network such as 10.1.0.0/16 or 2001:db8::/32")]
    Address(String),
    /// The part after the slash is not a prefix length of that family.
    #[error("`{0}` is not a prefix length: 0 to 32 for IPv4, 0 to 128 for IPv6")]
    Prefix(String),
    /// Bits after the prefix are set.
    #[error("bits behind the prefix are set; did you mean {0}?")]
    HostBits(Network),
}

impl Network {
    /// Whether `address` lies in the network. An IPv4-mapped IPv6 address counts as its IPv4 address.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.base, address.to_canonical()) {
            (IpAddr::V4(base), IpAddr::V4(address)) => mask4(address, self.prefix) == base,
            (IpAddr::V6(base), IpAddr::V6(address)) => mask6(address, self.prefix) == base,
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }

    /// Prefix length: the longest prefix wins where networks overlap.
    pub const fn prefix(&self) -> u8 {
        self.prefix
    }
}

impl FromStr for Network {
    type Err = ParseNetworkError;

    fn from_str(text: &str) -> Result<Self, ParseNetworkError> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let given: IpAddr = address.parse().map_err(|_| ParseNetworkError::Address(address.into()))?;
        let longest = if given.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => longest,
            Some(text) => text
                .parse::<u8>()
                .ok()
                .filter(|prefix| *prefix <= longest)
                .ok_or_else(|| ParseNetworkError::Prefix(text.into()))?,
        };
        let base = match given {
            IpAddr::V4(given) => IpAddr::V4(mask4(given, prefix)),
            IpAddr::V6(given) => IpAddr::V6(mask6(given, prefix)),
        };
        let network = Self { base, prefix };
        if base == given { Ok(network) } else { Err(ParseNetworkError::HostBits(network)) }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base, self.prefix)
    }
}

fn mask4(address: Ipv4Addr, prefix: u8) -> Ipv4Addr {
    let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
    Ipv4Addr::from_bits(address.to_bits() & mask)
}

fn mask6(address: Ipv6Addr, prefix: u8) -> Ipv6Addr {
    let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
    Ipv6Addr::from_bits(address.to_bits() & mask)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_holds_its_addresses_and_no_others() {
        let network: Network = "10.1.0.0/16".parse().expect("network");
        assert!(network.contains("10.1.255.1".parse().expect("ip")));
        assert!(network.contains("::ffff:10.1.2.3".parse().expect("ip")));
        assert!(!network.contains("10.2.0.1".parse().expect("ip")));
        let everything: Network = "::/0".parse().expect("network");
        assert!(everything.contains("2001:db8::1".parse().expect("ip")));
        assert!(!everything.contains("10.2.0.1".parse().expect("ip")));
    }

    #[test]
    fn wrong_networks_say_what_is_wrong() {
        assert_eq!("x/8".parse::<Network>(), Err(ParseNetworkError::Address("x".into())));
        assert_eq!("10.0.0.0/33".parse::<Network>(), Err(ParseNetworkError::Prefix("33".into())));
        let error = "10.1.2.3/16".parse::<Network>().expect_err("host bits");
        assert_eq!(error.to_string(), "bits behind the prefix are set; did you mean 10.1.0.0/16?");
    }
}

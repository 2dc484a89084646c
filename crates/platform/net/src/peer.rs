//! What is kept of a client's address while it is connected.

use std::net::{IpAddr, Ipv6Addr};

/// The unit in which peers are counted: an IPv4 address, or an IPv6 /64, which one host has to itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PeerKey(IpAddr);

impl PeerKey {
    /// The peer at this address.
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self(IpAddr::V4(address)),
            IpAddr::V6(address) => {
                let network = address.to_bits() & !u128::from(u64::MAX);
                Self(IpAddr::V6(Ipv6Addr::from_bits(network)))
            }
        }
    }
}

/// What logs say of an address, which itself is personal.
pub fn class(address: IpAddr) -> &'static str {
    let address = address.to_canonical();
    let private = match address {
        IpAddr::V4(address) => address.is_private() || address.is_link_local(),
        IpAddr::V6(address) => address.is_unique_local() || address.is_unicast_link_local(),
    };
    match (address.is_loopback(), private) {
        (true, _) => "loopback",
        (false, true) => "private",
        (false, false) => "public",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(address: &str) -> PeerKey {
        PeerKey::of(address.parse().expect("an address"))
    }

    #[test]
    fn an_ipv6_host_counts_once() {
        assert_eq!(key("2001:db8:1:2::1"), key("2001:db8:1:2:ffff::"));
        assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
        assert_ne!(key("192.0.2.1"), key("192.0.2.2"));
        assert_eq!(key("::ffff:192.0.2.1"), key("192.0.2.1"));
    }

    #[test]
    fn logs_learn_the_class_alone() {
        let class = |address: &str| class(address.parse().expect("an address"));
        assert_eq!(class("127.0.0.2"), "loopback");
        assert_eq!(class("::ffff:10.0.0.1"), "private");
        assert_eq!(class("fd00::1"), "private");
        assert_eq!(class("192.0.2.1"), "public");
    }
}

//! What must hold for networks in CIDR notation.

use std::net::IpAddr;

use waxseal_model::network::{Network, ParseNetworkError};

/// A network that is taken is written as one text, holds its own first address, and holds no address outside its
/// prefix; of one with bits too many the error names the network that was meant.
pub(crate) fn check(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let network = match text.parse::<Network>() {
        Ok(network) => network,
        Err(ParseNetworkError::HostBits(meant)) => meant,
        Err(_) => return,
    };
    let written = network.to_string();
    assert_eq!(written.parse::<Network>(), Ok(network));
    let (base, prefix) = written.split_once('/').expect("a prefix");
    let base: IpAddr = base.parse().expect("an address");
    assert_eq!(prefix, network.prefix().to_string());
    // A mapped IPv6 address counts as its IPv4 address, which no IPv6 network holds.
    if base.to_canonical() == base {
        assert!(network.contains(base));
    }
    if let (IpAddr::V4(base), 1..) = (base, network.prefix()) {
        let outside = base.to_bits() ^ (1 << (32 - u32::from(network.prefix())));
        assert!(!network.contains(IpAddr::V4(outside.into())));
        assert!(!network.contains(IpAddr::V6(base.to_ipv6_compatible())));
    }
}

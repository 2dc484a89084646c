//! Which addresses we may dial: public ones, unless the operator allows the others.
//!
//! A DNS record is a stranger's input. Without this guard an MX record that points at `127.0.0.1` or
//! an inner network would make us talk to our own machines (RFC 6890 lists the special ranges).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Decides about every address before it is dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guard {
    allow_private: bool,
}

impl Guard {
    /// A guard; with `allow_private` also loopback, private and link-local addresses may be dialled.
    pub const fn new(allow_private: bool) -> Self {
        Self { allow_private }
    }

    /// Whether `address` may be dialled. Port 0, multicast and unspecified addresses never may.
    pub fn allows(self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        if address.is_unspecified() || address.is_multicast() || is_broadcast(address) {
            return false;
        }
        self.allow_private || is_public(address)
    }
}

fn is_broadcast(address: IpAddr) -> bool {
    matches!(address, IpAddr::V4(address) if address.is_broadcast())
}

/// Whether an address is reachable from everywhere: not private, shared, link-local, loopback,
/// documentation, benchmarking or reserved; IPv6 forms that carry an IPv4 address count as that.
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(a == 0
        || a >= 240
        || address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_documentation()
        || address.is_multicast()
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (18..20).contains(&b))
        || address == AZURE)
}

/// Answers every virtual machine at Azure about itself, from an address that looks public.
const AZURE: Ipv4Addr = Ipv4Addr::new(168, 63, 129, 16);

fn is_public_v6(address: Ipv6Addr) -> bool {
    let s = address.segments();
    // Only 2000::/3 is handed out; NAT64 (64:ff9b::/96) reaches what its IPv4 part reaches.
    if s[..6] == [0x64, 0xff9b, 0, 0, 0, 0] {
        return is_public_v4(embedded(s[6], s[7]));
    }
    if s[0] & 0xe000 != 0x2000 {
        return false;
    }
    match (s[0], s[1]) {
        (0x2002, high) => is_public_v4(embedded(high, s[2])),
        (0x2001, 0x0db8) | (0x2001, 0..=0x01ff) | (0x3fff, 0..=0x0fff) => false,
        _ => true,
    }
}

fn embedded(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from_bits((u32::from(high) << 16) | u32::from(low))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("address")
    }

    #[test]
    fn public_addresses_are_dialled() {
        for text in
            ["8.8.8.8", "100.63.0.1", "172.32.0.1", "192.0.1.1", "2606:4700::1111", "64:ff9b::808:808"]
        {
            assert!(Guard::new(false).allows(ip(text)), "{text}");
        }
    }

    #[test]
    fn inner_addresses_are_not_in_any_notation() {
        for text in [
            "127.0.0.1",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.1.2.3",
            "192.0.0.8",
            "192.0.2.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.9",
            "240.0.0.1",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001:db8::1",
            "fe80::1",
            "fc00::1",
            "2001::1",
            "::7f00:1",
        ] {
            assert!(!Guard::new(false).allows(ip(text)), "{text}");
            assert!(Guard::new(true).allows(ip(text)), "{text} is allowed where the operator says so");
        }
    }

    #[test]
    fn addresses_that_are_nobodys_are_never_dialled() {
        for text in ["0.0.0.0", "::", "224.0.0.1", "ff02::1", "255.255.255.255"] {
            assert!(!Guard::new(true).allows(ip(text)), "{text}");
        }
    }
}

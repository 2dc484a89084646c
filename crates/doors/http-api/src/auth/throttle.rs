//! How often a peer may come with a wrong key. A right key is never held up by somebody else's wrong
//! ones from the same address.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use waxseal_net::peer::PeerKey;

/// Most peers remembered; beyond it those that have their allowance back are forgotten.
const MAX_PEERS: usize = 10_000;
/// Time in which a spent allowance comes back.
const REFILL: Duration = Duration::from_secs(60);

/// Failures of peers: a bucket of tokens each.
pub(crate) struct FailedLogins {
    allowance: f64,
    peers: Mutex<HashMap<PeerKey, Bucket>>,
}

struct Bucket {
    tokens: f64,
    at: Duration,
}

impl FailedLogins {
    /// So many failures at once, and again within a minute.
    pub(crate) fn new(allowance: u32) -> Self {
        Self { allowance: f64::from(allowance.max(1)), peers: Mutex::new(HashMap::new()) }
    }

    /// Notes a failure; the seconds to wait if it was one too many.
    pub(crate) fn note(&self, peer: IpAddr, now: Duration) -> Result<(), u64> {
        let peer = PeerKey::of(peer);
        let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        if peers.len() >= MAX_PEERS {
            peers.retain(|_, bucket| now.saturating_sub(bucket.at) < REFILL);
        }
        let full = Bucket { tokens: self.allowance, at: now };
        if peers.len() >= MAX_PEERS && !peers.contains_key(&peer) {
            return Err(REFILL.as_secs());
        }
        let bucket = peers.entry(peer).or_insert(full);
        let rate = self.allowance / REFILL.as_secs_f64();
        let passed = now.saturating_sub(bucket.at).as_secs_f64();
        bucket.tokens = (bucket.tokens + passed * rate).min(self.allowance);
        bucket.at = now;
        if bucket.tokens < 1.0 {
            return Err(((1.0 - bucket.tokens) / rate).ceil() as u64);
        }
        bucket.tokens -= 1.0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_counted_for_each_peer_and_forgiven_with_time() {
        let failed = FailedLogins::new(3);
        let (one, other) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        let start = Duration::from_secs(100);
        assert!((0..3).all(|_| failed.note(one, start).is_ok()));
        assert_eq!(failed.note(one, start), Err(20));
        assert_eq!(failed.note(other, start), Ok(()));
        assert_eq!(failed.note(one, start + Duration::from_secs(20)), Ok(()));
        assert!(failed.note(one, start + Duration::from_secs(20)).is_err());
    }

    #[test]
    fn neighbours_in_an_ipv6_network_are_one_peer() {
        let failed = FailedLogins::new(1);
        let peer = |text: &str| text.parse::<IpAddr>().expect("ip");
        assert_eq!(failed.note(peer("2001:db8::1"), Duration::ZERO), Ok(()));
        assert!(failed.note(peer("2001:db8::2"), Duration::ZERO).is_err());
        assert_eq!(failed.note(peer("2001:db8:0:1::2"), Duration::ZERO), Ok(()));
    }
}

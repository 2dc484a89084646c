//! How many are in: connections per peer and altogether, bytes of messages on their way in.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use crate::peer::PeerKey;

/// How many connections and bytes there may be at once.
#[derive(Debug, Clone, Copy)]
pub struct CrowdLimits {
    /// Connections of one IPv4 address or one IPv6 /64.
    pub per_peer: usize,
    /// Connections altogether.
    pub total: usize,
    /// Bytes of messages on their way in, altogether.
    pub content_bytes: u64,
}

/// Counts who is in.
pub struct Crowd {
    limits: CrowdLimits,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    peers: HashMap<PeerKey, usize>,
    total: usize,
    content_bytes: u64,
}

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// The peer has as many connections as one may have.
    Peer,
    /// There are as many connections as there may be.
    Total,
}

/// A place in the crowd, given back when dropped together with the bytes it holds.
pub struct Place {
    crowd: Arc<Crowd>,
    key: PeerKey,
    content_bytes: u64,
}

impl Crowd {
    /// Nobody is in yet.
    pub fn new(limits: CrowdLimits) -> Arc<Self> {
        Arc::new(Self { limits, state: Mutex::default() })
    }

    /// Takes a place for a connection of this peer.
    pub fn enter(self: &Arc<Self>, key: PeerKey) -> Result<Place, Full> {
        let mut state = self.lock();
        if state.total >= self.limits.total {
            return Err(Full::Total);
        }
        let count = state.peers.entry(key).or_insert(0);
        if *count >= self.limits.per_peer {
            return Err(Full::Peer);
        }
        *count += 1;
        state.total += 1;
        Ok(Place { crowd: Arc::clone(self), key, content_bytes: 0 })
    }

    /// Whether nearly all of the bytes are taken that messages on their way in may have.
    pub fn is_full(&self) -> bool {
        self.free() < self.limits.content_bytes / 20
    }

    fn free(&self) -> u64 {
        self.limits.content_bytes.saturating_sub(self.lock().content_bytes)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Whether a message of this size, if it is known, may be begun: any, until four fifths of the bytes are taken that
    /// messages on their way in may have; then what takes no more than a quarter of the rest, so that those who hold most of
    /// it do not shut the door for everybody.
    pub fn may_begin(&self, size: Option<u64>) -> bool {
        let free = self.crowd.free();
        free >= self.crowd.limits.content_bytes / 5 || size.is_some_and(|size| size <= free / 4)
    }

    /// Notes how many bytes of a message this connection holds; whether there was room for them.
    pub fn hold(&mut self, bytes: u64) -> bool {
        if bytes == self.content_bytes {
            return true;
        }
        let mut state = self.crowd.lock();
        let others = state.content_bytes - self.content_bytes;
        let fits = bytes < self.content_bytes || others + bytes <= self.crowd.limits.content_bytes;
        if fits {
            state.content_bytes = others + bytes;
            self.content_bytes = bytes;
        }
        fits
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.crowd.lock();
        state.total -= 1;
        state.content_bytes -= self.content_bytes;
        if let Some(count) = state.peers.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                state.peers.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(last: u8) -> PeerKey {
        PeerKey::of(std::net::Ipv4Addr::new(192, 0, 2, last).into())
    }

    #[test]
    fn places_are_limited_and_come_back() {
        let crowd = Crowd::new(CrowdLimits { per_peer: 2, total: 3, content_bytes: 100 });
        let first = crowd.enter(key(1));
        let second = crowd.enter(key(1));
        assert_eq!(crowd.enter(key(1)).err(), Some(Full::Peer));
        let third = crowd.enter(key(2));
        assert_eq!(crowd.enter(key(3)).err(), Some(Full::Total));
        drop((first, third));
        assert!(crowd.enter(key(1)).is_ok());
        drop(second);
        assert!(crowd.lock().peers.is_empty());
    }

    #[test]
    fn bytes_are_limited_and_come_back() {
        let crowd = Crowd::new(CrowdLimits { per_peer: 9, total: 9, content_bytes: 100 });
        let mut one = crowd.enter(key(1)).expect("a place");
        let mut two = crowd.enter(key(2)).expect("a place");
        assert!(one.hold(60) && two.hold(40) && !two.hold(41));
        assert!(one.hold(59) && two.hold(41));
        drop(one);
        assert!(two.may_begin(None) && !crowd.is_full());
        assert!(two.hold(84) && !two.may_begin(None) && !two.may_begin(Some(5)) && two.may_begin(Some(4)));
        assert!(!crowd.is_full());
        assert!(two.hold(100) && crowd.is_full());
        drop(two);
        assert_eq!(crowd.lock().content_bytes, 0);
    }
}

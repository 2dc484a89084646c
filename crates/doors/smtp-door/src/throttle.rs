//! Slows down who guesses passwords, without locking out who knows them.
//!
//! Failed logins fill a bucket of the peer and a bucket of the login; a full one means "later", before
//! any password is looked at. A pair of peer and login that succeeded before has a bucket of its own,
//! so strangers cannot lock anybody out. The same wrong password again tells an attacker nothing: a
//! client with a stale one pays only for the work that it makes.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher as _},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use waxseal_model::{Clock, Random};

use waxseal_net::peer::PeerKey;

/// So many failures at once, then one per interval.
#[derive(Debug, Clone, Copy)]
struct Rate {
    burst: u32,
    interval: Duration,
}

const PEER: Rate = Rate { burst: 20, interval: Duration::from_secs(15) };
const LOGIN: Rate = Rate { burst: 20, interval: Duration::from_secs(60) };
const KNOWN: Rate = Rate { burst: 20, interval: Duration::from_secs(15) };
/// What the same wrong password again costs, as a part of a failure.
const REPEAT: u32 = 10;
/// The most entries a table keeps: 64 bytes or so each.
const TABLE_MAX: usize = 50_000;
/// How long a pair that succeeded stays known.
const KNOWN_FOR: Duration = Duration::from_secs(7 * 24 * 3600);

/// Watches authentications.
pub(crate) struct Throttle {
    clock: Arc<dyn Clock>,
    /// Logins and passwords are kept as hashes under a key of this process alone.
    key: [u8; 32],
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    peers: HashMap<PeerKey, Bucket>,
    logins: HashMap<u64, Bucket>,
    known: HashMap<(PeerKey, u64), Known>,
}

/// A pair of peer and login that succeeded.
#[derive(Debug, Clone, Copy)]
struct Known {
    until: Duration,
    bucket: Bucket,
}

/// A leaky bucket as one number: the time at which it is empty of failures again.
#[derive(Debug, Clone, Copy, Default)]
struct Bucket {
    clear_at: Duration,
    last_failure: Option<u64>,
}

impl Bucket {
    fn is_full(&self, rate: Rate, now: Duration) -> bool {
        self.clear_at.saturating_sub(now) > rate.interval * (rate.burst - 1)
    }

    /// Adds a failure, or less if it was the last one once more.
    fn add(&mut self, rate: Rate, attempt: u64, now: Duration) {
        let again = self.last_failure.replace(attempt) == Some(attempt);
        let cost = if again { rate.interval / REPEAT } else { rate.interval };
        self.clear_at = self.clear_at.max(now) + cost;
    }
}

impl Throttle {
    pub(crate) fn new(clock: Arc<dyn Clock>, random: &dyn Random) -> Self {
        let mut key = [0; 32];
        random.fill(&mut key);
        Self { clock, key, state: Mutex::default() }
    }

    /// Whether an attempt may be made now.
    pub(crate) fn allows(&self, peer: PeerKey, login: &str) -> bool {
        let now = self.clock.monotonic();
        let login = self.login_key(login);
        let state = self.lock();
        let free = |bucket: Option<&Bucket>, rate| !bucket.is_some_and(|bucket| bucket.is_full(rate, now));
        match state.known.get(&(peer, login)).filter(|known| now < known.until) {
            Some(known) => free(Some(&known.bucket), KNOWN),
            None => free(state.peers.get(&peer), PEER) && free(state.logins.get(&login), LOGIN),
        }
    }

    /// The attempt succeeded.
    pub(crate) fn succeeded(&self, peer: PeerKey, login: &str) {
        let now = self.clock.monotonic();
        let pair = (peer, self.login_key(login));
        let mut state = self.lock();
        make_room(&mut state.known, |known| known.until > now);
        let until = now + KNOWN_FOR;
        let known = state.known.entry(pair).or_insert(Known { until, bucket: Bucket::default() });
        known.until = until;
    }

    /// The attempt failed.
    pub(crate) fn failed(&self, peer: PeerKey, login: &str, password: &str) {
        let now = self.clock.monotonic();
        let attempt = self.hash(&(login.to_lowercase(), password));
        let login = self.login_key(login);
        let mut state = self.lock();
        make_room(&mut state.peers, |bucket| bucket.clear_at > now);
        make_room(&mut state.logins, |bucket| bucket.clear_at > now);
        state.peers.entry(peer).or_default().add(PEER, attempt, now);
        match state.known.get_mut(&(peer, login)) {
            Some(known) => known.bucket.add(KNOWN, attempt, now),
            None => state.logins.entry(login).or_default().add(LOGIN, attempt, now),
        }
    }

    fn login_key(&self, login: &str) -> u64 {
        self.hash(&login.trim().to_lowercase())
    }

    fn hash(&self, value: &impl Hash) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.key.hash(&mut hasher);
        value.hash(&mut hasher);
        hasher.finish()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps a table bounded: what no longer matters goes, and everything if all of it still does.
fn make_room<K: Eq + Hash, V>(table: &mut HashMap<K, V>, still_matters: impl Fn(&V) -> bool) {
    if table.len() >= TABLE_MAX {
        table.retain(|_, value| still_matters(value));
        if table.len() >= TABLE_MAX {
            table.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use waxseal_model::{ManualClock, SeededRandom, Timestamp};

    fn throttle() -> (Arc<ManualClock>, Throttle) {
        let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1_770_000_000)));
        (Arc::clone(&clock), Throttle::new(clock, &SeededRandom::new(1)))
    }

    fn peer(last: u8) -> PeerKey {
        PeerKey::of(std::net::Ipv4Addr::new(192, 0, 2, last).into())
    }

    #[test]
    fn a_guessing_peer_has_to_wait() {
        let (clock, throttle) = throttle();
        for attempt in 0..20 {
            assert!(throttle.allows(peer(1), "a"), "{attempt}");
            throttle.failed(peer(1), &format!("login{attempt}"), "guess");
        }
        assert!(!throttle.allows(peer(1), "a"));
        assert!(throttle.allows(peer(2), "a"));
        clock.advance(Duration::from_secs(15));
        assert!(throttle.allows(peer(1), "a"));
        throttle.failed(peer(1), "a", "guess");
        assert!(!throttle.allows(peer(1), "a"));
    }

    #[test]
    fn a_guessed_login_is_closed_to_strangers_but_not_to_its_owner() {
        let (_, throttle) = throttle();
        throttle.succeeded(peer(200), "Owner@example.org");
        for attempt in 0..20 {
            throttle.failed(peer(attempt), "owner@example.org", &format!("guess{attempt}"));
        }
        assert!(!throttle.allows(peer(100), "owner@example.org"));
        assert!(throttle.allows(peer(200), "OWNER@example.org"));
        assert!(throttle.allows(peer(100), "other@example.org"));
    }

    #[test]
    fn the_owner_s_own_machine_is_watched_too() {
        let (_, throttle) = throttle();
        throttle.succeeded(peer(1), "a");
        for attempt in 0..20 {
            assert!(throttle.allows(peer(1), "a"));
            throttle.failed(peer(1), "a", &format!("guess{attempt}"));
        }
        assert!(!throttle.allows(peer(1), "a"));
    }

    #[test]
    fn a_stale_password_costs_little() {
        let (_, throttle) = throttle();
        for _ in 0..150 {
            throttle.failed(peer(1), "a", "stale");
        }
        assert!(throttle.allows(peer(1), "a"));
    }

    #[test]
    fn tables_stay_bounded() {
        let (_, throttle) = throttle();
        for attempt in 0..TABLE_MAX + 10 {
            throttle.failed(peer(1), &format!("login{attempt}"), "guess");
        }
        assert!(throttle.lock().logins.len() <= TABLE_MAX);
    }
}

//! What the process may take of memory, and who gets how much of it.

use std::time::Duration;

use waxseal_system::memory::{Memory, available};

/// How often what is in use is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);

const MIB: u64 = 1_024 * 1_024;
/// Less is not enough for the largest message.
const LEAST: u64 = 512 * MIB;
/// More is not taken unless it is asked for.
const MOST_BY_ITSELF: u64 = 2_048 * MIB;
/// What the process takes without any mail: code, caches, connections.
const OWN: u64 = 128 * MIB;
/// The largest body of a call.
const BODY: u64 = 56 * MIB;

/// The room that content has in memory, in bytes, by where it is. Together with what the process takes by itself it stays
/// below the limit, with some to spare: content is in memory several times for moments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rooms {
    /// Bodies of calls on their way in.
    pub(crate) http: usize,
    /// Messages by SMTP on their way in.
    pub(crate) smtp: u64,
    /// What is being made ready, signed, sealed and stored.
    pub(crate) sending: usize,
    /// The largest batch.
    pub(crate) batch: usize,
    /// What is being delivered.
    pub(crate) delivery: u64,
}

/// The limit in bytes of a configured number of MiB; of 0, what fits the machine.
pub(crate) fn limit(megabytes: u64) -> u64 {
    match megabytes {
        0 => (available().unwrap_or(LEAST) / 2).clamp(LEAST, MOST_BY_ITSELF),
        megabytes => megabytes.saturating_mul(MIB),
    }
}

/// Looks at what is in use, for as long as it is polled.
pub(crate) async fn watch(memory: &Memory) {
    metrics::gauge!("waxseal_memory_limit_bytes").set(memory.limit() as f64);
    loop {
        memory.look();
        metrics::gauge!("waxseal_memory_bytes").set(memory.used() as f64);
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

impl Rooms {
    /// Shares a limit out.
    pub(crate) fn of(limit: u64) -> Self {
        let room = limit.saturating_sub(OWN);
        let coming = (room / 8).max(BODY);
        let bytes = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
        Self {
            http: bytes(coming),
            smtp: coming,
            sending: bytes(room / 2),
            // It is in memory twice, and half of the room is one account's.
            batch: bytes((room / 8).min(512 * MIB)),
            delivery: room / 16,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_rooms_together_are_below_the_limit() {
        for megabytes in [512, 1_024, 2_048, 65_536] {
            let Rooms { http, smtp, sending, delivery, .. } = Rooms::of(limit(megabytes));
            let together = OWN + http as u64 + smtp + sending as u64 + delivery;
            assert!(together <= megabytes * MIB / 20 * 19, "{megabytes}: {together}");
        }
    }

    #[test]
    fn the_largest_message_fits_the_least_limit() {
        let rooms = Rooms::of(LEAST);
        // Content of 25 MiB, a third more as MIME, and that once more sealed: what one account may hold at a time.
        assert!(rooms.sending / 2 >= (25 + 34 + 34) << 20, "{rooms:?}");
    }

    #[test]
    fn without_a_number_it_fits_the_machine() {
        assert!((LEAST..=MOST_BY_ITSELF).contains(&limit(0)));
    }
}

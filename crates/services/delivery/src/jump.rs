//! Notices when the wall clock jumps, so that a wrong clock does not make messages too old.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use waxseal_model::{Clock, Timestamp};
use waxseal_store::{Store, StoreError};

/// A wall clock that is off by more than this is not believed.
const TOLERANCE: Duration = Duration::from_secs(300);
/// Retention notes the clock it trusts about every half hour.
const NOTED_EVERY: Duration = Duration::from_secs(2 * 3_600);

/// Compares the wall clock with the steady one since the start, or since somebody confirmed it.
#[derive(Debug)]
pub(crate) struct JumpWatch {
    anchor: Mutex<(Timestamp, Duration)>,
}

impl JumpWatch {
    /// Starts to watch.
    pub(crate) fn start(clock: &dyn Clock) -> Self {
        Self { anchor: Mutex::new((clock.now(), clock.monotonic())) }
    }

    /// Whether messages may be given up by this clock. After a jump, or while purging is paused because
    /// of one, they may not until an operator has confirmed the clock.
    pub(crate) async fn is_trusted(&self, clock: &dyn Clock, store: &Store) -> Result<bool, StoreError> {
        if store.purging_paused().await?.is_some() {
            return Ok(false);
        }
        if self.is_steady(clock) {
            return Ok(true);
        }
        let confirmed =
            store.noted_clock().await?.is_some_and(|noted| apart(noted, clock.now()) <= NOTED_EVERY);
        if confirmed {
            *self.anchor() = (clock.now(), clock.monotonic());
        }
        Ok(confirmed)
    }

    /// Whether the wall clock went on as time did.
    fn is_steady(&self, clock: &dyn Clock) -> bool {
        let (wall, steady) = *self.anchor();
        let passed = clock.monotonic().saturating_sub(steady);
        apart(wall + passed, clock.now()) <= TOLERANCE
    }

    fn anchor(&self) -> MutexGuard<'_, (Timestamp, Duration)> {
        self.anchor.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn apart(one: Timestamp, other: Timestamp) -> Duration {
    one.since(other).max(other.since(one))
}

#[cfg(test)]
mod tests {
    use waxseal_model::ManualClock;

    use super::*;

    #[test]
    fn time_may_pass_but_not_jump() {
        let clock = ManualClock::at(Timestamp::from_secs(1_770_000_000));
        let watch = JumpWatch::start(&clock);
        clock.advance(Duration::from_secs(86_400 * 30));
        assert!(watch.is_steady(&clock));
        let now = clock.now();
        clock.jump_to(now + Duration::from_secs(86_400));
        assert!(!watch.is_steady(&clock));
        clock.jump_to(now - Duration::from_secs(3_600));
        assert!(!watch.is_steady(&clock));
    }
}

//! Notices when the wall clock jumps, so that a wrong clock does not make messages too old.

use std::time::Duration;

use waxseal_model::{Clock, Timestamp};

/// A wall clock that is off by more than this is not believed.
const TOLERANCE: Duration = Duration::from_secs(300);

/// Compares the wall clock with the steady one since the start.
#[derive(Debug)]
pub(crate) struct JumpWatch {
    wall: Timestamp,
    steady: Duration,
}

impl JumpWatch {
    /// Starts to watch.
    pub(crate) fn start(clock: &dyn Clock) -> Self {
        Self { wall: clock.now(), steady: clock.monotonic() }
    }

    /// Whether the wall clock went on as time did.
    pub(crate) fn is_steady(&self, clock: &dyn Clock) -> bool {
        let passed = clock.monotonic().saturating_sub(self.steady);
        let expected = self.wall + passed;
        let now = clock.now();
        now.since(expected).max(expected.since(now)) <= TOLERANCE
    }
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

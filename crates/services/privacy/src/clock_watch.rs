//! Watches the wall clock: who purges by a wrong clock deletes what should stay.

use std::time::Duration;

use waxseal_model::{Clock, Timestamp, clock::Boot};

/// A difference beyond this is a jump: clocks that are kept by NTP drift by seconds.
pub const TOLERANCE: Duration = Duration::from_secs(300);

/// An instance may have been switched off for so long without anybody being asked.
pub const PLAUSIBLE_PAUSE: Duration = Duration::from_secs(7 * 86_400);

/// The wall clock is not where it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockJump {
    /// Where it should be.
    pub expected: Timestamp,
    /// Where it is.
    pub found: Timestamp,
}

/// Compares the wall clock with the steady one, and across a restart with the time noted last.
#[derive(Debug, Default)]
pub(crate) struct ClockWatch {
    last: Option<(Timestamp, Duration)>,
}

impl ClockWatch {
    /// Looks at the clock. `noted` is the time noted by an earlier run, with the start of the machine in which that was
    /// and how long ago it was then; it counts at the first look alone.
    pub(crate) fn look(
        &mut self,
        clock: &dyn Clock,
        noted: Option<(Timestamp, Option<Boot>)>,
    ) -> Result<(), ClockJump> {
        let (now, steady) = (clock.now(), clock.monotonic());
        let jump = match (self.last, noted) {
            (Some((wall, then)), _) => jumped(wall + steady.saturating_sub(then), now),
            (None, Some((noted, then))) => {
                // The machine has not been started anew: it knows how long this process was away.
                if let (Some(then), Some(boot)) = (then, clock.boot())
                    && then.id == boot.id
                    && then.up <= boot.up
                {
                    jumped(noted + boot.up.saturating_sub(then.up), now)
                } else {
                    let implausible = noted.since(now) > TOLERANCE || now.since(noted) > PLAUSIBLE_PAUSE;
                    implausible.then_some(noted)
                }
            }
            (None, None) => None,
        };
        match jump {
            Some(expected) => Err(ClockJump { expected, found: now }),
            None => {
                // Small steps add up from here: a clock set by a minute each hour is no jump.
                self.last = Some((now, steady));
                Ok(())
            }
        }
    }

    /// Takes the clock as it is now.
    pub(crate) fn trust(&mut self, clock: &dyn Clock) {
        self.last = Some((clock.now(), clock.monotonic()));
    }
}

/// Where the clock should be, if it is not there.
fn jumped(expected: Timestamp, now: Timestamp) -> Option<Timestamp> {
    let apart = now.since(expected).max(expected.since(now));
    (apart > TOLERANCE).then_some(expected)
}

//! The clock of a simulated machine: the runtime's time, and a wall clock that jumps where it is told to.

use std::time::Duration;

use tokio::{sync::watch, time::Instant};
use waxseal_model::{
    Clock, Timestamp,
    clock::{Sleep, is_set_back},
};

/// When every simulation begins.
pub(crate) const START: Timestamp = Timestamp::from_secs(1_795_000_000);

/// See [`self`].
#[derive(Debug)]
pub(crate) struct SimulatedClock {
    began: Instant,
    /// Seconds by which the wall clock was set forward.
    ahead: watch::Sender<i64>,
}

impl SimulatedClock {
    /// A clock that begins now.
    pub(crate) fn new() -> Self {
        Self { began: Instant::now(), ahead: watch::Sender::new(0) }
    }

    /// Sets the wall clock forward, or back.
    pub(crate) fn jump(&self, seconds: i64) {
        self.ahead.send_modify(|ahead| *ahead += seconds);
    }

    /// By how many seconds it was set forward in all.
    pub(crate) fn ahead(&self) -> i64 {
        *self.ahead.borrow()
    }

    /// How long it has run.
    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }
}

impl Clock for SimulatedClock {
    fn now(&self) -> Timestamp {
        let passed = i64::try_from(self.elapsed().as_micros()).unwrap_or(i64::MAX);
        Timestamp::from_micros(START.as_micros() + self.ahead() * 1_000_000 + passed)
    }

    fn monotonic(&self) -> Duration {
        self.elapsed()
    }

    fn sleep_until(&self, at: Timestamp) -> Sleep<'_> {
        let since = self.now();
        Box::pin(async move {
            let mut jumps = self.ahead.subscribe();
            loop {
                let now = self.now();
                if now >= at || is_set_back(since, now) {
                    return;
                }
                tokio::select! {
                    biased;
                    () = tokio::time::sleep(at.since(now)) => {}
                    _ = jumps.changed() => {}
                }
            }
        })
    }
}

//! The only source of time: a trait, and the hand-moved clock of tests.

use std::{
    fmt::Debug,
    future::Future,
    pin::Pin,
    sync::Mutex,
    task::{Context, Poll, Waker},
    time::Duration,
};

use crate::time::Timestamp;

/// A future that ends when a time has come.
pub type Sleep<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Tells the time and waits for it. Everything that depends on time takes one, so that a promise of
/// thirty days is tested in a millisecond.
pub trait Clock: Debug + Send + Sync {
    /// The wall clock: what log entries and protocols carry. It may jump.
    fn now(&self) -> Timestamp;

    /// Time since some fixed start; it never jumps or goes back.
    fn monotonic(&self) -> Duration;

    /// Waits until [`Clock::now`] is `at` or later; or until somebody has set the wall clock back to where it was [well
    /// before](is_set_back) the wait began. Then `at` was reckoned with a clock that was ahead, and may be years away: the
    /// caller looks at the time, and reckons anew.
    fn sleep_until(&self, at: Timestamp) -> Sleep<'_>;

    /// Which start of the machine this is, and how long ago: by this a jump of the wall clock is seen across a restart
    /// of the process. `None` where that cannot be told.
    fn boot(&self) -> Option<Boot> {
        None
    }
}

/// A wall clock that is behind an earlier look at it by more than this was set back, and not just put right.
const BACK: Duration = Duration::from_secs(300);

/// Whether the wall clock, which shows `now`, was set back since it showed `before`.
pub fn is_set_back(before: Timestamp, now: Timestamp) -> bool {
    before.since(now) > BACK
}

/// A start of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Boot {
    /// Another for each start.
    pub id: i64,
    /// Time since then, that of being suspended included.
    pub up: Duration,
}

/// A clock that stands still until it is moved by hand.
#[derive(Debug)]
pub struct ManualClock {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    now: Timestamp,
    monotonic: Duration,
    boot: Option<i64>,
    /// When they want to be woken, since when they wait, and how they are.
    sleepers: Vec<(Timestamp, Timestamp, Waker)>,
}

impl ManualClock {
    /// A clock that shows `now`.
    pub fn at(now: Timestamp) -> Self {
        Self { state: Mutex::new(State { now, monotonic: Duration::ZERO, boot: None, sleepers: Vec::new() }) }
    }

    /// Lets time pass: wall clock and monotonic clock move together and sleepers wake.
    pub fn advance(&self, by: Duration) {
        self.change(|state| {
            state.now = state.now + by;
            state.monotonic += by;
        });
    }

    /// Sets the wall clock alone, as a wrong time server or an operator would.
    pub fn jump_to(&self, now: Timestamp) {
        self.change(|state| state.now = now);
    }

    /// Says which start of a machine this is; until then that cannot be told.
    pub fn boot_as(&self, id: i64) {
        self.lock().boot = Some(id);
    }

    /// The earliest time that somebody waits for.
    pub fn next_sleeper(&self) -> Option<Timestamp> {
        self.lock().sleepers.iter().map(|(at, ..)| *at).min()
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let woken = {
            let mut state = self.lock();
            change(&mut state);
            let now = state.now;
            let (woken, rest): (Vec<_>, Vec<_>) = std::mem::take(&mut state.sleepers)
                .into_iter()
                .partition(|(at, since, _)| *at <= now || is_set_back(*since, now));
            state.sleepers = rest;
            woken
        };
        woken.into_iter().for_each(|(.., waker)| waker.wake());
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.lock().now
    }

    fn monotonic(&self) -> Duration {
        self.lock().monotonic
    }

    fn sleep_until(&self, at: Timestamp) -> Sleep<'_> {
        Box::pin(ManualSleep { clock: self, at, since: self.now() })
    }

    fn boot(&self) -> Option<Boot> {
        let state = self.lock();
        Some(Boot { id: state.boot?, up: state.monotonic })
    }
}

struct ManualSleep<'a> {
    clock: &'a ManualClock,
    at: Timestamp,
    since: Timestamp,
}

impl Future for ManualSleep<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.clock.lock();
        if state.now >= self.at || is_set_back(self.since, state.now) {
            return Poll::Ready(());
        }
        let waker = cx.waker();
        let is_known = |(at, since, known): &(Timestamp, Timestamp, Waker)| {
            (*at, *since) == (self.at, self.since) && known.will_wake(waker)
        };
        if !state.sleepers.iter().any(is_known) {
            state.sleepers.push((self.at, self.since, waker.clone()));
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_by_a_clock_that_was_ahead_is_woken_when_it_is_put_right() {
        let right = Timestamp::from_secs(1_770_000_000);
        let clock = ManualClock::at(right + Duration::from_secs(86_400 * 3_650));
        let mut sleep = clock.sleep_until(clock.now() + Duration::from_secs(300));
        let mut cx = Context::from_waker(Waker::noop());
        assert!(sleep.as_mut().poll(&mut cx).is_pending());
        clock.jump_to(clock.now() - Duration::from_secs(200));
        assert!(sleep.as_mut().poll(&mut cx).is_pending(), "a clock that is adjusted ends nothing");
        clock.jump_to(right);
        assert!(sleep.as_mut().poll(&mut cx).is_ready());
        assert_eq!(clock.next_sleeper(), None);
    }
}

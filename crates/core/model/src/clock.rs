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

    /// Waits until [`Clock::now`] is `at` or later.
    fn sleep_until(&self, at: Timestamp) -> Sleep<'_>;

    /// Which start of the machine this is, and how long ago: by this a jump of the wall clock is seen across a restart
    /// of the process. `None` where that cannot be told.
    fn boot(&self) -> Option<Boot> {
        None
    }
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
    sleepers: Vec<(Timestamp, Waker)>,
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
        self.lock().sleepers.iter().map(|(at, _)| *at).min()
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let woken = {
            let mut state = self.lock();
            change(&mut state);
            let now = state.now;
            let (woken, rest): (Vec<_>, Vec<_>) =
                std::mem::take(&mut state.sleepers).into_iter().partition(|(at, _)| *at <= now);
            state.sleepers = rest;
            woken
        };
        woken.into_iter().for_each(|(_, waker)| waker.wake());
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
        Box::pin(ManualSleep { clock: self, at })
    }

    fn boot(&self) -> Option<Boot> {
        let state = self.lock();
        Some(Boot { id: state.boot?, up: state.monotonic })
    }
}

struct ManualSleep<'a> {
    clock: &'a ManualClock,
    at: Timestamp,
}

impl Future for ManualSleep<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.clock.lock();
        if state.now >= self.at {
            return Poll::Ready(());
        }
        let waker = cx.waker();
        if !state.sleepers.iter().any(|(at, known)| *at == self.at && known.will_wake(waker)) {
            state.sleepers.push((self.at, waker.clone()));
        }
        Poll::Pending
    }
}

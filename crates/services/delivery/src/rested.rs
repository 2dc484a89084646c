//! Work that is asked for all the time, and takes long where there is much.

use std::time::Duration;

use tokio::time::Instant;

/// Rests for some times as long as it took, so that the rest of the processor's time is for mail. What comes meanwhile is looked
/// at together.
#[derive(Default)]
pub(crate) struct Rested {
    until: Option<Instant>,
    done: Option<Instant>,
}

impl Rested {
    /// What takes less need not rest.
    const QUICK: Duration = Duration::from_micros(500);
    /// How many times as long as it took it rests.
    const TIMES: u32 = 4;
    /// The longest rest: what took long may have waited for a processor.
    const LONGEST: Duration = Duration::from_millis(200);

    /// Whether it has rested.
    pub(crate) fn is_due(&self) -> bool {
        self.until.is_none_or(|until| until <= Instant::now())
    }

    /// Whether it was not done for so long.
    pub(crate) fn is_overdue(&self, after: Duration) -> bool {
        self.done.is_none_or(|done| done + after <= Instant::now())
    }

    /// Until when it rests.
    pub(crate) const fn rests_until(&self) -> Option<Instant> {
        self.until
    }

    /// Does it.
    pub(crate) fn run<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let began = Instant::now();
        let done = work();
        self.rest_after(began.elapsed());
        done
    }

    /// It was done, and took so long.
    pub(crate) fn rest_after(&mut self, took: Duration) {
        let rest = took.saturating_mul(Self::TIMES).min(Self::LONGEST);
        self.until = (took >= Self::QUICK).then(|| Instant::now() + rest);
        self.done = Some(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_took_long_rests_for_longer_and_what_was_quick_does_not() {
        let mut work = Rested::default();
        assert!(work.is_due());
        assert_eq!(work.run(|| 7), 7);
        assert!(work.is_due(), "it took no time");
        work.rest_after(Duration::from_millis(2));
        tokio::time::advance(Duration::from_millis(7)).await;
        assert!(!work.is_due());
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(work.is_due());
        work.rest_after(Duration::from_secs(600));
        tokio::time::advance(Duration::from_millis(200)).await;
        assert!(work.is_due(), "it was the machine that stood still");
        assert!(!work.is_overdue(Duration::from_secs(1)) && work.is_overdue(Duration::from_millis(200)));
    }
}

//! How slow a client may be.

use std::time::Duration;

use tokio::time::Instant;

use crate::config::Times;

/// Watches the pace of one connection. A command has a time limit that only a reply of ours renews, so
/// a byte now and then wins nothing; content has one limit for all of it, and a lowest rate.
pub(crate) struct Pace {
    times: Times,
    phase: Phase,
}

enum Phase {
    Command { until: Instant },
    Content { until: Instant, window_ends: Instant, bytes: u64 },
}

/// What a wait for the client may end in, besides bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slow {
    /// No complete command came.
    Command,
    /// Content did not end in time or came too slowly.
    Content,
}

impl Pace {
    pub(crate) fn new(times: Times, now: Instant) -> Self {
        Self { times, phase: Phase::Command { until: now + times.command } }
    }

    /// We sent a reply: the client's time starts anew.
    pub(crate) fn replied(&mut self, now: Instant) {
        self.phase = Phase::Command { until: now + self.times.command };
    }

    /// Says whether content is being received, before waiting for more.
    pub(crate) fn expect(&mut self, content: bool, now: Instant) {
        match (content, &self.phase) {
            (true, Phase::Command { .. }) => {
                let until = now + self.times.content;
                self.phase = Phase::Content { until, window_ends: now + self.times.rate_window, bytes: 0 };
            }
            (false, Phase::Content { .. }) => self.replied(now),
            (true, Phase::Content { .. }) | (false, Phase::Command { .. }) => {}
        }
    }

    /// When to stop waiting and look.
    pub(crate) fn look_at(&self) -> Instant {
        match self.phase {
            Phase::Command { until } => until,
            Phase::Content { until, window_ends, .. } => until.min(window_ends),
        }
    }

    /// Bytes came.
    pub(crate) fn received(&mut self, count: usize) {
        if let Phase::Content { bytes, .. } = &mut self.phase {
            *bytes += count as u64;
        }
    }

    /// Whether the client is too slow.
    pub(crate) fn judge(&mut self, now: Instant) -> Result<(), Slow> {
        match &mut self.phase {
            Phase::Command { until } if now >= *until => Err(Slow::Command),
            Phase::Content { until, .. } if now >= *until => Err(Slow::Content),
            Phase::Content { window_ends, bytes, .. } if now >= *window_ends => {
                if *bytes < least(self.times.min_rate, self.times.rate_window) {
                    return Err(Slow::Content);
                }
                *window_ends = now + self.times.rate_window;
                *bytes = 0;
                Ok(())
            }
            Phase::Command { .. } | Phase::Content { .. } => Ok(()),
        }
    }
}

fn least(rate: u64, window: Duration) -> u64 {
    rate.saturating_mul(window.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_byte_now_and_then_wins_nothing() {
        let start = Instant::now();
        let mut pace = Pace::new(Times::default(), start);
        for second in 0..300 {
            pace.received(1);
            pace.expect(false, start + SECOND * second);
            assert_eq!(pace.judge(start + SECOND * second), Ok(()));
        }
        assert_eq!(pace.judge(start + SECOND * 300), Err(Slow::Command));
        pace.replied(start + SECOND * 299);
        assert_eq!(pace.judge(start + SECOND * 300), Ok(()));
    }

    #[test]
    fn content_keeps_a_rate() {
        let start = Instant::now();
        let mut pace = Pace::new(Times::default(), start);
        pace.expect(true, start);
        pace.received(500 * 60);
        assert_eq!(pace.judge(start + SECOND * 60), Ok(()));
        pace.received(500 * 60 - 1);
        assert_eq!(pace.judge(start + SECOND * 119), Ok(()));
        assert_eq!(pace.judge(start + SECOND * 120), Err(Slow::Content));
    }

    #[test]
    fn content_ends_in_time() {
        let start = Instant::now();
        let mut pace = Pace::new(Times::default(), start);
        for minute in 0..10 {
            pace.expect(true, start + SECOND * 60 * minute);
            pace.received(1_000_000);
            assert_eq!(pace.judge(start + SECOND * 60 * minute), Ok(()));
        }
        assert_eq!(pace.judge(start + SECOND * 600), Err(Slow::Content));
    }
}

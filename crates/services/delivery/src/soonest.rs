//! When the next of what was put off is due, so that nobody asks the queue each time that something is.

use std::sync::atomic::{AtomicI64, Ordering};

use tokio::sync::Notify;
use waxseal_model::Timestamp;

/// The soonest since the queue was looked at last.
pub(crate) struct Soonest {
    at: AtomicI64,
    sooner: Notify,
}

impl Default for Soonest {
    fn default() -> Self {
        Self { at: AtomicI64::new(i64::MAX), sooner: Notify::new() }
    }
}

impl Soonest {
    /// Something was put off until then; it is in the queue already.
    pub(crate) fn note(&self, due: Timestamp) {
        if self.at.fetch_min(due.as_micros(), Ordering::AcqRel) > due.as_micros() {
            self.sooner.notify_one();
        }
    }

    /// The queue is looked at now: it says itself when what it has is due.
    pub(crate) fn forget(&self) {
        self.at.store(i64::MAX, Ordering::Release);
    }

    /// When it is due.
    pub(crate) fn due(&self) -> Option<Timestamp> {
        let at = self.at.load(Ordering::Acquire);
        (at < i64::MAX).then(|| Timestamp::from_micros(at))
    }

    /// Something is due sooner than what was known.
    pub(crate) async fn sooner(&self) {
        self.sooner.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_what_is_due_sooner_wakes_and_a_look_begins_anew() {
        let soonest = Soonest::default();
        assert_eq!(soonest.due(), None);
        let at = Timestamp::from_secs;
        let wakes = async |due| {
            soonest.note(due);
            tokio::time::timeout(std::time::Duration::ZERO, soonest.sooner()).await.is_ok()
        };
        assert!(wakes(at(20)).await);
        assert!(!wakes(at(20)).await && !wakes(at(30)).await);
        assert_eq!(soonest.due(), Some(at(20)));
        assert!(wakes(at(10)).await);
        soonest.forget();
        assert_eq!(soonest.due(), None);
        assert!(wakes(at(30)).await);
    }
}

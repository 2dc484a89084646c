//! What stands in the log in an address's place: a keyed hash whose key lives a day.
//!
//! Within a day the same address has the same mark, so that an operator can follow it through the log. Then the key is
//! dropped; it was in memory only, and no mark of that day leads anywhere any more.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_lc_rs::hmac;
use waxseal_model::{AddressMarks, Clock, Random, comparable, time::Day};

/// Bytes of a mark: enough to tell the addresses of a day apart.
const MARK: usize = 6;

/// Makes marks.
#[derive(Debug)]
pub struct LogMarks {
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    salt: Mutex<Option<(Day, hmac::Key)>>,
}

impl LogMarks {
    /// Without a key until the first address comes.
    pub const fn new(clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        Self { clock, random, salt: Mutex::new(None) }
    }

    /// Drops the key of a day that is over, as long as nobody says stop.
    pub async fn run(&self, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        loop {
            self.drop_old();
            tokio::select! {
                () = &mut stop => return,
                () = self.clock.sleep_until(self.clock.now().day().end()) => {}
            }
        }
    }

    /// Drops the key unless it is today's.
    fn drop_old(&self) {
        let today = self.clock.now().day();
        let mut salt = self.lock();
        if salt.as_ref().is_some_and(|(day, _)| *day != today) {
            *salt = None;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<(Day, hmac::Key)>> {
        self.salt.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AddressMarks for LogMarks {
    fn mark(&self, address: &str) -> String {
        self.drop_old();
        let mut salt = self.lock();
        let (_, key) = salt.get_or_insert_with(|| {
            let mut bytes = [0; 32];
            self.random.fill(&mut bytes);
            (self.clock.now().day(), hmac::Key::new(hmac::HMAC_SHA256, &bytes))
        });
        let tag = hmac::sign(key, comparable(address).as_bytes());
        hex::encode(tag.as_ref().get(..MARK).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use waxseal_model::{ManualClock, SeededRandom, Timestamp};

    use super::*;

    fn marks(at: Timestamp) -> (Arc<ManualClock>, LogMarks) {
        let clock = Arc::new(ManualClock::at(at));
        (clock.clone(), LogMarks::new(clock, Arc::new(SeededRandom::new(7))))
    }

    #[test]
    fn an_address_has_one_mark_for_a_day_and_another_one_on_the_next() {
        let morning = Timestamp::from_secs(86_400 * 20_000 + 60);
        let (clock, marks) = marks(morning);
        let mark = marks.mark("Alice@example.com");
        assert_eq!(mark.len(), 2 * MARK);
        assert_ne!(mark, marks.mark("bob@example.com"));
        clock.advance(Duration::from_secs(86_000));
        assert_eq!(mark, marks.mark("alice@example.com"), "the same until midnight");
        clock.advance(Duration::from_secs(400));
        assert_ne!(mark, marks.mark("alice@example.com"), "another one afterwards");
    }

    #[tokio::test]
    async fn the_key_of_a_day_is_dropped_when_it_is_over_whether_or_not_anything_is_logged() {
        let (clock, marks) = marks(Timestamp::from_secs(86_400 * 20_000));
        marks.mark("alice@example.com");
        let marks = Arc::new(marks);
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let running = tokio::spawn({
            let marks = marks.clone();
            async move { marks.run(async move { drop(stopped.await) }).await }
        });
        assert!(marks.lock().is_some());
        clock.advance(Duration::from_secs(86_401));
        while marks.lock().is_some() {
            tokio::task::yield_now().await;
        }
        drop(stop);
        running.await.expect("it ends when told to");
    }
}

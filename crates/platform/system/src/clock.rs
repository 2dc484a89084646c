//! The machine's clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use waxseal_model::{
    Clock, Timestamp,
    clock::{Boot, Sleep, is_set_back},
};

/// How long a sleeper goes without looking at the wall clock: a change of the clock is seen after that.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// The machine's wall clock and its steady clock.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    start: Duration,
    boot: Option<i64>,
}

impl SystemClock {
    /// The clock, with the steady time counted from now.
    pub fn new() -> Self {
        Self { start: steady(), boot: boot_id() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the Clock that everything else takes")]
    fn now(&self) -> Timestamp {
        let micros = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_micros()).map_or(i64::MIN, |micros| -micros),
        };
        Timestamp::from_micros(micros)
    }

    fn monotonic(&self) -> Duration {
        steady().saturating_sub(self.start)
    }

    fn sleep_until(&self, at: Timestamp) -> Sleep<'_> {
        let since = self.now();
        Box::pin(async move {
            // The wall clock may be set while we sleep, and timers run by the steady one: look again.
            loop {
                let now = self.now();
                if now >= at || is_set_back(since, now) {
                    return;
                }
                tokio::time::sleep(at.since(now).min(LOOK_EVERY)).await;
            }
        })
    }

    fn boot(&self) -> Option<Boot> {
        Some(Boot { id: self.boot?, up: steady() })
    }
}

/// The kernel's name of this start of the machine; its first half says enough.
#[cfg(target_os = "linux")]
fn boot_id() -> Option<i64> {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).take(15).collect();
    i64::from_str_radix(&digits, 16).ok()
}

/// Not told elsewhere.
#[cfg(not(target_os = "linux"))]
fn boot_id() -> Option<i64> {
    None
}

/// Time since the machine started, the time it was suspended included: a laptop that slept for an hour
/// must not look like one whose wall clock was moved by an hour.
#[cfg(target_os = "linux")]
fn steady() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let (secs, nanos) = (u64::try_from(now.tv_sec), u32::try_from(now.tv_nsec));
    Duration::new(secs.unwrap_or_default(), nanos.unwrap_or_default())
}

/// Time since this process first asked.
#[cfg(not(target_os = "linux"))]
#[expect(clippy::disallowed_methods, reason = "this is the Clock that everything else takes")]
fn steady() -> Duration {
    static FIRST: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    FIRST.get_or_init(std::time::Instant::now).elapsed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_sleeper_wakes_when_its_time_has_come() {
        let clock = SystemClock::new();
        let at = clock.now() + Duration::from_millis(20);
        let before = clock.monotonic();
        clock.sleep_until(at).await;
        assert!(clock.now() >= at);
        assert!(clock.monotonic() > before);
        clock.sleep_until(at).await;
    }
}

//! How much memory the process takes, how much there is, and whether it is short.

use std::{
    fs,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};

/// Above so many percent of the limit memory is short.
const SHORT: u64 = 85;
/// Below so many it is not any more.
const ENOUGH: u64 = 75;

/// What a process may take of memory, and what it takes. The default has no limit and is never short.
#[derive(Debug)]
pub struct Memory {
    limit: u64,
    used: AtomicU64,
    short: AtomicBool,
}

impl Default for Memory {
    fn default() -> Self {
        Self::with_limit(u64::MAX)
    }
}

impl Memory {
    /// A process that stays below so many bytes.
    pub const fn with_limit(bytes: u64) -> Self {
        Self { limit: bytes, used: AtomicU64::new(0), short: AtomicBool::new(false) }
    }

    /// Bytes that the process stays below.
    pub const fn limit(&self) -> u64 {
        self.limit
    }

    /// Bytes that were in use when it was looked at last.
    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// Whether so much is in use that nothing large should be begun: from 85 percent of the limit on, until it is less than
    /// 75.
    pub fn is_short(&self) -> bool {
        self.short.load(Ordering::Relaxed)
    }

    /// Notes what is in use.
    pub fn note(&self, used: u64) {
        self.used.store(used, Ordering::Relaxed);
        let percent = if self.is_short() { ENOUGH } else { SHORT };
        self.short.store(used > self.limit / 100 * percent, Ordering::Relaxed);
    }

    /// Looks at what is in use now.
    pub fn look(&self) {
        if let Some(used) = used() {
            self.note(used);
        }
    }
}

/// Bytes of memory that the process has now.
fn used() -> Option<u64> {
    kib_of("/proc/self/status", "VmRSS:")
}

/// Bytes of memory that a process can have here: the machine's, or what its control group may take if that is less.
pub fn available() -> Option<u64> {
    [machine(), group()].into_iter().flatten().min()
}

fn machine() -> Option<u64> {
    kib_of("/proc/meminfo", "MemTotal:")
}

/// A figure in kB of a file of the kernel's, in bytes.
fn kib_of(path: &str, name: &str) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib.saturating_mul(1_024))
}

/// The least that a control group from ours upwards may take (cgroup v2).
fn group() -> Option<u64> {
    let own = fs::read_to_string("/proc/self/cgroup").ok()?;
    let path = own.lines().find_map(|line| line.strip_prefix("0::/"))?.trim();
    let folders = std::path::Path::new("/sys/fs/cgroup").join(path);
    let limits = folders.ancestors().take_while(|folder| folder.starts_with("/sys/fs/cgroup"));
    limits.filter_map(|folder| fs::read_to_string(folder.join("memory.max")).ok()?.trim().parse().ok()).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_short_until_there_is_clearly_enough_again() {
        let memory = Memory::with_limit(1_000);
        for (used, short) in [(840, false), (860, true), (800, true), (740, false), (800, false)] {
            memory.note(used);
            assert_eq!(memory.is_short(), short, "{used}");
        }
    }

    #[test]
    fn what_is_in_use_is_less_than_what_there_is() {
        let (used, available) = (used().expect("used"), available().expect("available"));
        assert!(0 < used && used < available, "{used} of {available}");
    }
}

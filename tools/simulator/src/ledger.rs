//! What happened in a simulation: what was accepted, what peers saw, and every step with its time.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use aws_lc_rs::digest;
use tokio::{sync::Notify, time::Instant};
use waxseal_model::{MessageId, Timestamp};

/// Bytes that went over one connection, from the peer.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// Written by the peer.
    pub(crate) said: AtomicU64,
    /// Read by us.
    pub(crate) heard: AtomicU64,
}

/// A message that a peer took for one recipient.
#[derive(Debug, Clone)]
pub(crate) struct Taken {
    pub(crate) at: Duration,
    pub(crate) recipient: String,
    pub(crate) content: Vec<u8>,
    /// Which process sent it.
    pub(crate) life: u32,
    pub(crate) line: Arc<Heard>,
    /// The reply ends after so many bytes of the connection.
    pub(crate) reply_ends: u64,
    /// Whether the peer replied at all.
    pub(crate) replied: bool,
}

impl Taken {
    /// Whether we read that it was taken.
    pub(crate) fn was_heard(&self) -> bool {
        self.replied && self.line.heard.load(Ordering::Relaxed) >= self.reply_ends
    }
}

/// A recipient that we took responsibility for.
#[derive(Debug, Clone)]
pub(crate) struct Owed {
    pub(crate) message: MessageId,
    pub(crate) account: usize,
    pub(crate) not_before: Timestamp,
    pub(crate) give_up_after: Duration,
    pub(crate) content: Vec<u8>,
    /// Whether it is certain that it was accepted: not if the process died meanwhile.
    pub(crate) certain: bool,
    /// An operator ended it.
    pub(crate) expired: bool,
    /// An operator hastened it.
    pub(crate) hastened: bool,
}

/// Everything.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) owed: BTreeMap<String, Owed>,
    pub(crate) taken: Vec<Taken>,
    /// Transactions with the provider that has limits.
    pub(crate) begun: Vec<Duration>,
    /// What must not happen and did.
    pub(crate) broken: Vec<String>,
    /// When which process died.
    pub(crate) deaths: Vec<(u32, Duration)>,
    /// When which process was asked to stop and did not wait any longer for what it had under way.
    pub(crate) cut: Vec<(u32, Duration)>,
    pub(crate) jumps: Vec<Duration>,
    trace: Vec<String>,
}

/// See [`self`].
#[derive(Debug)]
pub(crate) struct Ledger {
    state: Mutex<State>,
    began: Instant,
    steps: AtomicU64,
    /// Steps at which the process dies.
    deadly: Vec<u64>,
    pub(crate) die: Notify,
}

impl Ledger {
    pub(crate) fn new(deadly: Vec<u64>) -> Self {
        Self {
            state: Mutex::default(),
            began: Instant::now(),
            steps: AtomicU64::new(0),
            deadly,
            die: Notify::new(),
        }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Writes down what happens.
    pub(crate) fn note(&self, what: &str) {
        let at = self.elapsed();
        self.state().trace.push(format!("{:>11.3} {what}", at.as_secs_f64()));
    }

    /// The same of a step on the wire, at which the process may die.
    pub(crate) fn step(&self, what: &str) {
        self.note(what);
        let step = self.steps.fetch_add(1, Ordering::Relaxed);
        if self.deadly.contains(&step) {
            self.die.notify_one();
        }
    }

    /// Something happened that must not.
    pub(crate) fn broken(&self, what: String) {
        self.note(&format!("BROKEN {what}"));
        self.state().broken.push(what);
    }

    /// All steps so far.
    pub(crate) fn trace(&self) -> Vec<String> {
        self.state().trace.clone()
    }

    /// A fingerprint of all steps.
    pub(crate) fn fingerprint(&self) -> String {
        let mut context = digest::Context::new(&digest::SHA256);
        for line in &self.state().trace {
            context.update(line.as_bytes());
            context.update(b"\n");
        }
        context.finish().as_ref().iter().take(8).fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

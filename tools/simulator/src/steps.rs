//! Time that passes only when nothing is left to do, and one thing done after the other.
//!
//! Everything runs on one thread, in a runtime whose time stands still and jumps to the next timer when no task is
//! ready. The store works in threads of its own, of which the runtime knows nothing: it would take a statement under way
//! for having nothing to do. So after each single poll of a task it is waited, in real time, until all other threads of
//! the process sleep. By then what they had to say is said: no time passes while the store works, and its answers come
//! in the order in which it was asked.

use std::{
    fs::File,
    os::unix::fs::{FileExt as _, MetadataExt as _},
    pin::{Pin, pin},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use anyhow::{Context as _, Result};
use tokio::runtime::{Builder, Handle};

/// Runs to its end.
///
/// # Errors
/// The system does not tell what the threads of the process do: this needs Linux with `/proc`.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> Result<T> {
    let threads = Threads::new()?;
    let shared = Arc::new(Shared::default());
    let unparked = Arc::clone(&shared);
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        // The root is polled between any two tasks.
        .event_interval(1)
        // Whoever waits for a thread goes on at once when it has answered, as if it had not waited: whether the answer
        // was there when it was first looked for makes no difference then.
        .global_queue_interval(1)
        .on_thread_unpark(move || unparked.wake_root())
        .build()?;
    shared.inner_woken.store(true, Ordering::Relaxed);
    let canary = Arc::clone(&shared);
    let outcome = runtime.block_on(async move {
        let canary = tokio::spawn(Canary(canary));
        let root = Root { inner: pin!(future), shared, threads, canary_is_next: false };
        let outcome = root.await;
        canary.abort();
        outcome
    });
    runtime.shutdown_background();
    Ok(outcome)
}

#[derive(Default)]
struct Shared {
    root: Mutex<Option<Waker>>,
    canary: Mutex<Option<Waker>>,
    /// What is run wants to be polled.
    inner_woken: AtomicBool,
    /// The canary was woken and has not run yet.
    canary_waits: AtomicBool,
    canary_ran: AtomicBool,
}

impl Shared {
    fn wake_root(&self) {
        let waker = self.root.lock().unwrap_or_else(PoisonError::into_inner).clone();
        waker.into_iter().for_each(Waker::wake);
    }
}

/// Wakes what is run.
impl Wake for Shared {
    fn wake(self: Arc<Self>) {
        self.inner_woken.store(true, Ordering::Relaxed);
        self.wake_root();
    }
}

/// A task that does nothing: if it runs at once after it was woken, no other was ready.
struct Canary(Arc<Shared>);

impl Future for Canary {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        *self.0.canary.lock().unwrap_or_else(PoisonError::into_inner) = Some(cx.waker().clone());
        self.0.canary_waits.store(false, Ordering::Relaxed);
        self.0.canary_ran.store(true, Ordering::Relaxed);
        Poll::Pending
    }
}

/// Is polled after each task.
struct Root<'a, F> {
    inner: Pin<&'a mut F>,
    shared: Arc<Shared>,
    threads: Threads,
    /// It was woken a poll ago.
    canary_is_next: bool,
}

impl<F: Future> Future for Root<'_, F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        *this.shared.root.lock().unwrap_or_else(PoisonError::into_inner) = Some(cx.waker().clone());
        this.threads.wait_until_asleep();
        let woken = this.shared.inner_woken.swap(false, Ordering::Relaxed);
        if woken {
            let waker = Waker::from(Arc::clone(&this.shared));
            if let Poll::Ready(outcome) = this.inner.as_mut().poll(&mut Context::from_waker(&waker)) {
                return Poll::Ready(outcome);
            }
        }
        let ran = this.shared.canary_ran.swap(false, Ordering::Relaxed);
        let nothing_from_threads = Handle::current().metrics().global_queue_depth() == 0;
        let is_quiet = !woken && ran && this.canary_is_next && nothing_from_threads;
        if is_quiet && this.threads.are_asleep() {
            // Nobody wakes the root now: the runtime parks, which moves the time on, and then does.
            this.canary_is_next = false;
            return Poll::Pending;
        }
        // While it is among what is ready, what threads woke has to wait.
        this.canary_is_next = nothing_from_threads && !this.shared.canary_waits.swap(true, Ordering::Relaxed);
        if this.canary_is_next {
            let canary = this.shared.canary.lock().unwrap_or_else(PoisonError::into_inner).clone();
            canary.into_iter().for_each(Waker::wake);
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// The other threads of this process.
struct Threads {
    folder: File,
    count: u64,
    others: Vec<Thread>,
}

struct Thread {
    /// The system call that it is in.
    call: File,
    state: File,
}

/// The system call in which a thread waits that has nothing to do.
const FUTEX: &[u8] = if cfg!(target_arch = "aarch64") { b"98 " } else { b"202 " };
const TASKS: &str = "/proc/self/task";

impl Threads {
    fn new() -> Result<Self> {
        let folder = File::open(TASKS).context(TASKS)?;
        let mut threads = Self { folder, count: 0, others: Vec::new() };
        threads.list().context("what threads do cannot be seen")?;
        Ok(threads)
    }

    fn list(&mut self) -> std::io::Result<()> {
        self.count = self.folder.metadata()?.nlink();
        let own = std::fs::read_link("/proc/thread-self")?;
        self.others.clear();
        for entry in std::fs::read_dir(TASKS)? {
            let entry = entry?;
            if Some(entry.file_name().as_os_str()) != own.file_name() {
                // One that has just ended has nothing more to say.
                let open = |name: &str| File::open(entry.path().join(name));
                self.others
                    .extend(open("syscall").and_then(|call| Ok(Thread { call, state: open("stat")? })).ok());
            }
        }
        Ok(())
    }

    /// Waits until all others sleep.
    fn wait_until_asleep(&mut self) {
        loop {
            let count = self.folder.metadata().map_or(0, |folder| folder.nlink());
            let mut seen = self.others.iter().map(|thread| seen(&thread.call));
            match (count == self.count).then(|| seen.find(|seen| *seen != Seen::Waiting)) {
                Some(None) => return,
                Some(Some(Seen::Waiting | Seen::Running)) => std::thread::yield_now(),
                // Another one may have begun in its place.
                Some(Some(Seen::Gone)) | None => {
                    drop(self.list());
                }
            }
        }
    }

    /// Whether all others sleep, for certain: one that was woken by another processor and has not begun to run yet still
    /// counts as waiting in its system call, but no longer as sleeping. Asked before time passes; it costs more.
    fn are_asleep(&self) -> bool {
        self.others.iter().all(|thread| {
            let mut said = [0; 64];
            let length = thread.state.read_at(&mut said, 0).unwrap_or(0);
            let text = String::from_utf8_lossy(&said[..length]);
            // One that is gone says nothing.
            text.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with(['S', 'Z', 'X']))
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    Waiting,
    Running,
    Gone,
}

fn seen(call: &File) -> Seen {
    let mut said = [0; 8];
    match call.read_at(&mut said, 0) {
        Ok(0) | Err(_) => Seen::Gone,
        Ok(_) if said.starts_with(FUTEX) => Seen::Waiting,
        Ok(_) => Seen::Running,
    }
}

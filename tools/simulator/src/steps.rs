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
pub(crate) fn run<T>(processors: &Processors, seed: u64, future: impl Future<Output = T>) -> Result<T> {
    processors.keep_to(seed)?;
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
        let root = Root { inner: pin!(future), shared, threads, canary_is_next: false, nothing_asked: false };
        let outcome = root.await;
        canary.abort();
        outcome
    });
    runtime.shutdown_background();
    Ok(outcome)
}

/// The processors that this process may use.
pub(crate) struct Processors(Vec<usize>);

impl Processors {
    /// # Errors
    /// The system does not tell.
    pub(crate) fn allowed() -> Result<Self> {
        let allowed = rustix::thread::sched_getaffinity(None).context("which processors there are")?;
        Ok(Self((0..rustix::thread::CpuSet::MAX_CPU).filter(|number| allowed.is_set(*number)).collect()))
    }

    /// Keeps this thread, and those that it begins, on one of them: whoever is woken by a thread of the same processor counts
    /// as ready at once, and not only when another processor has heard of it. It is quicker, too.
    fn keep_to(&self, seed: u64) -> Result<()> {
        let mut one = rustix::thread::CpuSet::new();
        one.set(self.0[usize::try_from(seed % self.0.len() as u64)?]);
        rustix::thread::sched_setaffinity(None, &one).context("one processor")
    }
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

thread_local! {
    /// The last task that was polled asks no thread for anything.
    static ALONE: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// A task that asks no thread for anything, which need not be looked at after it.
pub(crate) async fn alone(task: impl Future<Output = ()>) {
    let mut task = pin!(task);
    std::future::poll_fn(|cx| {
        let polled = task.as_mut().poll(cx);
        ALONE.set(true);
        polled
    })
    .await;
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
    /// All other threads slept a poll ago, and what is run has not been polled since.
    nothing_asked: bool,
}

impl<F: Future> Future for Root<'_, F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        *this.shared.root.lock().unwrap_or_else(PoisonError::into_inner) = Some(cx.waker().clone());
        let ran = this.shared.canary_ran.swap(false, Ordering::Relaxed);
        // It is all that has run since they slept.
        let alone = ALONE.replace(false) || ran;
        if !(alone && this.nothing_asked) {
            this.threads.wait_until_asleep();
        }
        let woken = this.shared.inner_woken.swap(false, Ordering::Relaxed);
        this.nothing_asked = !woken;
        if woken {
            let waker = Waker::from(Arc::clone(&this.shared));
            if let Poll::Ready(outcome) = this.inner.as_mut().poll(&mut Context::from_waker(&waker)) {
                return Poll::Ready(outcome);
            }
        }
        let nothing_from_threads = Handle::current().metrics().global_queue_depth() == 0;
        let is_quiet = !woken && ran && this.canary_is_next && nothing_from_threads;
        if is_quiet {
            // Nobody wakes the root now: the runtime parks, which moves the time on, and then does.
            (this.canary_is_next, this.nothing_asked) = (false, false);
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
    /// The system call that each is in.
    others: Vec<File>,
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
                self.others.extend(File::open(entry.path().join("syscall")).ok());
            }
        }
        Ok(())
    }

    /// Waits until all others sleep.
    fn wait_until_asleep(&mut self) {
        loop {
            let count = self.folder.metadata().map_or(0, |folder| folder.nlink());
            let mut seen = self.others.iter().map(seen);
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

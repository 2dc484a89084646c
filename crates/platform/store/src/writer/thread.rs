//! The thread on which a writer works alone, and its end.

use futures_util::future::select;
use tokio::{
    runtime::{Builder, Handle, RuntimeFlavor},
    sync::oneshot,
    task::JoinHandle,
};

/// Runs it on a thread of its own where the runtime has several: each step of a group waits for SQLite's thread, and on a
/// thread of the runtime it would wait once more behind whatever else the program computes.
///
/// What is answered ends when it does. A runtime that is dropped drops it too, and waits for that, as it does with every
/// other task: nothing is begun on behalf of a runtime that is gone. What SQLite's own thread was told before, it does.
pub(super) fn by_itself(serve: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
    if Handle::current().runtime_flavor() != RuntimeFlavor::MultiThread {
        return tokio::spawn(serve);
    }
    let own = match Builder::new_current_thread().enable_time().build() {
        Ok(own) => own,
        Err(error) => return shared(&error, serve),
    };
    let (cut, is_cut) = oneshot::channel::<()>();
    let (ended, end) = oneshot::channel::<()>();
    // Kept outside the closure until there is a thread: one that cannot be had gives it back.
    let (hand, handed) = std::sync::mpsc::channel();
    let thread = std::thread::Builder::new().name("waxseal-writer".to_owned()).spawn(move || {
        // Dropped at the end, also by a panic.
        let _ended = ended;
        if let Ok(serve) = handed.recv() {
            // Dropped in there as well: a connection that is given back wants a runtime.
            own.block_on(async move { drop(select(Box::pin(serve), is_cut).await) });
        }
    });
    let thread = match thread {
        Ok(thread) => thread,
        Err(error) => return shared(&error, serve),
    };
    let runs = Runs { cut: Some(cut), thread: Some(thread) };
    // The thread waits for it.
    if let Err(unsent) = hand.send(serve) {
        return tokio::spawn(unsent.0);
    }
    tokio::spawn(async move {
        let _runs = runs;
        // An error says that it ended, too.
        let _ = end.await;
    })
}

fn shared(why: &std::io::Error, serve: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
    tracing::warn!(%why, "the writer shares its threads with others");
    tokio::spawn(serve)
}

/// A thread that is cut off, and waited for, when this is dropped.
struct Runs {
    cut: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Drop for Runs {
    fn drop(&mut self) {
        drop(self.cut.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the writer failed");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    };

    use sea_orm::TransactionTrait as _;

    use super::*;
    use crate::engine::sqlite::{self, Use};

    struct Ends(Arc<AtomicBool>);

    impl Drop for Ends {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }

    fn several() -> tokio::runtime::Runtime {
        Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
    }

    #[test]
    fn a_writer_ends_with_its_runtime() {
        let has_ended = Arc::new(AtomicBool::new(false));
        let (started, starts) = oneshot::channel();
        let runtime = several();
        let ends = Ends(Arc::clone(&has_ended));
        runtime.block_on(async {
            let task = by_itself(async move {
                let _ends = ends;
                let name = std::thread::current().name().map(str::to_owned);
                started.send(name).expect("somebody listens");
                std::future::pending::<()>().await;
            });
            assert_eq!(starts.await.expect("it starts").as_deref(), Some("waxseal-writer"));
            assert!(!has_ended.load(Ordering::SeqCst) && !task.is_finished());
        });
        drop(runtime);
        assert!(has_ended.load(Ordering::SeqCst), "whoever starts anew is alone");
    }

    #[test]
    fn a_writer_that_is_cut_off_in_a_transaction_gives_its_connection_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("one.db");
        let (ends, ended) = std::sync::mpsc::channel();
        let runtime = several();
        runtime.block_on(async {
            let db = sqlite::connect(&path, Use::Alone).await.expect("connected");
            let (started, starts) = oneshot::channel();
            by_itself(async move {
                let open = (db.begin().await.expect("begun"), Says(ends));
                started.send(()).expect("somebody listens");
                std::future::pending::<()>().await;
                drop(open);
            });
            starts.await.expect("it starts");
        });
        drop(runtime);
        assert!(!ended.recv().expect("it ended"), "it panicked");
    }

    /// Says at its end whether something panicked before.
    struct Says(std::sync::mpsc::Sender<bool>);

    impl Drop for Says {
        fn drop(&mut self) {
            self.0.send(std::thread::panicking()).expect("somebody listens");
        }
    }

    #[test]
    fn who_waits_for_a_writer_hears_that_it_is_done_or_failed() {
        let runtime = several();
        runtime.block_on(async {
            by_itself(async {}).await.expect("done");
            by_itself(async { panic!("of this test") }).await.expect("ended");
        });
    }
}

//! Killed at any point, out of disk at any point: what was answered is there, what was not is not half there.
//!
//! The parent starts this test binary again as a child that accepts and settles in a loop and prints each
//! answer after it got it.

use std::{
    collections::{HashMap, HashSet},
    io::{BufRead, BufReader, Lines, Write},
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use waxseal_model::{Clock, MessageId, RecipientId, SeededRandom, event::EventKind};
use waxseal_store::{Engine, MasterKey, Store, StoreConfig, StoreError, queue::QueueFilter};
use waxseal_system::{SystemClock, SystemRandom};

use crate::world::{Sender, World};

const FOLDER: &str = "WAXSEAL_TEST_CRASH_FOLDER";

fn config(folder: &Path) -> StoreConfig {
    StoreConfig {
        engine: Engine::Sqlite,
        data_dir: folder.to_owned(),
        master_key: MasterKey::File(folder.join("master.key")),
        keys_dir: None,
    }
}

async fn store(folder: &Path) -> Store {
    let (clock, random) = (Arc::new(SystemClock::new()), Arc::new(SystemRandom));
    Store::open(config(folder), clock, random).await.expect("the store opens")
}

fn say(line: &str) {
    // One write for each line, past the capture of test output; the parent may be gone.
    std::io::stdout().write_all(format!("{line}\n").as_bytes()).expect("the parent listens");
}

/// The child's part; by itself it shows that the loop works at all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        let folder = tempfile::tempdir().expect("a folder");
        let world = World::around(store(folder.path()).await, folder.path());
        let sender = world.sender().await;
        let id = accept(&world, sender, 0).await.expect("accepted");
        assert_eq!(settle(&world).await.expect("settled"), [id]);
        return;
    };
    let folder = Path::new(&folder);
    let world = World::around(store(folder).await, folder);
    world.store.free_leases().await.expect("freed");
    let sender = world.sender().await;
    say("ready");
    let callers = (0..4).map(|caller| {
        let world = world.clone();
        tokio::spawn(async move {
            for number in 0u64.. {
                match accept(&world, sender, number).await {
                    Ok(id) => say(&format!("accepted {id}")),
                    Err(StoreError::Unavailable(_)) => say("unavailable"),
                    Err(error) => panic!("{error}"),
                }
                if caller == 0 {
                    for id in settle(&world).await.unwrap_or_default() {
                        say(&format!("settled {id}"));
                    }
                }
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.expect("ran");
    }
}

async fn accept(world: &World, sender: Sender, number: u64) -> Result<MessageId, StoreError> {
    let mut message = world.message(&["bob@one.example"]);
    message.body = format!("Subject: {number}\r\n\r\n{}\r\n", message.id).into_bytes();
    message.body.resize(message.body.len() + (number as usize * 997) % 9000, b'.');
    let id = message.id;
    world.store.accept(world.accept(sender, message)).await.map(|_| id)
}

async fn settle(world: &World) -> Result<Vec<MessageId>, StoreError> {
    let leased = world.try_lease(3).await?;
    let settlements = leased.iter().map(|entry| world.delivered(entry)).collect();
    world.store.settle(settlements).await?;
    Ok(leased.iter().map(|entry| entry.message).collect())
}

/// A running child and what it says.
struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Running {
    fn start(folder: &Path) -> Self {
        let program = std::env::current_exe().expect("this program");
        // Ignored here, the signal of a file beyond its limit is ignored by the child too: writes fail.
        let mut child = Command::new("/bin/sh")
            .args(["-c", "trap '' XFSZ; exec \"$0\" --exact crash::child --nocapture"])
            .arg(program)
            .env(FOLDER, folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the child starts");
        let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let mut running = Self { child, lines };
        running.until(|line| line == "ready");
        running
    }

    /// Reads until a line is as wanted; all lines read.
    fn until(&mut self, wanted: impl Fn(&str) -> bool) -> Vec<String> {
        let mut seen = Vec::new();
        for line in self.lines.by_ref() {
            seen.push(line.expect("text"));
            if seen.last().is_some_and(|line| wanted(line)) {
                return seen;
            }
        }
        panic!("the child ended early: {seen:?}");
    }

    /// SIGKILL; what it had said until then.
    fn kill(mut self) -> Vec<String> {
        self.child.kill().expect("killed");
        let rest = self.lines.map_while(Result::ok).collect();
        let status = self.child.wait().expect("ended");
        assert_eq!(status.signal(), Some(9), "it ran until it was killed");
        rest
    }
}

/// Everything that was said to be done is done, once and whole.
async fn check(folder: &Path, said: &[String]) {
    let world = World::around(store(folder).await, folder);
    world.store.free_leases().await.expect("freed");
    let ids = |what: &str| -> Vec<MessageId> {
        said.iter().filter_map(|line| line.strip_prefix(what)?.trim().parse().ok()).collect()
    };
    let (accepted, settled) = (ids("accepted"), ids("settled"));
    let mut terminal: HashMap<MessageId, u32> = HashMap::new();
    let mut accounts = HashMap::new();
    let mut cursor = 0;
    loop {
        let page = world.store.read_log(cursor, 1000).await.expect("read");
        let Some(last) = page.last() else { break };
        cursor = last.seq;
        for event in page {
            let id = event.message.expect("a message");
            accounts.insert(id, event.account);
            *terminal.entry(id).or_default() += u32::from(event.kind == EventKind::Delivered);
        }
    }
    let waiting: HashSet<MessageId> = waiting(&world.store).await;
    for id in &accepted {
        let account = accounts.get(id).expect("its accepted event is there");
        let message = world.store.message(*account, *id).await.expect("read").expect("it is there");
        let body = world.store.body(*account, *id).await.expect("it opens");
        assert_eq!(body.is_some(), message.pending > 0);
        if let Some(body) = body {
            let text = String::from_utf8_lossy(body.open(&crate::world::WORKER)).into_owned();
            assert!(text.contains(&id.to_string()), "the body is its own");
        }
    }
    for (id, count) in &terminal {
        // Every message in the log, answered or not, is whole: it waits, or it ended once.
        assert_eq!(u32::from(waiting.contains(id)) + count, 1);
    }
    assert!(settled.iter().all(|id| terminal.get(id) == Some(&1)));
    assert!(waiting.iter().all(|id| terminal.contains_key(id)), "nothing waits without its event");
    world.store.close().await;
}

async fn waiting(store: &Store) -> HashSet<MessageId> {
    let mut filter = QueueFilter::default();
    let mut waiting = HashSet::new();
    loop {
        let page = store.queue_entries(&filter, 500).await.expect("listed");
        let Some(last) = page.last() else { return waiting };
        filter.after = Some::<RecipientId>(last.id);
        waiting.extend(page.iter().map(|entry| entry.message));
    }
}

#[tokio::test]
async fn what_was_answered_survives_sigkill() {
    let folder = tempfile::tempdir().expect("a folder");
    let chance = SeededRandom::new(11);
    let mut said = Vec::new();
    for _ in 0..10 {
        let mut child = Running::start(folder.path());
        let answers = 1 + waxseal_model::Random::below(&chance, 60);
        for _ in 0..answers {
            said.extend(child.until(|line| line.starts_with("accepted")));
        }
        said.extend(child.kill());
        check(folder.path(), &said).await;
    }
    assert!(said.iter().any(|line| line.starts_with("settled")), "settling was under way too");
}

#[tokio::test]
async fn without_space_nothing_is_answered_and_with_space_it_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut child = Running::start(folder.path());
    let mut said = child.until(|line| line.starts_with("accepted"));
    let limit = |bytes: &str| {
        let set = Command::new("prlimit")
            .args(["--pid", &child.child.id().to_string(), &format!("--fsize={bytes}:unlimited")])
            .status()
            .expect("prlimit (util-linux) runs");
        assert!(set.success());
    };
    limit("1");
    said.extend(child.until(|line| line == "unavailable"));
    for _ in 0..20 {
        let answers = child.until(|line| line == "unavailable");
        said.extend(answers);
    }
    let limit = Command::new("prlimit")
        .args(["--pid", &child.child.id().to_string(), "--fsize=unlimited:unlimited"])
        .status()
        .expect("prlimit runs");
    assert!(limit.success());
    let clock = SystemClock::new();
    let began = clock.monotonic();
    said.extend(child.until(|line| line.starts_with("accepted")));
    assert!(clock.monotonic() - began < Duration::from_secs(5), "it accepts again at once");
    said.extend(child.kill());
    check(folder.path(), &said).await;
}

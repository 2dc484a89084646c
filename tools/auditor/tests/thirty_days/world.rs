//! A platform that can be killed, and the world in which it goes on.

use std::{sync::Arc, time::Duration};

use anyhow::Result;
use tokio::runtime::Runtime;
use waxseal_auditor::{Instance, Limits, Report, audit};
use waxseal_model::{Clock as _, ManualClock, Timestamp};
use waxseal_store::{
    Engine,
    grant::NewGrant,
    request::{NewRequest, RequestDetails, RequestKind, RequestOutcome},
};
use waxseal_testkit::{
    Call, HttpPeer, Platform,
    http_peer::Answer,
    platform::{DOMAIN, Grounds, SANDBOX, Setting},
    smtp_peer::Reaction,
};

/// Fewer than thirty, so that what comes on one day goes on another of them.
pub(crate) const EVENTS_DAYS: u32 = 6;
/// What people asked is kept for so long after the answer.
pub(crate) const REQUEST_DAYS: u32 = 3;
const STORED_DAYS: u32 = 2;

/// A process, and what outlives it.
pub(crate) struct World {
    /// What is around the process, and the auditor.
    outside: Runtime,
    archive: HttpPeer,
    instance: Instance,
    life: Option<(Runtime, Platform)>,
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

fn begin(grounds: Grounds) -> (Runtime, Platform) {
    let inside = runtime();
    let platform = inside.block_on(Platform::open(grounds)).expect("a platform");
    (inside, platform)
}

impl World {
    pub(crate) fn new(engine: Engine) -> Self {
        let outside = runtime();
        let setting = Setting {
            events_days: EVENTS_DAYS,
            stored_message_days: STORED_DAYS,
            request_days: REQUEST_DAYS,
        };
        let archive = outside.block_on(HttpPeer::start([Answer::Status(200)])).expect("an archive");
        // Thousands of commits: in memory where that can be had, for nothing here is about disks.
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a folder");
        let grounds = outside.block_on(Grounds::new(setting, engine.clone(), folder)).expect("grounds");
        let life = begin(grounds);
        let mut instance = Instance::in_folder(life.1.folder.path());
        if let Engine::Postgres(url) = engine {
            instance.database = url;
        }
        instance.limits =
            Limits { events_days: EVENTS_DAYS, request_days: REQUEST_DAYS, ..Limits::default() };
        Self { outside, archive, instance, life: Some(life) }
    }

    fn life(&self) -> &(Runtime, Platform) {
        self.life.as_ref().expect("a process")
    }

    pub(crate) fn clock(&self) -> Arc<ManualClock> {
        Arc::clone(&self.life().1.clock)
    }

    /// Has the process do something.
    pub(crate) fn on<T>(&self, work: impl AsyncFnOnce(&Platform) -> T) -> T {
        let (inside, platform) = self.life();
        inside.block_on(work(platform))
    }

    /// What the auditor finds now.
    pub(crate) fn audited(&self) -> Report {
        self.audited_at(self.life().1.clock.now())
    }

    /// What the auditor finds by another clock.
    pub(crate) fn audited_at(&self, now: Timestamp) -> Report {
        self.outside.block_on(audit(&self.instance, now.as_micros())).expect("audited")
    }

    /// Some of everything that has a limit. What recipients' servers and the archive do depends on the day.
    pub(crate) fn traffic(&self, tick: u64) {
        let day = self.life().1.clock.now().as_secs() / 86_400;
        let reply = match day % 5 {
            2 => Reaction::Say("451 4.2.0 later\r\n".into()),
            4 => Reaction::Say("550 5.1.1 nobody\r\n".into()),
            _ => Reaction::Proper,
        };
        let archive = format!("http://127.0.0.1:{}/copies", self.archive.port());
        self.archive.answer([Answer::Status(if day % 3 == 1 { 503 } else { 200 })]);
        let (_, platform) = self.life();
        platform.peer.rescript(|script| script.set("RCPT", [reply]));
        let later = platform.clock.now() + Duration::from_secs(40 * 3_600);
        let later = later.to_jiff().strftime("%a, %d %b %Y %H:%M:%S +0000").to_string();
        self.on(async |platform| {
            once(platform, &format!("call-{tick}")).await?;
            platform.send(DOMAIN, &format!("r{tick}@recipient.test"), "text", &[]).await?;
            platform.send(DOMAIN, "later@recipient.test", "text", &[("o:deliverytime", &later)]).await?;
            platform.send(DOMAIN, "kept@recipient.test", "text", &[("o:archive-to", &archive)]).await?;
            for name in ["anybody", "defer", "bounce", "complain"] {
                platform.send(SANDBOX, &format!("{name}@sandbox.test"), "text", &[]).await?;
            }
            let grant = NewGrant {
                account: platform.account,
                reason: "a question".into(),
                expires_at: platform.clock.now() + Duration::from_secs(3_600),
                second_operator: false,
                needs_consent: false,
            };
            platform.store.add_grant(grant).await?;
            asked(platform, &format!("r{tick}@recipient.test")).await?;
            anyhow::Ok(())
        })
        .expect("traffic");
    }

    /// Waits until all that is due now was tried.
    pub(crate) fn settled(&self) {
        self.on(async |platform| {
            let now = platform.clock.now();
            let idle = async || -> Result<bool> {
                let due = platform.store.next_due().await?.is_some_and(|due| due <= now);
                let counts =
                    platform.store.queue_counts(&waxseal_store::queue::QueueFilter::default()).await?;
                let archives = platform.store.due_archives(now, 1, &[]).await?;
                Ok(!due && counts.in_flight == 0 && archives.is_empty())
            };
            platform.until(idle).await
        })
        .expect("settled");
    }

    /// Has the process send and delete, and lets it get so far.
    pub(crate) fn busy(&self, turns: u64) {
        let (inside, platform) = self.life();
        let (retention, http, key) = (Arc::clone(&platform.retention), platform.http, platform.key.clone());
        inside.spawn(async move { retention.run_once().await });
        inside.spawn(async move {
            for _ in 0..5 {
                let fields = [("from", "a@sender.test"), ("to", "b@recipient.test"), ("text", "x")];
                let path = format!("/v3/{DOMAIN}/messages");
                // The answer goes with the process.
                let _ = Call::post(http, &path, &fields).key(&key).send().await;
            }
        });
        inside.block_on(async {
            for _ in 0..turns {
                tokio::task::yield_now().await;
            }
        });
    }

    /// Kills the process where it stands, and starts another.
    pub(crate) fn killed(&mut self) {
        let (inside, platform) = self.life.take().expect("a process");
        inside.shutdown_timeout(Duration::from_secs(20));
        self.life = Some(begin(platform.died()));
    }
}

/// Somebody asks about their data and is answered at once.
async fn asked(platform: &Platform, from: &str) -> Result<()> {
    let now = platform.clock.now();
    let details = RequestDetails { from: from.to_owned(), ..RequestDetails::default() };
    let (kind, account) = (RequestKind::Access, None);
    let new = NewRequest { account, kind, received_at: now, due_at: now, details: details.clone() };
    let request = platform.store.add_request(new).await?;
    let closed = Some((now, RequestOutcome::Answered));
    anyhow::ensure!(platform.store.change_request(&request, &details, now, closed).await?, "not answered");
    Ok(())
}

/// Sends with a key against repetition.
async fn once(platform: &Platform, name: &str) -> Result<()> {
    let fields = [("from", "app@sender.test"), ("to", "once@recipient.test"), ("text", "x")];
    let path = format!("/v3/{DOMAIN}/messages");
    let call = Call::post(platform.http, &path, &fields).key(&platform.key).header("Idempotency-Key", name);
    anyhow::ensure!(call.send().await?.status == 200, "refused");
    Ok(())
}

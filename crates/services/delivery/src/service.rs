//! Starting and stopping delivery.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use tokio::{
    sync::{Notify, Semaphore, SemaphorePermit},
    task::JoinHandle,
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use waxseal_model::{Clock, Random, RecipientId};
use waxseal_net::{HttpClient, Net};
use waxseal_store::{
    Store, StoreError,
    queue::{QueueCounts, QueueFilter},
    shaping::ShapingOverride,
};

use crate::{
    archive,
    board::{Board, LaneKey},
    config::DeliveryConfig,
    dane::Dane,
    jump::JumpWatch,
    policies::Policies,
    relays::Relays,
    scheduler,
    second_copy::SecondCopies,
    settler::{self, Decision, Settler},
    shaping::ProviderState,
    soonest::Soonest,
    tls_reports::{self, TlsReports},
    under_way::UnderWay,
    view::{SortedOut, View},
    warm_up::Counts,
};

/// A customer's server takes a connection within this time.
const HTTP_CONNECT: Duration = Duration::from_secs(10);
/// What was counted of TLS sessions is written down within this time at the end.
const LAST_COUNTS: Duration = Duration::from_secs(5);
/// Bytes of content are counted in pieces of this size.
const PIECE: u64 = 1_024;

/// What all parts of delivery share.
pub(crate) struct Shared {
    pub(crate) store: Store,
    pub(crate) net: Net,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) config: DeliveryConfig,
    pub(crate) settler: Settler,
    pub(crate) jump: JumpWatch,
    pub(crate) second_copies: SecondCopies,
    pub(crate) policies: Policies,
    pub(crate) dane: Dane,
    pub(crate) tls_reports: TlsReports,
    pub(crate) under_way: UnderWay,
    pub(crate) sorted_out: SortedOut,
    pub(crate) relays: Relays,
    /// What addresses that warm up sent today.
    pub(crate) counts: Counts,
    /// When what was put off since the last look into the queue is due.
    pub(crate) soonest: Soonest,
    /// Wakes the scheduler.
    pub(crate) wake: Notify,
    /// Has the scheduler plan anew; it need not look into the queue.
    pub(crate) replan: Notify,
    /// Asks an idle connection to make room for another destination.
    pub(crate) spare: Notify,
    /// No new work is begun.
    pub(crate) stopping: CancellationToken,
    /// Nothing waits any longer.
    pub(crate) hurry: CancellationToken,
    /// Held while entries are taken from the queue and put onto the board, and while outcomes are committed and their
    /// entries taken off it: what is taken again while it is in hand (the clock jumped past the end of its lease) is
    /// known on the board under the lease that the queue has, or not known at all.
    pub(crate) taking: tokio::sync::Mutex<()>,
    board: Mutex<Board>,
    abandoned: Mutex<Vec<Decision>>,
    bytes: Semaphore,
    pieces: u32,
}

impl Shared {
    pub(crate) fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Entries are ours no longer.
    pub(crate) fn forget(&self, entries: impl IntoIterator<Item = RecipientId>) {
        let room = self.board().forget(entries);
        if room {
            self.wake.notify_one();
        }
    }

    /// Leaves decisions to the scheduler, for those who cannot wait for their commit.
    pub(crate) fn abandon(&self, decisions: impl Iterator<Item = Decision>) {
        self.abandoned.lock().unwrap_or_else(PoisonError::into_inner).extend(decisions);
        self.wake.notify_one();
    }

    /// What was left to the scheduler.
    pub(crate) fn take_abandoned(&self) -> Vec<Decision> {
        std::mem::take(&mut *self.abandoned.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Connections to be made now.
    pub(crate) fn plan(&self) -> Vec<LaneKey> {
        let mut board = self.board();
        let planned = board.plan(self.clock.now());
        if board.is_starved() {
            self.spare.notify_one();
        }
        metrics::gauge!("waxseal_delivery_connections").set(board.connections() as f64);
        planned
    }

    /// Waits until there is memory for this many bytes of content.
    pub(crate) async fn reserve(&self, size: u64) -> Option<SemaphorePermit<'_>> {
        let pieces = u32::try_from(size.div_ceil(PIECE)).unwrap_or(u32::MAX).min(self.pieces);
        self.bytes.acquire_many(pieces).await.ok()
    }
}

/// Changes limits of providers while delivery runs, and tells how they are. Does nothing once delivery has ended.
#[derive(Clone)]
pub struct Shaper(Weak<Shared>);

impl Shaper {
    /// What an operator says of a provider counts from now on; `None`: the table does again. It is kept elsewhere:
    /// [`Store::set_shaping_override`].
    pub fn set(&self, provider: &str, said: Option<ShapingOverride>) {
        if let Some(shared) = self.0.upgrade() {
            shared.board().bound(provider, said, shared.clock.now());
            shared.replan.notify_one();
        }
    }

    /// Providers of the table that have something to do or are slowed down; `None` once delivery has ended.
    pub fn states(&self) -> Option<Vec<ProviderState>> {
        let shared = self.0.upgrade()?;
        let now = shared.clock.now();
        Some(shared.board().provider_states(now))
    }
}

/// Running delivery.
pub struct Delivery {
    shared: Arc<Shared>,
    scheduler: Option<JoinHandle<()>>,
    archiver: Option<JoinHandle<()>>,
    /// Sends reports about TLS.
    reporter: Option<JoinHandle<()>>,
    /// What runs besides: ends with this value.
    helpers: Vec<JoinHandle<()>>,
}

impl Delivery {
    /// Starts to deliver what is in the queue and what comes into it. What was under way when
    /// the process ended last is free again; what may have been delivered by then is named in the log, and held if
    /// [`DeliveryConfig::after_crash`] says so.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn start(
        store: Store,
        net: Net,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        config: DeliveryConfig,
    ) -> Result<Self, StoreError> {
        let settled = store.settle_noted().await?;
        if settled > 0 {
            tracing::info!(entries = settled, "delivered when the process ended last, and on record now");
        }
        let second_copies = SecondCopies::of_last_time(&store, config.after_crash).await?;
        store.free_leases().await?;
        let mut board = Board::new(config.limits.clone());
        for (provider, said) in store.shaping_overrides().await? {
            board.bound(&provider, Some(said), clock.now());
        }
        let counts = Counts::open(&store).await?;
        let (changes, archives) = (store.queue_changes(), store.archive_changes());
        let client =
            HttpClient::new(net.resolver.clone(), net.tls.clone(), config.http_rules.clone(), HTTP_CONNECT);
        let (settler, requests) = Settler::new();
        let pieces = u32::try_from(config.limits.bytes_in_flight.div_ceil(PIECE)).unwrap_or(u32::MAX).max(1);
        let shared = Arc::new(Shared {
            board: Mutex::new(board),
            abandoned: Mutex::default(),
            jump: JumpWatch::start(&*clock),
            second_copies,
            policies: Policies::new(&net, &config),
            dane: Dane::default(),
            tls_reports: TlsReports::new(&net, &config),
            under_way: UnderWay::default(),
            sorted_out: SortedOut::default(),
            relays: Relays::new(&config, net.connector.sources()),
            counts,
            bytes: Semaphore::new(usize::try_from(pieces).unwrap_or(Semaphore::MAX_PERMITS)),
            pieces,
            store,
            net,
            clock,
            random,
            config,
            settler,
            soonest: Soonest::default(),
            wake: Notify::new(),
            replan: Notify::new(),
            spare: Notify::new(),
            stopping: CancellationToken::new(),
            hurry: CancellationToken::new(),
            taking: tokio::sync::Mutex::new(()),
        });
        let settler = tokio::spawn(settler::run(Arc::clone(&shared), requests));
        let gauges = tokio::spawn(gauge(Arc::clone(&shared)));
        let handed_over = shared.store.hand_over(shared.config.limits.handover());
        let scheduler = tokio::spawn(scheduler::run(Arc::clone(&shared), changes, handed_over));
        let archiver = tokio::spawn(archive::run(Arc::clone(&shared), client, archives));
        let (scheduler, archiver) = (Some(scheduler), Some(archiver));
        let (mut helpers, mut reporter) = (vec![settler, gauges], None);
        if shared.tls_reports.is_on() {
            helpers.push(tokio::spawn(tls_reports::run_gathering(Arc::clone(&shared))));
            reporter = Some(tokio::spawn(tls_reports::run_sending(Arc::clone(&shared))));
        }
        Ok(Self { shared, scheduler, archiver, reporter, helpers })
    }

    /// Stops: nothing new is begun, what is under way may finish for 30 seconds, the rest is freed.
    /// Returns when every outcome is committed.
    pub async fn shutdown(mut self) {
        self.shared.stopping.cancel();
        let (scheduler, archiver, reporter) =
            (self.scheduler.take(), self.archiver.take(), self.reporter.take());
        let scheduler = async {
            if let Some(scheduler) = scheduler
                && scheduler.await.is_err()
            {
                tracing::error!("the delivery scheduler panicked");
            }
        };
        // Copies and reports that are under way then go out with the next start.
        let limit = self.shared.config.timeouts.shutdown;
        tokio::join!(scheduler, ended(archiver, limit), ended(reporter, limit));
        self.shared.counts.note(&self.shared.store, self.shared.clock.now().day()).await;
        // Whoever cannot be asked in time is not told of these last minutes.
        let _ = tokio::time::timeout(LAST_COUNTS, tls_reports::gather(&self.shared)).await;
    }

    /// A way to ask what is going on, as long as it goes on.
    pub fn view(&self) -> View {
        View::new(&self.shared)
    }

    /// What changes limits of providers while this runs.
    pub fn shaper(&self) -> Shaper {
        Shaper(Arc::downgrade(&self.shared))
    }

    /// How many connections there are and how many recipients are in memory, for diagnosis.
    pub fn load(&self) -> (usize, usize) {
        let board = self.shared.board();
        (board.connections(), board.held())
    }
}

/// Without [`Delivery::shutdown`] everything stops where it is, as if the process had died.
impl Drop for Delivery {
    fn drop(&mut self) {
        let all = self.scheduler.iter().chain(&self.archiver).chain(&self.reporter).chain(&self.helpers);
        all.for_each(JoinHandle::abort);
    }
}

/// Lets a task end, for so long.
async fn ended(task: Option<JoinHandle<()>>, limit: Duration) {
    let Some(task) = task else { return };
    let stop = task.abort_handle();
    if tokio::time::timeout(limit, task).await.is_err() {
        stop.abort();
    }
}

async fn gauge(shared: Arc<Shared>) {
    loop {
        let began = Instant::now();
        if let Ok(QueueCounts { waiting, in_flight }) =
            shared.store.queue_counts(&QueueFilter::default()).await
        {
            metrics::gauge!("waxseal_queue_waiting").set(waiting as f64);
            metrics::gauge!("waxseal_queue_in_flight").set(in_flight as f64);
        }
        // Counting a long queue takes a while; it shall not be all that the store does.
        tokio::time::sleep(shared.config.timeouts.gauges.max(began.elapsed() * 50)).await;
    }
}

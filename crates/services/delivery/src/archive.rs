//! Copies of delivered messages for customers' own archives (`o:archive-to`): each is posted to its URL until the
//! other side takes it, or for about eight hours.
//!
//! A copy that was handed over when the process died goes out once more; its `Idempotency-Key` tells the receiver.

use std::{collections::HashSet, sync::Arc, time::Duration};

use http::HeaderName;
use tokio::{sync::watch, task::JoinSet};
use waxseal_model::{AccountId, MessageId, Random, Timestamp};
use waxseal_net::{
    HttpClient,
    http_client::{HttpError, HttpPost, HttpUrl, UrlError},
};
use waxseal_store::{StoreError, archive::ArchiveJob};

use crate::{outcome::ACCESS, service::Shared};

/// Copies under way at once, and those of one account.
const AT_ONCE: usize = 8;
const OF_ONE_ACCOUNT: usize = 4;
/// One call takes no longer.
const WITHIN: Duration = Duration::from_secs(60);
/// Pause after a fault of the store.
const PAUSE: Duration = Duration::from_secs(5);
/// Waits after the first attempt, the second, and so on, in minutes, each up to a tenth longer; after the last the copy
/// is given up. They are those of the API's own calls to customers.
const WAITS: [u64; 7] = [10, 10, 15, 30, 60, 120, 240];
/// However many copies wait for their turn, none is tried after this time.
const LONGEST: Duration = Duration::from_secs(24 * 3600);
/// The answer by which a receiver says that it never wants this copy.
const NEVER: u16 = 406;

/// How an attempt ended.
enum Ending {
    Taken,
    /// Another attempt is of no use; why.
    Refused(String),
    /// Not now; why.
    Failed(String),
    /// There is no content any more.
    Gone,
}

/// Hands over copies until delivery stops, and lets those under way finish.
pub(crate) async fn run(shared: Arc<Shared>, client: HttpClient, changes: watch::Receiver<u64>) {
    Archiver { shared, client, busy: HashSet::new(), running: JoinSet::new() }.run(changes).await;
}

struct Archiver {
    shared: Arc<Shared>,
    client: HttpClient,
    busy: HashSet<(AccountId, MessageId)>,
    running: JoinSet<(AccountId, MessageId)>,
}

impl Archiver {
    async fn run(mut self, mut changes: watch::Receiver<u64>) {
        let shared = Arc::clone(&self.shared);
        while !shared.stopping.is_cancelled() {
            changes.mark_unchanged();
            let next = self.begin().await;
            let alarm = async {
                match next {
                    Ok(Some(next)) => shared.clock.sleep_until(next).await,
                    Ok(None) => std::future::pending().await,
                    Err(()) => tokio::time::sleep(PAUSE).await,
                }
            };
            tokio::select! {
                biased;
                () = shared.stopping.cancelled() => {}
                () = alarm => {}
                changed = changes.changed() => if changed.is_err() { break },
                Some(done) = self.running.join_next() => self.forget(done.ok()),
            }
        }
        while self.running.join_next().await.is_some() {}
    }

    /// Begins what is due and there is room for; when the next becomes due.
    async fn begin(&mut self) -> Result<Option<Timestamp>, ()> {
        let now = self.shared.clock.now();
        let due = self.due(now).await.map_err(|error| {
            tracing::error!(%error, "copies for archives cannot be read now");
        })?;
        for job in due {
            let place = (job.account, job.message);
            if self.running.len() < AT_ONCE && !self.is_full(job.account) && self.busy.insert(place) {
                let (shared, client) = (Arc::clone(&self.shared), self.client.clone());
                self.running.spawn(async move {
                    hand_over(&shared, &client, job).await;
                    place
                });
            }
        }
        self.shared.store.next_archive(now).await.map_err(drop)
    }

    async fn due(&self, now: Timestamp) -> Result<Vec<ArchiveJob>, StoreError> {
        if self.running.len() >= AT_ONCE {
            return Ok(Vec::new());
        }
        let accounts: HashSet<AccountId> = self.busy.iter().map(|(account, _)| *account).collect();
        let full: Vec<AccountId> = accounts.into_iter().filter(|account| self.is_full(*account)).collect();
        self.shared.store.due_archives(now, 2 * AT_ONCE as u64, &full).await
    }

    fn is_full(&self, account: AccountId) -> bool {
        self.busy.iter().filter(|(busy, _)| *busy == account).count() >= OF_ONE_ACCOUNT
    }

    /// One is done; if it panicked nobody knows which: then all that runs still is looked at anew.
    fn forget(&mut self, done: Option<(AccountId, MessageId)>) {
        match done {
            Some(place) => {
                self.busy.remove(&place);
            }
            None => {
                tracing::error!("handing over a copy panicked");
                self.running.abort_all();
                self.busy.clear();
            }
        }
    }
}

/// One attempt, and what follows from it on record.
async fn hand_over(shared: &Shared, client: &HttpClient, job: ArchiveJob) {
    let ArchiveJob { account, message, attempts, .. } = job;
    let ending = match attempt(shared, client, &job).await {
        Ok(ending) => ending,
        Err(error) => {
            tracing::error!(mail = %message, %error, "a copy for an archive cannot be read now");
            return postpone(shared, (account, message), shared.clock.now() + PAUSE, false).await;
        }
    };
    let late = shared.clock.now() >= job.released_at + LONGEST;
    let next = WAITS.get(attempts as usize).filter(|_| !late);
    let outcome = match (&ending, next) {
        (Ending::Taken, _) => "taken",
        (Ending::Failed(_), Some(_)) => "deferred",
        (Ending::Refused(_) | Ending::Failed(_) | Ending::Gone, _) => "given up",
    };
    metrics::counter!("waxseal_archive_copies_total", "outcome" => outcome).increment(1);
    match (ending, next) {
        (Ending::Failed(why), Some(minutes)) => {
            tracing::info!(mail = %message, %why, attempt = attempts + 1, "a copy was not taken by its archive, later again");
            let until = shared.clock.now() + wait(*minutes, &*shared.random);
            return postpone(shared, (account, message), until, true).await;
        }
        (Ending::Failed(why) | Ending::Refused(why), _) => {
            tracing::warn!(mail = %message, %why, attempt = attempts + 1, "a copy was not taken by its archive: given up");
        }
        (Ending::Taken | Ending::Gone, _) => {}
    }
    if let Err(error) = shared.store.end_archive(account, message).await {
        tracing::error!(mail = %message, %error, "the end of a copy is not on record: it may go out once more");
    }
}

/// So that copies that failed together do not come back together.
fn wait(minutes: u64, random: &dyn Random) -> Duration {
    let seconds = 60 * minutes;
    Duration::from_secs(seconds + random.below(seconds / 10 + 1))
}

async fn postpone(
    shared: &Shared,
    (account, message): (AccountId, MessageId),
    until: Timestamp,
    attempted: bool,
) {
    if let Err(error) = shared.store.defer_archive(account, message, until, attempted).await {
        tracing::error!(mail = %message, %error, "a copy cannot be put off");
        tokio::time::sleep(PAUSE).await;
    }
}

async fn attempt(shared: &Shared, client: &HttpClient, job: &ArchiveJob) -> Result<Ending, StoreError> {
    if shared.clock.now() >= job.released_at + LONGEST {
        return Ok(Ending::Refused("its turn came too late".into()));
    }
    // What may be called may have changed since the message was taken.
    let url = match HttpUrl::parse(job.url.open(&ACCESS), client.rules()) {
        Ok(url) => url,
        Err(error) => return Ok(Ending::Refused(why_not(error))),
    };
    let Some(stored) = shared.store.message(job.account, job.message).await? else { return Ok(Ending::Gone) };
    let _room = shared.reserve(stored.size).await;
    let body = match shared.store.body(job.account, job.message).await {
        Ok(Some(body)) => body.into_open(&ACCESS),
        Ok(None) | Err(StoreError::Erased | StoreError::Corrupt { .. }) => return Ok(Ending::Gone),
        Err(error) => return Err(error),
    };
    let post = HttpPost {
        url: &url,
        content_type: "application/mime",
        headers: vec![(HeaderName::from_static("idempotency-key"), job.message.to_string())],
        body: body.into(),
        within: WITHIN,
    };
    Ok(match client.post(post, shared.clock.now()).await {
        Ok(answer) if answer.is_success() => Ending::Taken,
        Ok(answer) if answer.status == NEVER => Ending::Refused(format!("answered {NEVER}")),
        Ok(answer) => Ending::Failed(format!("answered {}", answer.status)),
        Err(error) => Ending::Failed(reason(&error).to_owned()),
    })
}

fn why_not(error: UrlError) -> String {
    format!("the URL {error}")
}

/// Why there was no answer, without the name of the host: it may be a customer's secret.
pub(crate) const fn reason(error: &HttpError) -> &'static str {
    match error {
        HttpError::Lookup(_) => "the host was not found",
        HttpError::NotPublic => "the host has no public address",
        HttpError::Connect(_) => "no connection",
        HttpError::Tls(_) => "no TLS",
        HttpError::Certificate(_) => "the certificate does not prove the name",
        HttpError::TimedOut(_) => "no answer in time",
        HttpError::Header | HttpError::Broken => "the exchange broke off",
    }
}

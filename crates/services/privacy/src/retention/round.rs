//! One round of purging: everything that is over, batch by batch.

use std::time::Duration;

use waxseal_model::Timestamp;
use waxseal_store::{Store, StoreError};

use super::{Purged, RetentionConfig};

/// Deletes everything that is over at `now`; then destroys the keys that nothing needs any more.
pub(super) async fn purge(
    store: &Store,
    now: Timestamp,
    config: &RetentionConfig,
) -> Result<Purged, StoreError> {
    let limit = config.batch.max(1);
    let cut = now - Duration::from_secs(u64::from(config.events_days) * 86_400);
    let requests_cut = now - Duration::from_secs(u64::from(config.request_days) * 86_400);
    // A backup that was made on the day of its pruning is still there for a while.
    let backups_cut = now - Duration::from_secs((u64::from(config.backup_days) + 1) * 86_400);
    let round = Round { store, now, cut, requests_cut, backups_cut, limit };
    store.redate_ahead(now).await?;
    let purged = Purged {
        given_up: round.all("given_up", Kind::GivenUp).await?,
        inbox_items: round.all("inbox_items", Kind::InboxItems).await?,
        bodies: round.all("bodies", Kind::Bodies).await?,
        idempotency_keys: round.all("idempotency_keys", Kind::IdempotencyKeys).await?,
        exports: round.all("exports", Kind::Exports).await?,
        imports: round.all("imports", Kind::Imports).await?,
        requests: round.all("requests", Kind::Requests).await?,
        deletions: round.all("deletions", Kind::Deletions).await?,
        events: round.all("events", Kind::Events).await?,
        messages: round.all("messages", Kind::Messages).await?,
        trust: round.all("trust", Kind::Trust).await?
            + counted("trust", store.destroy_unused_trust_keys(now.day()).await?),
        content_keys: counted("content_keys", store.destroy_unused_content_keys(now.day()).await?),
        // Events of the day in which the cut lies are in part younger than the limit.
        event_keys: counted("event_keys", store.destroy_event_keys_before(cut.day()).await?),
    };
    // What survived comes under a new epoch: old sectors and copies of the key store are noise from here on.
    store.renew_epoch_if_due().await?;
    store.checkpoint().await?;
    Ok(purged)
}

/// How long it is told of a file of suppressions that it was imported.
const IMPORTS: Duration = Duration::from_secs(30 * 86_400);

/// What is deleted in batches.
#[derive(Clone, Copy)]
enum Kind {
    GivenUp,
    InboxItems,
    Bodies,
    IdempotencyKeys,
    Events,
    Messages,
    Exports,
    Imports,
    Requests,
    Deletions,
    Trust,
}

struct Round<'a> {
    store: &'a Store,
    now: Timestamp,
    cut: Timestamp,
    requests_cut: Timestamp,
    backups_cut: Timestamp,
    limit: u64,
}

impl Round<'_> {
    /// Repeats a batch until one comes back short.
    async fn all(&self, what: &'static str, kind: Kind) -> Result<u64, StoreError> {
        let mut total = 0;
        loop {
            let deleted = self.batch(kind).await?;
            total += counted(what, deleted);
            if deleted < self.limit {
                return Ok(total);
            }
        }
    }

    async fn batch(&self, kind: Kind) -> Result<u64, StoreError> {
        match kind {
            Kind::GivenUp => self.store.give_up_overdue(self.now, self.limit).await,
            Kind::InboxItems => self.store.purge_inbox(self.now, self.limit).await,
            Kind::Bodies => self.store.purge_bodies(self.now, self.limit).await,
            Kind::IdempotencyKeys => self.store.purge_idempotency(self.now, self.limit).await,
            Kind::Events => self.store.purge_events(self.cut, self.limit).await,
            Kind::Imports => self.store.purge_imports(self.now - IMPORTS, self.limit).await,
            Kind::Exports => self.store.purge_exports(self.now, self.limit).await,
            Kind::Requests => self.store.purge_requests(self.requests_cut, self.limit).await,
            Kind::Deletions => self.store.purge_deletions(self.backups_cut, self.limit).await,
            Kind::Trust => self.store.purge_trust(self.now, self.limit).await,
            Kind::Messages => self.store.purge_messages(self.cut, self.limit).await,
        }
    }
}

fn counted(what: &'static str, number: u64) -> u64 {
    metrics::counter!("waxseal_retention_purged_total", "what" => what).increment(number);
    number
}

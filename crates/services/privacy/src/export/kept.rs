//! Exports that customers ask for: made in the background, kept sealed until they are fetched, deleted or over.

use std::{sync::Arc, time::Duration};

use tokio::sync::Semaphore;
use waxseal_model::{AccountId, Clock, ExportId, Random};
use waxseal_store::{
    Store, StoreError,
    export::{ExportState, ExportSubject, KeptExport},
    export_file::{ExportKey, ExportReader},
};

use super::{ExportGround, ExportOrder, account_of, kind_of, make};
use crate::audit::AuditLog;

/// Exports of an account that are kept at the same time.
pub const MOST: u64 = 5;
/// Exports that are made at the same time.
const AT_ONCE: usize = 2;

/// The exports of an instance. Cheap to clone.
#[derive(Clone)]
pub struct Exports {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    audit: AuditLog,
    keep: Duration,
    places: Semaphore,
}

/// What became of a wish for an export.
pub enum Asked {
    /// It is being made; its key, which is told this once.
    Making(KeptExport, ExportKey),
    /// There are as many as may be: delete one, or wait.
    TooMany,
}

impl Exports {
    /// Exports, each kept for so long.
    pub fn new(
        store: Store,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        audit: AuditLog,
        keep: Duration,
    ) -> Self {
        Self { inner: Arc::new(Inner { store, clock, random, audit, keep, places: Semaphore::new(AT_ONCE) }) }
    }

    /// Begins an export.
    pub async fn ask(&self, subject: ExportSubject) -> Result<Asked, StoreError> {
        let Inner { store, clock, random, keep, .. } = &*self.inner;
        let account = account_of(&subject);
        let asked_at = clock.now();
        let wanted = KeptExport {
            id: ExportId::new(clock.as_ref(), random.as_ref()),
            account,
            kind: kind_of(Some(&subject)).as_str().to_owned(),
            state: ExportState::Making,
            asked_at,
            expires_at: asked_at + *keep,
            bytes: 0,
            rows: 0,
            messages: 0,
        };
        let path = store.export_place(wanted.id).await?;
        let shown = ExportKey::make(random.as_ref());
        let key = store.kept_export_key(account, &shown).await?;
        if !store.add_export(wanted.clone(), MOST).await? {
            return Ok(Asked::TooMany);
        }
        let (ground, subjects) = (ExportGround::Owner, vec![subject]);
        let order = ExportOrder { by: None, ground, subjects, requester: None, path, key };
        let (own, making) = (self.clone(), wanted.clone());
        tokio::spawn(async move { own.carry_out(making, order).await });
        Ok(Asked::Making(wanted, shown))
    }

    async fn carry_out(&self, mut export: KeptExport, order: ExportOrder) {
        let Inner { store, clock, random, audit, places, .. } = &*self.inner;
        let Ok(_place) = places.acquire().await else { return };
        match make(store, clock.as_ref(), random, audit, order).await {
            Ok(made) => {
                export.state = ExportState::Ready;
                (export.bytes, export.rows, export.messages) = (made.bytes, made.total(), made.messages);
            }
            Err(error) => {
                tracing::warn!(%error, "a copy that was asked for could not be made");
                export.state = ExportState::Failed;
            }
        }
        if let Err(error) = store.end_export(export).await {
            tracing::warn!(%error, "how a copy ended could not be noted; the next start does");
        }
    }

    /// The account's exports, newest first. What is over is not among them, whether or not it is deleted yet.
    pub async fn list(&self, account: AccountId) -> Result<Vec<KeptExport>, StoreError> {
        let now = self.inner.clock.now();
        let mut exports = self.inner.store.exports(account).await?;
        exports.retain(|export| export.expires_at > now);
        Ok(exports)
    }

    /// One of the account's exports, unless its time is over.
    pub async fn one(&self, account: AccountId, id: ExportId) -> Result<Option<KeptExport>, StoreError> {
        let now = self.inner.clock.now();
        Ok(self.inner.store.export(account, id).await?.filter(|export| export.expires_at > now))
    }

    /// Opens an export that is ready, to be read from its beginning; `None` if the key is another one.
    pub async fn open(
        &self,
        export: &KeptExport,
        key: &ExportKey,
    ) -> Result<Option<ExportReader>, StoreError> {
        self.inner.store.open_export(export.account, export.id, key).await
    }

    /// Deletes an export; whether there was one.
    pub async fn delete(&self, account: AccountId, id: ExportId) -> Result<bool, StoreError> {
        self.inner.store.delete_export(account, id).await
    }
}

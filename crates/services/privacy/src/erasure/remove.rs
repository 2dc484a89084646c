//! Removing: rows in batches, then what is left of them in the database's files; then somebody else looks, and what was
//! found is certified.
//!
//! What has begun goes through these steps together: the files are written anew once for all.

use std::collections::BTreeMap;

use waxseal_model::ErasureId;
use waxseal_store::erasure::{Compaction, Erasure, ErasureKind, ErasureState};

use waxseal_suppression::import;

use super::{
    Eraser, ErasureError, LookedFor, Seen,
    certificate::{AuditHead, Certificate, Facts},
    is_whole,
};
use crate::audit::AuditEvent;

impl Eraser {
    /// Ends everything that has begun.
    pub(super) async fn remove_begun(&self) -> Result<(), ErasureError> {
        let _turn = self.inner.turn.lock().await;
        let open = self.inner.store.open_erasures().await?;
        let begun: Vec<Erasure> =
            open.into_iter().filter(|erasure| erasure.state == ErasureState::Erasing).collect();
        if begun.is_empty() {
            return Ok(());
        }
        let compaction = loop {
            for erasure in &begun {
                self.finish_imports(erasure).await?;
                while self.inner.store.erase_batch(erasure, self.inner.config.batch).await? > 0 {}
            }
            let compaction = self.inner.store.compact().await?;
            if self.nothing_left(&begun).await? {
                break compaction;
            }
        };
        let seen = self.look_for(&begun).await?;
        for erasure in begun {
            // Read again: keys of an owner went on the way.
            let Some(erasure) = self.inner.store.erasure(erasure.id).await? else { continue };
            let seen = seen.get(&erasure.id).cloned().unwrap_or_default();
            self.certify(&erasure, compaction, &seen).await?;
            self.lock_words().remove(&erasure.id);
        }
        Ok(())
    }

    /// A file that is being imported may name the recipient: it is brought to its end first and deleted, so that what it
    /// brought is found and goes.
    async fn finish_imports(&self, erasure: &Erasure) -> Result<(), ErasureError> {
        let (ErasureKind::Recipient, Some(account)) = (erasure.kind, erasure.account) else { return Ok(()) };
        Ok(import::finish(&self.inner.store, self.inner.clock.as_ref(), Some(account)).await?)
    }

    /// What was written by calls that were under way when the keys went is found here, and goes as well.
    async fn nothing_left(&self, begun: &[Erasure]) -> Result<bool, ErasureError> {
        for erasure in begun {
            let left = match (erasure.kind, erasure.account) {
                (ErasureKind::Account, Some(account)) => {
                    !self.inner.store.rows_left(account).await?.is_empty()
                }
                (ErasureKind::Login | ErasureKind::Owner, _) => {
                    self.inner.store.erase_batch(erasure, self.inner.config.batch).await? > 0
                }
                (ErasureKind::Account | ErasureKind::Recipient, _) => false,
            };
            if left {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What a look through all files finds, for each erasure. All at once first: only if something is found it has to
    /// be told whose it is.
    async fn look_for(&self, begun: &[Erasure]) -> Result<BTreeMap<ErasureId, Seen>, ErasureError> {
        let each: Vec<(ErasureId, LookedFor)> =
            begun.iter().map(|erasure| (erasure.id, self.traces_of(erasure))).collect();
        let all = self.inner.witness.look(LookedFor::all(each.iter().map(|(_, one)| one))).await?;
        let mut seen = BTreeMap::new();
        for (id, one) in each {
            // An id is looked for both as a word and as bytes.
            let words = one.words.len().saturating_sub(one.bytes.len()) as u64;
            let found = if all.hits == 0 { all.clone() } else { self.inner.witness.look(one).await? };
            if found.hits > 0 {
                tracing::warn!(
                    hits = found.hits,
                    "something is left of what was erased; the certificate says so"
                );
            }
            seen.insert(id, Seen { words, ..found });
        }
        Ok(seen)
    }

    /// What would betray that something is left.
    fn traces_of(&self, erasure: &Erasure) -> LookedFor {
        let words = self.lock_words().get(&erasure.id).cloned().unwrap_or_default();
        let account = erasure.account.filter(|_| is_whole(erasure));
        let mut traces = LookedFor { words, bytes: Vec::new() };
        if let Some(account) = account {
            traces.words.push(account.to_string().into());
            traces.bytes.push(account.to_bytes().to_vec());
        }
        traces
    }

    /// Whether no copy of the keys from before opens; tried once more where it could not be seen to.
    async fn copies_are_useless(&self) -> Result<bool, ErasureError> {
        match self.inner.store.key_copies().await? {
            Some(copies) if copies.overdue => Ok(self.inner.store.retire_key_copies().await?),
            // Made since.
            _ => Ok(true),
        }
    }

    async fn certify(
        &self,
        erasure: &Erasure,
        compaction: Compaction,
        seen: &Seen,
    ) -> Result<(), ErasureError> {
        let store = &self.inner.store;
        let rows = store.erasure_counts(erasure).await?;
        let total = rows.values().sum();
        let number = erasure.number;
        let what = match erasure.kind {
            ErasureKind::Recipient => AuditEvent::RecipientErased { erasure: number },
            ErasureKind::Login => AuditEvent::LoginErased { erasure: number },
            ErasureKind::Owner => AuditEvent::OwnerErased { erasure: number },
            ErasureKind::Account => AuditEvent::ErasureFinished { erasure: number },
        };
        self.record(what, None, total).await?;
        let (entry, hash) = self.inner.audit.head();
        let facts = Facts {
            erasure,
            done_at: self.inner.clock.now(),
            rows,
            kept: store.content_kept(erasure).await?,
            compaction,
            copies_useless: self.copies_are_useless().await?,
            seen,
            audit: AuditHead { entry, hash },
        };
        let signed = self.inner.signer.sign(&Certificate::of(facts)).ok_or(ErasureError::Unsigned)?;
        store.finish_erasure(erasure, signed).await?;
        self.record(AuditEvent::CertificateIssued { certificate: erasure.number }, None, 1).await?;
        tracing::info!(erasure = erasure.number, rows = total, hits = seen.hits, "an erasure is done");
        Ok(())
    }
}

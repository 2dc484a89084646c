//! Beginning: what waits in a closed account's queue is parked; when the time has come and nobody holds it, the keys
//! go.

use waxseal_model::{Access, AccountId, Timestamp, actor, purpose};
use waxseal_store::{
    StoreError,
    erasure::{Erasure, ErasureKind, ErasureState},
};
use zeroize::Zeroizing;

use super::{Eraser, ErasureError, earlier, has_grace, is_telling, is_whole};
use crate::audit::{AuditActor, AuditEntry, AuditEvent, AuditPurpose, ErasedPart, ToldSubject};

/// Logins that the witness looks for.
const MOST_WORDS: usize = 100;

impl Eraser {
    /// Begins what is due; when the next may be, if there is one.
    pub(super) async fn begin_due(&self) -> Result<Option<Timestamp>, ErasureError> {
        let (mut next, mut failed) = (None, None);
        for erasure in self.inner.store.open_erasures().await? {
            if erasure.state != ErasureState::Grace {
                self.inner.begun.notify_one();
                continue;
            }
            match self.begin(&erasure).await {
                Ok(true) => self.inner.begun.notify_one(),
                Ok(false) => next = earlier(next, erasure.final_at),
                // Others do not wait for it.
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(next), Err)
    }

    /// Begins one, if its time has come; whether it did.
    async fn begin(&self, erasure: &Erasure) -> Result<bool, ErasureError> {
        let store = &self.inner.store;
        let Some(account) = erasure.account else { return Ok(false) };
        let is_due = erasure.final_at <= self.inner.clock.now()
            && (!has_grace(erasure) || self.inner.retention.trusts_clock().await?)
            && !store.is_held(erasure).await?;
        if !is_due {
            // Only what stays for a while: parking a long queue must not keep keys alive whose time has come.
            if is_whole(erasure) {
                self.park(account).await?;
            }
            return Ok(false);
        }
        let words = match erasure.kind {
            ErasureKind::Account => self.words_of(account).await?,
            ErasureKind::Owner => self.words_of_owner(account).await?,
            ErasureKind::Login => self.words_of_login(erasure).await?,
            ErasureKind::Recipient => Vec::new(),
        };
        if matches!(erasure.kind, ErasureKind::Account | ErasureKind::Owner)
            && let Some(notices) = self.forget_notices(account).await?
            && Box::pin(self.begin(&notices)).await?
        {
            self.inner.begun.notify_one();
        }
        let _gate = self.inner.gate.lock().await;
        if store.is_held(erasure).await? {
            return Ok(false);
        }
        self.record(self.beginning(erasure).await?, Some(account), 1).await?;
        let Some(begun) = store.begin_erasure(erasure).await? else { return Ok(false) };
        if !words.is_empty() || is_whole(erasure) {
            self.lock_words().insert(erasure.id, words);
        }
        if is_whole(erasure) {
            self.record(AuditEvent::KeysDestroyed, None, begun.keys.len() as u64).await?;
            tracing::info!(
                erasure = erasure.number,
                keys = begun.keys.len(),
                "an account's keys are destroyed"
            );
        }
        Ok(true)
    }

    /// What the trail says of it: enough for a key store that is restored from an older copy to learn of it again.
    async fn beginning(&self, erasure: &Erasure) -> Result<AuditEvent, ErasureError> {
        let part = match erasure.kind {
            ErasureKind::Account => return Ok(AuditEvent::ErasureStarted { erasure: erasure.number }),
            ErasureKind::Recipient => ErasedPart::Recipient,
            ErasureKind::Login => ErasedPart::Login,
            ErasureKind::Owner => ErasedPart::Owner,
        };
        let subject = self.inner.store.tell_erasure(erasure).await?;
        let subject = subject.and_then(|sealed| ToldSubject::new(&sealed));
        Ok(AuditEvent::PartErasureStarted { erasure: erasure.number, part, subject })
    }

    /// An owner that was written to about an operator's access is a recipient of the account which writes that: what is
    /// kept there about them is erased as well, and asked for while the address can still be read.
    async fn forget_notices(&self, account: AccountId) -> Result<Option<Erasure>, ErasureError> {
        let store = &self.inner.store;
        let Some(from) = self.inner.config.notices_from.as_deref() else { return Ok(None) };
        // Nothing is searched for here: keys whose time has come do not wait for that.
        if !self.was_written_to(account).await? {
            return Ok(None);
        }
        let Some(domain) = store.domain_of_instance(from).await? else { return Ok(None) };
        let owner = match store.account(account).await {
            Err(StoreError::Erased) => None,
            outcome => outcome?,
        };
        let access = Access::new(actor::System, purpose::Operation);
        let address = owner.map(|owner| Zeroizing::new(owner.profile.open(&access).email.clone()));
        let Some(address) = address.filter(|address| !address.is_empty()) else { return Ok(None) };
        let asked = match store.ask_recipient_erasure(domain.account, &address).await {
            // That account is erased itself.
            Err(StoreError::Erased) => return Ok(None),
            outcome => outcome?,
        };
        self.look_also_for(&asked, &address);
        Ok(Some(asked))
    }

    /// Whether the owner was ever written to about an access.
    async fn was_written_to(&self, account: AccountId) -> Result<bool, ErasureError> {
        let mut before = None;
        loop {
            let page = self.inner.store.grants(Some(account), before, 500).await?;
            let Some(last) = page.last() else { return Ok(false) };
            if page.iter().any(|grant| grant.noticed_at.is_some()) {
                return Ok(true);
            }
            before = Some(last.id);
        }
    }

    async fn park(&self, account: AccountId) -> Result<(), ErasureError> {
        loop {
            // For each batch anew, so that who takes it back does not wait for all.
            let _gate = self.inner.gate.lock().await;
            if self.inner.store.park(account).await? == 0 {
                return Ok(());
            }
        }
    }

    /// Addresses of the account that the witness looks for afterwards, while they can still be read.
    async fn words_of(&self, account: AccountId) -> Result<Vec<Zeroizing<String>>, ErasureError> {
        let access = Access::new(actor::System, purpose::Operation);
        let store = &self.inner.store;
        let found = match store.account(account).await {
            Err(StoreError::Erased) => None,
            outcome => outcome?,
        };
        let mut words = Vec::new();
        words.extend(found.map(|found| Zeroizing::new(found.profile.open(&access).email.clone())));
        let (_, domains) = store.domains(account, 0, MOST_WORDS as u64).await?;
        for domain in domains {
            let logins = store.smtp_credentials(account, domain.id).await?;
            words.extend(logins.iter().map(|login| Zeroizing::new(login.login.open(&access).clone())));
            words.truncate(MOST_WORDS);
        }
        words.retain(|word| is_telling(word));
        Ok(words)
    }

    /// What an owner's profile says, as far as it tells of nobody else: a single word may be part of a domain's name, an
    /// address or a name of several words is not.
    async fn words_of_owner(&self, account: AccountId) -> Result<Vec<Zeroizing<String>>, ErasureError> {
        let access = Access::new(actor::System, purpose::Operation);
        let found = match self.inner.store.account(account).await {
            Err(StoreError::Erased) => None,
            outcome => outcome?,
        };
        let Some(found) = found else { return Ok(Vec::new()) };
        let profile = found.profile.open(&access);
        let said = [Some(&profile.email), Some(&profile.name), profile.company.as_ref()];
        let telling = said.into_iter().flatten().filter(|word| is_telling(word) && word.contains(['@', ' ']));
        Ok(telling.map(|word| Zeroizing::new(word.clone())).collect())
    }

    /// The login, while it can still be read: also where the process that was asked has ended.
    async fn words_of_login(&self, erasure: &Erasure) -> Result<Vec<Zeroizing<String>>, ErasureError> {
        let access = Access::new(actor::System, purpose::Operation);
        let login = self.inner.store.login_to_erase(erasure).await?;
        let words = login.map(|login| Zeroizing::new(login.open(&access).clone()));
        Ok(words.into_iter().filter(|word| is_telling(word)).collect())
    }

    /// Records what the system did.
    pub(super) async fn record(
        &self,
        what: AuditEvent,
        account: Option<AccountId>,
        count: u64,
    ) -> Result<u64, ErasureError> {
        let (actor, purpose) = (AuditActor::System, AuditPurpose::Erasure);
        Ok(self.inner.audit.record(AuditEntry { actor, purpose, what, account, count }).await?)
    }
}

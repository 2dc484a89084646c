//! The one way in: a request becomes durable messages, or nothing.

use std::sync::Arc;

use waxseal_domains::Domains;
use waxseal_mail::dkim::Signer;
use waxseal_model::{AccountId, Clock, Random};
use waxseal_store::{
    Store,
    domain::{Domain, DomainKind},
    message::{Accept, Accepted},
    queue::ListsAsOf,
};

use crate::{
    allowance::{Allowances, Left},
    build::{Job, Ready},
    capacity::Capacity,
    config::SendingConfig,
    error::SendError,
    idempotency::Repeatable,
    options::{KeyName, Options},
    order::Order,
    request::SendRequest,
    sources::SourceNames,
    suppressed,
};

/// What the caller is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// Message-ID with angle brackets.
    pub id: String,
    /// What the account may still send in this hour, if that is limited.
    pub left: Option<Left>,
}

/// Accepts messages. Cheap to clone.
#[derive(Clone)]
pub struct Sending {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) domains: Domains,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) config: Arc<SendingConfig>,
    pub(crate) capacity: Capacity,
    pub(crate) allowances: Arc<Allowances>,
    pub(crate) sources: SourceNames,
}

/// What a call puts into the store, for the instance's metrics.
struct Taken {
    messages: usize,
    queued: usize,
    bytes: usize,
}

impl Taken {
    fn of(accept: &Accept) -> Self {
        Self {
            messages: accept.messages.len(),
            queued: accept.messages.iter().map(|message| message.entries.len()).sum(),
            bytes: accept.messages.iter().map(|message| message.body.len()).sum(),
        }
    }

    fn count(&self) {
        metrics::counter!("waxseal_accepted_messages_total").increment(self.messages as u64);
        metrics::counter!("waxseal_queued_recipients_total").increment(self.queued as u64);
        metrics::counter!("waxseal_accepted_bytes_total").increment(self.bytes as u64);
    }
}

impl Sending {
    /// Sending through `domains` into `store`.
    pub fn new(
        store: Store,
        domains: Domains,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        config: SendingConfig,
    ) -> Self {
        let capacity = Capacity::new(config.max_bytes_in_flight);
        let allowances = Allowances::new(config.hourly);
        let (config, sources) = (Arc::new(config), SourceNames::default());
        Self {
            inner: Arc::new(Inner { store, domains, clock, random, config, capacity, allowances, sources }),
        }
    }

    /// Whether so much mail is being accepted that more is better asked to come later, before any of it is read.
    pub fn is_crowded(&self) -> bool {
        self.inner.capacity.is_crowded(self.inner.config.memory.is_short())
    }

    /// Accepts a message: checks, builds or patches, signs, stores. When it answers, the message is on
    /// stable storage.
    pub async fn send(&self, request: SendRequest) -> Result<Sent, SendError> {
        let Inner { store, config, capacity, clock, allowances, .. } = &*self.inner;
        let account = request.caller.account;
        let repeatable = Repeatable::of(&request)?;
        if let Some(answer) = self.earlier_answer(account, repeatable.as_ref()).await? {
            return Ok(answer);
        }
        let now = clock.now();
        let size = request.size();
        let content = capacity.take(account, size)?;
        let limits = Arc::clone(config);
        let order = capacity.compute(size, move || Order::read(request, now, &limits)).await??;
        self.inner.sources.check(store, &config.sending_ips, account, &order.options.delivery).await?;
        // Given back first: what holds some of the room must not wait for all of it.
        drop(content);
        let _room = capacity.take(account, order.memory())?;
        let domain = order.domain.clone();
        let amount = (order.addresses.len(), order.size);
        let spending = allowances.take(account, &domain.name, amount, now)?;
        let lists = store.lists_as_of_now();
        let verdicts = suppressed::verdicts(store, &domain, &order.addresses, &order.options.tags).await?;
        let keys = self.inner.domains.keys(&domain).await.map_err(|error| SendError::Store(error.into()))?;
        let is_signed = !keys.signers.is_empty() || !order.options.sign;
        if !is_signed && domain.kind == DomainKind::Custom {
            let why = "none of its DKIM keys has been seen in the DNS; publish one, or send with o:dkim=no";
            return Err(SendError::NotAllowed { domain: domain.name.clone(), why: why.to_owned() });
        }
        let secondary = self.secondary_signer(&domain, &order.options).await?;
        let work = order.mime_bytes();
        let job = Job {
            order,
            keys,
            secondary,
            verdicts,
            config: Arc::clone(config),
            clock: Arc::clone(clock),
            random: Arc::clone(&self.inner.random),
            now,
        };
        let Ready { mut accept, answer } = capacity.compute(work, move || job.run()).await??;
        accept.idempotency = repeatable.map(|repeatable| repeatable.with_answer(&answer, now));
        let sent = self.commit(accept, lists, answer).await?;
        Ok(Sent { left: spending.keep(), ..sent })
    }

    /// Stores what was made ready. A call that was made twice at the same time is stored once.
    /// Its recipients were looked for on the suppression lists after `lists`.
    pub(crate) async fn commit(
        &self,
        accept: Accept,
        lists: ListsAsOf,
        answer: String,
    ) -> Result<Sent, SendError> {
        let taken = Taken::of(&accept);
        match self.inner.store.accept_as_of(accept, Some(lists)).await? {
            Accepted::New => {
                taken.count();
                Ok(Sent { id: answer, left: None })
            }
            Accepted::Replayed { answer } => Ok(Sent { id: answer, left: None }),
            Accepted::KeyReused => Err(SendError::KeyReused),
        }
    }

    /// The answer of an earlier call with the same idempotency key.
    pub(crate) async fn earlier_answer(
        &self,
        account: AccountId,
        repeatable: Option<&Repeatable>,
    ) -> Result<Option<Sent>, SendError> {
        let Some(Repeatable { key_hash, request_hash }) = repeatable else { return Ok(None) };
        match self.inner.store.replay(account, key_hash, request_hash).await? {
            Some(Accepted::Replayed { answer }) => Ok(Some(Sent { id: answer, left: None })),
            Some(Accepted::KeyReused) => Err(SendError::KeyReused),
            Some(Accepted::New) | None => Ok(None),
        }
    }

    /// The signer of `o:secondary-dkim`: an active key of the same account, under the name of
    /// `o:secondary-dkim-public` if that is given.
    pub(crate) async fn secondary_signer(
        &self,
        domain: &Domain,
        options: &Options,
    ) -> Result<Option<Arc<Signer>>, SendError> {
        let Some(KeyName { domain: name, selector }) = &options.secondary_dkim else {
            return if options.secondary_dkim_public.is_some() { Err(KeyName::invalid()) } else { Ok(None) };
        };
        let public = options.secondary_dkim_public.as_ref();
        let public = public.map(|public| (public.domain.as_str(), public.selector.as_str()));
        let signer = self.inner.domains.signer(domain.account, name, selector, public).await;
        let signer = signer.map_err(|error| SendError::Store(error.into()))?;
        signer.map(|signer| Some(Arc::new(signer))).ok_or_else(KeyName::invalid)
    }
}

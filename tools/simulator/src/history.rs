//! One seed from its first message to an empty queue.

use std::{sync::Arc, time::Duration};

use anyhow::{Result, bail};
use tokio::time::Instant;
use waxseal_model::{
    Access, Clock as _, MessageId, RecipientId, Timestamp, actor,
    event::{EventDetails, EventKind, MessageInfo, Severity},
    options::{DeliveryOptions, Schedule},
    purpose,
};
use waxseal_store::{
    message::{Accept, Envelope, NewMessage, NewQueueEntry},
    queue::{Bulk, PauseOf, QueueFilter},
    shaping::ShapingOverride,
};

use crate::{
    clock::SimulatedClock,
    grounds::Grounds,
    ledger::{Ledger, Owed},
    plan::{Action, Mail, PROVIDER, Plan, What},
    process::{Process, Surroundings},
};

const ACCESS: Access<purpose::CustomerAccess> = Access::new(actor::System, purpose::CustomerAccess);
/// Whatever is still there so long after everything has become calm stays for ever.
const PATIENCE: Duration = Duration::from_secs(20 * 86_400);

/// An event of a recipient.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) recipient: String,
    pub(crate) kind: EventKind,
    pub(crate) severity: Option<Severity>,
    pub(crate) at: Timestamp,
    pub(crate) code: u16,
    pub(crate) attempt: u32,
    pub(crate) retry: Option<u64>,
    pub(crate) took: f64,
    pub(crate) possible_duplicate: bool,
}

/// What is left at the end.
#[derive(Debug, Default)]
pub(crate) struct Remains {
    pub(crate) events: Vec<Told>,
    pub(crate) waiting: u64,
    pub(crate) in_flight: u64,
    /// Connections and recipients in memory.
    pub(crate) load: (usize, usize),
    /// Entries that may have been delivered without a record of it.
    pub(crate) uncertain: usize,
    /// Messages whose content is still there.
    pub(crate) bodies: usize,
}

/// A world with whatever process lives in it.
pub(crate) struct History<'g> {
    around: Surroundings,
    grounds: &'g Grounds,
    process: Option<Process>,
    /// What dead processes left behind.
    ruins: Vec<tempfile::TempDir>,
}

impl<'g> History<'g> {
    pub(crate) async fn begin(plan: Arc<Plan>, ledger: Arc<Ledger>, grounds: &'g Grounds) -> Result<Self> {
        let around =
            Surroundings { ledger, clock: Arc::new(SimulatedClock::new()), counts: Arc::default(), plan };
        let most = around.plan.actions.iter().filter_map(|(_, action)| match action {
            Action::Shape(Some((connections, _))) => Some(*connections),
            _ => None,
        });
        let bound = most.chain([around.plan.provider.0]).max().unwrap_or(1);
        around.counts.bound.store(u64::from(bound), std::sync::atomic::Ordering::Relaxed);
        let process = Process::start(&around, grounds.copy()?, 0).await?;
        Ok(Self { around, grounds, process: Some(process), ruins: Vec::new() })
    }

    /// Lives through all of it.
    pub(crate) async fn run(&mut self) -> Result<Remains> {
        let plan = Arc::clone(&self.around.plan);
        let began = Instant::now();
        plan.tell(&self.around.ledger);
        for (at, action) in &plan.actions {
            self.live_until(began + *at).await?;
            self.act(action).await?;
        }
        self.live_until(began + plan.calm_after).await?;
        self.around.ledger.note("it is calm");
        self.lift_everything().await?;
        self.drain().await?;
        let remains = self.look().await?;
        if let Some(process) = self.process.take() {
            process.stop().await;
        }
        Ok(remains)
    }

    fn process(&self) -> Result<&Process> {
        self.process.as_ref().ok_or_else(|| anyhow::anyhow!("there is no process"))
    }

    async fn die(&mut self) -> Result<()> {
        if let Some(process) = self.process.take() {
            let (next, ruin) = process.die(&self.around).await?;
            self.process = Some(next);
            self.ruins.push(ruin);
        }
        Ok(())
    }

    async fn live_until(&mut self, at: Instant) -> Result<()> {
        loop {
            tokio::select! {
                biased;
                () = self.around.ledger.die.notified() => {}
                () = tokio::time::sleep_until(at) => return Ok(()),
            }
            self.die().await?;
        }
    }

    /// Does something, or dies meanwhile.
    async fn act(&mut self, action: &Action) -> Result<()> {
        self.around.ledger.note(&match action {
            Action::Send(mail) => format!("send {:?} by account {}", mail.recipients, mail.account),
            other => format!("{other:?}"),
        });
        match action {
            Action::Die => return self.die().await,
            Action::Restart => {
                if let Some(process) = self.process.take() {
                    self.process = Some(process.restart(&self.around).await?);
                }
                return Ok(());
            }
            Action::Jump(seconds) => {
                self.around.clock.jump(*seconds);
                let at = self.around.ledger.elapsed();
                self.around.ledger.state().jumps.push(at);
                return Ok(());
            }
            _ => {}
        }
        let done = tokio::select! {
            biased;
            () = self.around.ledger.die.notified() => false,
            done = self.ask(action) => {
                done?;
                true
            }
        };
        if !done {
            self.die().await?;
        }
        Ok(())
    }

    async fn ask(&self, action: &Action) -> Result<()> {
        let process = self.process()?;
        let store = &process.store;
        match action {
            Action::Send(mail) => self.send(process, mail).await?,
            Action::Pause(what) => drop(store.pause(&self.pause_of(what), "fate".into(), None).await?),
            Action::Resume(what) => drop(store.resume(&self.pause_of(what)).await?),
            Action::Shape(said) => {
                let said = said.map(|(connections, per_minute)| ShapingOverride {
                    connections: Some(connections),
                    messages_per_minute: Some(per_minute),
                    ..ShapingOverride::default()
                });
                store.set_shaping_override(PROVIDER, said.clone()).await?;
                process.delivery.shaper().set(PROVIDER, said);
            }
            Action::Expire(account) | Action::Hasten(account) => {
                let expire = matches!(action, Action::Expire(_));
                for owed in
                    self.around.ledger.state().owed.values_mut().filter(|owed| owed.account == *account)
                {
                    owed.expired |= expire;
                    owed.hastened |= !expire;
                }
                let what = if expire { Bulk::Expire } else { Bulk::Hasten { held: false } };
                let filter = QueueFilter {
                    account: Some(self.grounds.accounts[*account].0),
                    ..QueueFilter::default()
                };
                if let Some(batch) = process.delivery.view().bulk(what, &filter).await {
                    batch?;
                }
            }
            Action::Die | Action::Restart | Action::Jump(_) => {}
        }
        Ok(())
    }

    fn pause_of(&self, what: &What) -> PauseOf {
        match what {
            What::Domain(index) => {
                PauseOf { to: Some(self.around.plan.domains[*index].name.clone()), ..PauseOf::default() }
            }
            What::Account(index) => {
                PauseOf { account: Some(self.grounds.accounts[*index].0), ..PauseOf::default() }
            }
            What::Provider => PauseOf { provider: Some(PROVIDER.into()), ..PauseOf::default() },
        }
    }

    /// Has a message accepted, as sending does.
    async fn send(&self, process: &Process, mail: &Mail) -> Result<()> {
        let (clock, random) = (&*self.around.clock, &*process.random);
        let (account, domain) = self.grounds.accounts[mail.account];
        let now = clock.now();
        let id = MessageId::new(clock, random);
        let owed = Owed {
            message: id,
            account: mail.account,
            not_before: now + mail.later,
            give_up_after: mail.give_up_after,
            content: mail.content.clone(),
            certain: false,
            expired: false,
            hastened: false,
        };
        for recipient in &mail.recipients {
            self.around.ledger.state().owed.insert(recipient.clone(), owed.clone());
        }
        let entry = |address: &String| NewQueueEntry {
            id: RecipientId::new(clock, random),
            envelope: Envelope {
                reverse_path: "bounce@ours.test".into(),
                recipient: address.clone(),
                source: None,
            },
        };
        let due = now + mail.later;
        let message = NewMessage {
            id,
            created_at: now,
            header_message_id: format!("{id}@ours.test"),
            template: EventDetails {
                message: MessageInfo { message_id: format!("{id}@ours.test"), ..MessageInfo::default() },
                ..EventDetails::default()
            },
            entries: mail.recipients.iter().map(entry).collect(),
            body: mail.content.clone(),
            options: DeliveryOptions::default(),
            schedule: Schedule { not_before: due, give_up_at: due + mail.give_up_after },
            capture: false,
            archive_to: None,
            keep_until: now,
        };
        let accept =
            Accept { account, domain, messages: vec![message], events: Vec::new(), idempotency: None };
        let lists = process.store.lists_as_of_now();
        process.store.accept_as_of(accept, Some(lists)).await?;
        let mut state = self.around.ledger.state();
        for recipient in &mail.recipients {
            state.owed.entry(recipient.clone()).and_modify(|owed| owed.certain = true);
        }
        Ok(())
    }

    /// Operators end what they began, and say that the clock is right.
    async fn lift_everything(&self) -> Result<()> {
        let process = self.process()?;
        for pause in process.store.pauses() {
            process.store.resume_number(pause.number).await?;
        }
        process.store.note_clock(self.around.clock.now()).await?;
        Ok(())
    }

    /// Waits until the queue is empty and nothing is in memory.
    async fn drain(&mut self) -> Result<()> {
        let until = Instant::now() + PATIENCE;
        let mut pause = Duration::from_secs(1);
        loop {
            let counts = self.process()?.store.queue_counts(&QueueFilter::default()).await?;
            let load = self.process()?.delivery.load();
            if counts.waiting + counts.in_flight == 0 && load == (0, 0) {
                return Ok(());
            }
            if Instant::now() >= until {
                return Ok(());
            }
            self.live_until(Instant::now() + pause).await?;
            pause = (pause * 2).min(Duration::from_secs(3_600));
        }
    }

    async fn look(&self) -> Result<Remains> {
        let process = self.process()?;
        let store = &process.store;
        let counts = store.queue_counts(&QueueFilter::default()).await?;
        let mut remains = Remains {
            waiting: counts.waiting,
            in_flight: counts.in_flight,
            load: process.delivery.load(),
            uncertain: store.uncertain().await?.len(),
            ..Remains::default()
        };
        for event in store.read_log(0, 100_000).await? {
            let details = event.details.into_open(&ACCESS);
            let (Some(recipient), Some(status)) = (details.recipient, details.delivery_status) else {
                bail!("an event without recipient or status");
            };
            remains.events.push(Told {
                recipient,
                kind: event.kind,
                severity: event.severity,
                at: event.at,
                code: status.code,
                attempt: status.attempt_no,
                retry: status.retry_seconds,
                took: status.session_seconds,
                possible_duplicate: status.possible_duplicate,
            });
        }
        let owed: Vec<_> =
            self.around.ledger.state().owed.values().map(|owed| (owed.account, owed.message)).collect();
        for (account, message) in owed {
            let body = store.body(self.grounds.accounts[account].0, message).await;
            remains.bodies += usize::from(matches!(body, Ok(Some(_))));
        }
        for told in &remains.events {
            self.around.ledger.note(&format!("{told:?}"));
        }
        Ok(remains)
    }
}

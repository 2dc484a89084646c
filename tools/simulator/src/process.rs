//! One life of the server in a simulated world: a store, and delivery on top of it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::Result;
use tempfile::TempDir;
use waxseal_delivery::{Delivery, DeliveryConfig, Limits, shaping::Shaping};
use waxseal_model::{Clock, Random, SeededRandom};
use waxseal_net::{Net, NetConfig};
use waxseal_store::Store;

use crate::{
    clock::SimulatedClock,
    grounds,
    ledger::Ledger,
    network::{Counts, World},
    plan::{PROVIDER, Plan},
};

/// What outlives a process.
pub(crate) struct Surroundings {
    pub(crate) plan: Arc<Plan>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) clock: Arc<SimulatedClock>,
    pub(crate) counts: Arc<Counts>,
}

/// See [`self`].
pub(crate) struct Process {
    pub(crate) store: Store,
    pub(crate) delivery: Delivery,
    pub(crate) random: Arc<SeededRandom>,
    folder: TempDir,
    life: u32,
    dead: Arc<AtomicBool>,
}

impl Process {
    /// Starts it in this folder.
    pub(crate) async fn start(around: &Surroundings, folder: TempDir, life: u32) -> Result<Self> {
        around.ledger.note(&format!("process {life} starts"));
        let dead = Arc::<AtomicBool>::default();
        // No two of them may draw the same.
        let random = Arc::new(SeededRandom::new(around.plan.seed ^ (u64::from(life) << 40) ^ 0x5eed));
        let clock: Arc<dyn Clock> = around.clock.clone();
        let store = Store::open(grounds::config(folder.path()), clock.clone(), random.clone()).await?;
        let world = World {
            plan: Arc::clone(&around.plan),
            ledger: Arc::clone(&around.ledger),
            counts: Arc::clone(&around.counts),
            life,
            dead: Arc::clone(&dead),
        };
        let net = Net::over(Arc::new(world), &NetConfig::default())?;
        let chance: Arc<dyn Random> = random.clone();
        let delivery = Delivery::start(store.clone(), net, clock, chance, config(&around.plan)?).await?;
        Ok(Self { store, delivery, random, folder, life, dead })
    }

    /// It is gone from one moment to the next, and another one finds what it left on the disk. What was on its way to
    /// others arrives.
    pub(crate) async fn die(self, around: &Surroundings) -> Result<(Self, TempDir)> {
        around.ledger.note("the process dies");
        self.dead.store(true, Ordering::Relaxed);
        let at = around.ledger.elapsed();
        around.ledger.state().deaths.push((self.life, at));
        let left = grounds::copy(self.folder.path())?;
        let Self { store, delivery, folder, life, .. } = self;
        drop(delivery);
        drop(store);
        Ok((Self::start(around, left, life + 1).await?, folder))
    }

    /// It stops in good order, and another one starts.
    pub(crate) async fn restart(self, around: &Surroundings) -> Result<Self> {
        around.ledger.note("the process stops");
        let Self { store, delivery, folder, life, .. } = self;
        let asked = around.ledger.elapsed();
        delivery.shutdown().await;
        let at = around.ledger.elapsed();
        if at - asked >= config(&around.plan)?.timeouts.shutdown {
            around.ledger.state().cut.push((life, at));
        }
        store.close().await;
        drop(store);
        Self::start(around, folder, life + 1).await
    }

    /// It stops in good order for good.
    pub(crate) async fn stop(self) {
        self.delivery.shutdown().await;
        self.store.close().await;
    }
}

fn config(plan: &Plan) -> Result<DeliveryConfig> {
    let (connections, per_minute) = plan.provider;
    let table = format!(
        "[[provider]]\nname = \"{PROVIDER}\"\nhosts = [\"big.test\"]\nconnections = {connections}\n\
         messages_per_minute = {per_minute}\n"
    );
    let mut config = DeliveryConfig::new("mail.ours.test");
    config.shaping = Arc::new(Shaping::with(&table)?);
    config.limits = Limits {
        per_destination: plan.per_destination,
        connections: plan.connections,
        messages_per_connection: plan.messages_per_connection,
        recipients_per_transaction: plan.recipients_per_transaction,
        waiting_per_destination: plan.waiting_per_destination,
        leased: plan.leased,
        bytes_in_flight: plan.bytes,
        ..Limits::default()
    };
    config.timeouts.look_again = plan.look_again;
    // Days pass here in which nothing happens.
    config.timeouts.gauges = Duration::from_secs(86_400);
    Ok(config)
}

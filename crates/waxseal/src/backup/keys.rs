//! Restoring the key store, where there is none.

use std::{path::Path, sync::Arc};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use waxseal_model::Clock;
use waxseal_privacy::key_copies::{Recalled, recall};
use waxseal_store::backup::{BackupKey, RestoringKeys};
use waxseal_system::{SystemClock, SystemRandom};

use crate::{
    admin,
    config::Config,
    control,
    house::{self, House},
    operators::{self, Asking},
};

/// Restores a copy: tells it what the trail knows, puts it into its place, and has what goes go.
pub(super) async fn restore(config: &Config, path: &Path, without_trail: bool) -> Result<Value> {
    let asking = Asking::here(config);
    asking.wants(operators::KEYS_RESTORE)?;
    if control::answers(&config.control_socket).await {
        bail!("a server is running on {}: stop it first", config.data_dir.display());
    }
    let copies = house::key_copies_config(config);
    let key = BackupKey::load(&copies.key, None).await?;
    let store = house::store_config(config);
    let ring = RestoringKeys::begin(path, &copies.folder, &key, &store, Arc::new(SystemRandom)).await?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let recalled =
        match recall(asking.operator(), &ring, house::audit_config(config), clock, without_trail).await {
            Ok(recalled) => recalled,
            Err(error) => {
                ring.give_up().await?;
                return Err(error.into());
            }
        };
    let mut answer = admin::backup_told(ring.header(), ring.totals());
    ring.finish().await?;
    let house = House::open_in_turn(config)
        .await
        .context("the keys are restored, and nobody may come in yet: `waxseal serve` tries the rest again")?;
    house.close().await;
    let Recalled { entries, erased, closed, opened, parts, unknown, holds_lost } = recalled;
    answer["recalled"] = json!({
        "entries": entries, "erased": erased, "closed": closed, "opened": opened, "parts": parts,
        "unknown": unknown, "holds_lost": holds_lost,
    });
    Ok(answer)
}

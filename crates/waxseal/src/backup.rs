//! `waxseal backup`: what is done in the command's own process, which is all that needs no store or an empty one.

mod keys;
mod progress;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use waxseal_store::backup::{self, BackupKey};
use waxseal_system::SystemRandom;

use crate::{
    admin::{self, Request},
    cli::Backup,
    config::Config,
    control,
    house::{self, House},
    operators::{self, Asking},
    output::{self, say},
};

/// Carries out a command.
pub(crate) async fn run(config: &Config, command: Backup, as_json: bool) -> Result<ExitCode> {
    let answer = match command {
        Backup::Create { path } => create(config, path).await?,
        Backup::List => admin::ask(config, Request::BackupList).await?,
        Backup::Prune => admin::ask(config, Request::BackupPrune).await?,
        Backup::Verify { path } => verify(config, &path).await?,
        Backup::Restore { path } => restore(config, &path).await?,
        Backup::Keys { path, old_copies_are_gone: gone } => {
            let path = path.map(std::path::absolute).transpose()?;
            admin::ask(config, Request::BackupKeys { path, gone }).await?
        }
        Backup::KeysRestore { path, without_audit_trail } => {
            keys::restore(config, &path, without_audit_trail).await?
        }
    };
    if as_json {
        say!("{answer}");
    } else {
        output::write(format_args!("{}", admin::describe(&answer)));
    }
    Ok(ExitCode::SUCCESS)
}

async fn create(config: &Config, path: Option<PathBuf>) -> Result<Value> {
    // A server has a folder of its own to start from.
    let path = path.map(std::path::absolute).transpose()?;
    let folder = path.as_deref().and_then(Path::parent).unwrap_or(&config.backup_folder).to_owned();
    progress::beside(&folder, admin::ask(config, Request::BackupCreate { path })).await
}

/// Where a store is, that it is opened is recorded there; a backup can be checked anywhere else as well.
async fn verify(config: &Config, path: &Path) -> Result<Value> {
    let key = BackupKey::load(&house::backups_config(config).key, None).await?;
    if config.key_store().join("keys.db").exists() {
        admin::ask(config, Request::BackupVerify).await?;
    }
    let of = path.to_owned();
    let verified = tokio::task::spawn_blocking(move || backup::verify(&of, &key)).await??;
    let mut answer = admin::backup_told(&verified.header, &verified.totals);
    answer["path"] = path.display().to_string().into();
    answer["bytes"] = verified.bytes.into();
    Ok(answer)
}

async fn restore(config: &Config, path: &Path) -> Result<Value> {
    Asking::here(config).wants(operators::BACKUP_RESTORE)?;
    if control::answers(&config.control_socket).await {
        bail!(
            "a server is running on {}: stop it, and put its database aside; a backup is restored into an empty one",
            config.data_dir.display()
        );
    }
    let key = BackupKey::load(&house::backups_config(config).key, None).await?;
    let restored = backup::restore(path, &key, &house::store_config(config), Arc::new(SystemRandom)).await?;
    // Opening the house erases what was erased since, records the restore, and deletes what is over.
    let house = House::open_in_turn(config).await.context(
        "everything is restored, and nobody may come in yet: `waxseal serve` tries the rest again",
    )?;
    let reapplied = house.store.reapplied();
    house.close().await;
    let mut answer = admin::backup_told(&restored.header, &restored.totals);
    answer["erased_again"] = json!({ "erasures": reapplied.erasures, "rows": reapplied.rows });
    Ok(answer)
}

//! A copy of every file as it lay before the erasure, with nothing sealed on top: what whoever has it can get out of it once
//! the keys are gone.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, Result};
use waxseal_store::{
    Engine, MasterKey, Store, StoreConfig,
    proof::{Attempts, Scratch, SealedObject},
};
use waxseal_system::{SystemClock, SystemRandom};

use super::{before::Before, canary::Canaries, report::Report, stage::Stage, traces::Traces};

/// The copy: the data folder, and the database's own files where they can be read.
pub(super) struct RawCopy {
    data: PathBuf,
    /// PostgreSQL's, where there is one and its files can be read.
    database: Option<PathBuf>,
    on_sqlite: bool,
}

impl RawCopy {
    /// Takes it; the server was killed, so that its logs of changes lie there as well.
    pub(super) async fn take(stage: &Stage, scratch: Option<&Scratch>) -> Result<Self> {
        let folder = stage.folder.join("raw");
        let data = folder.join("data");
        for folder in stage.kept() {
            copy(&folder, &data)?;
        }
        let mut database = None;
        if let Some(scratch) = scratch
            && let Some(files) = scratch.files().await?
        {
            let to = folder.join("database");
            copy(&files.tables, &to.join("tables"))?;
            copy(&files.wal, &to.join("wal"))?;
            database = Some(to);
        }
        Ok(Self { data, database, on_sqlite: scratch.is_none() })
    }

    /// Nothing in it is readable but what the inventory has rest in the clear; and of what is sealed in it no key of today opens
    /// any.
    pub(super) async fn look(
        &self,
        report: &mut Report,
        stage: &Stage,
        today: &Store,
        (before, canaries): (&Before, &Canaries),
        account: waxseal_model::AccountId,
    ) -> Result<()> {
        let folders: Vec<PathBuf> = std::iter::once(&self.data).chain(&self.database).cloned().collect();
        let sealed = canaries.all().filter(|(field, ..)| !before.declared_clear.contains_key(field));
        let sealed: Vec<String> = sealed.map(|(_, _, word)| word.to_owned()).collect();
        let words = sealed.len();
        let found = Traces::words(sealed).in_files(&folders).await?;
        let clear: Vec<String> = before
            .declared_clear
            .iter()
            .map(|(field, columns)| {
                format!("{field} ({})", columns.iter().cloned().collect::<Vec<_>>().join(", "))
            })
            .collect();
        let clear = match clear.is_empty() {
            true => "nothing is declared to rest in the clear".to_owned(),
            false => format!("declared to rest in the clear: {}", clear.join("; ")),
        };
        let told = format!(
            "{} hits of {words} canaries in {} files of {} bytes{}; {clear}",
            found.hits,
            found.files,
            found.bytes,
            found.told()
        );
        report.check("a raw copy from before shows nothing that is sealed", found.hits == 0, told);

        let of_its_own;
        let (objects, then) = match self.on_sqlite {
            true => {
                of_its_own = self.objects(stage, account).await?;
                (&of_its_own.0, of_its_own.1)
            }
            // The copy cannot be opened without a PostgreSQL over it: its values were taken from the tables as it was.
            false => (&before.objects, before.opened),
        };
        let Attempts { objects: tried, keys, opened } = today.try_every_key(objects).await?;
        let told = format!(
            "{tried} objects tried with each of {keys} keys that remain, {opened} opened ({} with the keys of then)",
            then.opened
        );
        let holds = tried > 0 && then.opened == tried && opened == 0;
        report.check("a raw copy from before opens with no key of today", holds, told);
        Ok(())
    }

    /// What is sealed of the account in the copy's database, and how much of it the copy's own keys open.
    async fn objects(
        &self,
        stage: &Stage,
        account: waxseal_model::AccountId,
    ) -> Result<(Vec<SealedObject>, Attempts)> {
        // Opening a database changes it.
        let folder = stage.folder.join("raw-opened");
        copy(&self.data, &folder)?;
        let config = StoreConfig {
            data_dir: folder.clone(),
            engine: Engine::Sqlite,
            master_key: MasterKey::File(folder.join("master.key")),
            keys_dir: None,
        };
        let store = Store::open(config, Arc::new(SystemClock::new()), Arc::new(SystemRandom)).await?;
        let looked = async {
            let objects = store.sealed_objects(account).await?;
            let attempts = store.try_every_key(&objects).await?;
            anyhow::Ok((objects, attempts))
        };
        let looked = looked.await;
        store.close().await;
        looked
    }
}

/// Copies files and folders; sockets are neither.
fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| from.display().to_string())? {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        let copied = to.join(entry.file_name());
        if kind.is_dir() {
            copy(&path, &copied)?;
        } else if kind.is_file() {
            match fs::copy(&path, &copied) {
                // PostgreSQL puts files away as it likes.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                other => {
                    other.with_context(|| path.display().to_string())?;
                }
            }
        }
    }
    Ok(())
}

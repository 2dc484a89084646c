//! The erasure, and what is there afterwards: nothing of the erased, and all of the bystander.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, Result, ensure};
use hyper::{Method, StatusCode};
use waxseal_store::{
    Store, StoreConfig,
    proof::{Attempts, Scratch},
};
use waxseal_system::{SystemClock, SystemRandom};

use super::{
    before::Before,
    dump::{self, Dump},
    form::Form,
    history::Lived,
    leaks,
    life::{Customer, text},
    open,
    report::{Report, Took},
    server,
    stage::{Stage, TEMPORARY},
    traces::{self, Traces, told},
};
use crate::{admin::Request, house};

/// Between two looks at the keys.
const LOOK: Duration = Duration::from_millis(10);

/// The customer asks for it, by the API. The server is stopped afterwards.
pub(super) async fn erase(report: &mut Report, stage: &mut Stage, lived: &Lived<'_>) -> Result<()> {
    let erased = lived.erased.as_ref().context("nobody to erase")?;
    stage.start(None).await?;
    let path = "/v1/privacy/account";
    let begun = tokio::time::Instant::now();
    let (status, answer) = erased.call(stage, Method::DELETE, path, &erased.key, Form::new()).await?;
    ensure!(status.is_success(), "the wish to be erased is answered with {status}");
    let id = text(&answer["erasure"], "id")?;
    while keys(stage, erased).await? > 0 {
        tokio::time::sleep(LOOK).await;
    }
    let keys_gone = begun.elapsed();
    stage.erased(&id).await?;
    let done = begun.elapsed();
    report.took = Took { keys_gone_ms: keys_gone.as_millis(), all_gone_ms: done.as_millis() };
    let left = keys(stage, erased).await?;
    let told =
        format!("{} ms after the final decision no key was left; {left} at the end", keys_gone.as_millis());
    report.check("its keys are destroyed, and none is made again", left == 0, told);
    let certificate = stage.ask(Request::Certificate { erasure: id }).await?;
    let hits: u64 =
        certificate["scans"].as_array().into_iter().flatten().filter_map(|scan| scan["hits"].as_u64()).sum();
    let rows: u64 = certificate["rows_erased"]
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(_, rows)| rows.as_u64())
        .sum();
    let told = format!("after {:.1} s, {rows} rows erased, {hits} hits certified", done.as_secs_f64());
    report.check("its rows and files are gone, with a certificate", rows > 0 && hits == 0, told);
    let (status, _) = erased.call(stage, Method::GET, path, &erased.key, Form::new()).await?;
    report.check(
        "its API key opens nothing",
        status == StatusCode::UNAUTHORIZED,
        format!("answered with {status}"),
    );
    let (status, _) = erased.call(stage, Method::GET, path, &lived.bystander_key, Form::new()).await?;
    report.check("the bystander's works", status == StatusCode::OK, format!("answered with {status}"));
    stage.stop().await
}

async fn keys(stage: &Stage, erased: &Customer<'_>) -> Result<usize> {
    let listed = stage.ask(Request::KeysList).await?;
    let account = erased.account.to_string();
    Ok(listed["items"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|key| key["account_id"] == account.as_str())
        .count())
}

/// What there is to look at.
pub(super) struct Scene<'a> {
    pub(super) stage: &'a Stage,
    pub(super) scratch: Option<&'a Scratch>,
    pub(super) lived: &'a Lived<'a>,
    pub(super) before: &'a Before,
    pub(super) control: &'a Dump,
}

impl Scene<'_> {
    /// Nothing is found or opened, and the bystander has what he would have without the other.
    pub(super) async fn look(&self, report: &mut Report) -> Result<()> {
        self.files(report, "after: no file shows anything of it").await?;
        self.whole_run(report).await?;
        if let Some(scratch) = self.scratch {
            server::look(report, scratch, &self.everything()).await.context("PostgreSQL's own files")?;
        }
        let store = open(self.stage).await?;
        let looked = self.store(report, &store).await;
        store.close().await;
        looked?;
        self.old_keyring(report).await?;
        self.raw_copy(report).await?;
        let folders = traces::folders(&self.stage.folder, None);
        let erased = self.erased()?;
        let found = leaks::found(&folders, erased.canaries).await?;
        let told =
            format!("{found} of {} leaks found that were planted in what was searched", leaks::PLANTED);
        report.check("the search finds what is there", found == leaks::PLANTED, told);
        Ok(())
    }

    /// A backup from before, restored with the keys of today.
    pub(super) async fn restored(&self, report: &mut Report) -> Result<()> {
        match self.scratch {
            Some(scratch) => scratch.clear().await?,
            None => {
                for name in ["waxseal.db", "waxseal.db-wal", "waxseal.db-shm"] {
                    let path = self.stage.data().join(name);
                    if path.exists() {
                        std::fs::remove_file(path)?;
                    }
                }
            }
        }
        let backup = self.lived.backup.display().to_string();
        let answer = self.stage.command(&["backup", "restore", &backup]).await?;
        let (rows, again) = (&answer["rows"], &answer["erased_again"]["rows"]);
        let brought = again.as_u64().unwrap_or_default() > 0;
        let found = format!("{rows} rows restored, {again} of them erased again before anybody came in");
        report.check("a backup from before is restored without it", brought, found);
        self.files(report, "restored: no file shows anything of it").await?;
        let store = open(self.stage).await?;
        let looked = async {
            let (values, places) = self.everything().in_tables(&store).await?;
            let found = format!("{} hits in {values} values{}", places.len(), told(&places));
            report.check("restored: no table holds anything of it", places.is_empty(), found);
            self.bystander(report, &store, "restored: the bystander's dump equals the control").await
        };
        let looked = looked.await;
        store.close().await;
        looked
    }

    async fn store(&self, report: &mut Report, store: &Store) -> Result<()> {
        let erased = self.erased()?;
        let left: u64 = store.rows_left(erased.account).await?.values().sum();
        report.check("after: no row is its", left == 0, format!("{left} rows"));
        let (values, places) = self.everything().in_tables(store).await?;
        let what = self.everything().count();
        let found =
            format!("{} hits in {values} values, of {what} words and values{}", places.len(), told(&places));
        report.check("after: no table holds anything of it", places.is_empty(), found);
        let Attempts { objects, keys, opened } = store.try_every_key(&self.before.objects).await?;
        let found = format!("{opened} of the {objects} sealed values from before with {keys} remaining keys");
        report.check("after: no key opens what was sealed", objects > 0 && opened == 0, found);
        self.bystander(report, store, "after: the bystander's dump equals the control").await
    }

    async fn bystander(&self, report: &mut Report, store: &Store, what: &'static str) -> Result<()> {
        let dump = dump::of(store, self.lived.bystander).await?;
        let (lost, gained) = (dump::difference(self.control, &dump), dump::difference(&dump, self.control));
        let rows: u64 = dump.values().sum();
        let mut told = format!("{rows} rows, {} missing, {} too many", lost.len(), gained.len());
        for (word, lines) in [("missing", &lost), ("too many", &gained)] {
            told.extend(lines.iter().take(3).map(|line| format!("\n          {word}: {line}")));
        }
        report.check(what, rows > 0 && lost.is_empty() && gained.is_empty(), told);
        Ok(())
    }

    /// What every life of the server said, from the first on, and every path that there was.
    async fn whole_run(&self, report: &mut Report) -> Result<()> {
        let (lives, seen) = (self.stage.lives(), self.stage.seen());
        let logs = self.stage.folder.join("logs");
        let found = self.before.traces.in_files(&[logs]).await?;
        let told = format!(
            "{} hits in log, output and metrics of {lives} lives, {} files of {} bytes{}",
            found.hits,
            found.files,
            found.bytes,
            found.told()
        );
        report.check(
            "the whole run: nothing that was logged or counted shows it",
            found.hits == 0 && found.files == u64::from(lives) * 3,
            told,
        );
        let unknown = seen.unknown();
        let told =
            format!("{} unknown of {} paths, seen in {} looks", unknown.len(), seen.paths.len(), seen.looks);
        let told = if unknown.is_empty() { told } else { format!("{told}: {}", unknown.join(", ")) };
        let left = std::fs::read_dir(self.stage.folder.join(TEMPORARY))?.count();
        let told = format!("{told}; {left} temporary files left");
        report.check(
            "the whole run: the inventory knows every file",
            unknown.is_empty() && left == 0 && !seen.paths.is_empty(),
            told,
        );
        Ok(())
    }

    async fn raw_copy(&self, report: &mut Report) -> Result<()> {
        let erased = self.erased()?;
        let store = open(self.stage).await?;
        let what = (self.before, erased.canaries);
        let looked = self.lived.raw.look(report, self.stage, &store, what, erased.account).await;
        store.close().await;
        looked.context("the raw copy")
    }

    async fn files(&self, report: &mut Report, what: &'static str) -> Result<()> {
        let database = match self.scratch {
            Some(scratch) => scratch.files().await?.map(|files| files.tables),
            None => None,
        };
        let data: Vec<_> = self.stage.kept().into_iter().chain(database).collect();
        let found = self.everything().in_files(&data).await?;
        // Numbers of messages stand in the log, which lead nowhere once the rows are gone.
        let beside = ["logs", "exports"].map(|name| self.stage.folder.join(name));
        let logs = self.before.traces.in_files(&beside).await?;
        let hits = found.hits + logs.hits;
        let told = format!(
            "{hits} hits in {} files of {} bytes, in twelve encodings{}{}",
            found.files + logs.files,
            found.bytes + logs.bytes,
            found.told(),
            logs.told(),
        );
        report.check(what, hits == 0, told);
        Ok(())
    }

    /// A copy of the keyring from before is of no use with the epoch of today.
    async fn old_keyring(&self, report: &mut Report) -> Result<()> {
        let mut opens = Vec::new();
        for epoch in [self.before.keyring.join("keys.epoch"), self.stage.keys().join("keys.epoch")] {
            let folder = self.stage.folder.join(format!("keyring-{}", opens.len()));
            std::fs::create_dir(&folder)?;
            for name in ["keys.db", "master.key"] {
                std::fs::copy(self.before.keyring.join(name), folder.join(name))?;
            }
            std::fs::copy(epoch, folder.join("keys.epoch"))?;
            let config = StoreConfig {
                data_dir: folder.clone(),
                keys_dir: None,
                ..house::store_config(&self.stage.config()?)
            };
            let master_key = waxseal_store::MasterKey::File(folder.join("master.key"));
            let config = StoreConfig { engine: waxseal_store::Engine::Sqlite, master_key, ..config };
            let store = Store::open(config, Arc::new(SystemClock::new()), Arc::new(SystemRandom)).await;
            opens.push(store.is_ok());
            if let Ok(store) = store {
                store.close().await;
            }
        }
        let told = match opens.as_slice() {
            [true, false] => {
                "it could be read with the epoch of its time, and cannot with today's".to_owned()
            }
            _ => format!("could be read before: {:?}, now: {:?}", opens.first(), opens.get(1)),
        };
        report.check("after: a copy of the keyring from before opens nothing", opens == [true, false], told);
        Ok(())
    }

    /// Canaries, ids and whatever the instance made for it.
    fn everything(&self) -> Traces {
        self.before.traces.with(self.before.own.iter().cloned())
    }

    fn erased(&self) -> Result<&Customer<'_>> {
        self.lived.erased.as_ref().context("nobody was erased")
    }
}

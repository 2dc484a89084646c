//! `waxseal privacy prove-erasure`: shows on a platform of its own that an erased account is gone, and nothing else.
//!
//! A control run comes first: one customer, the bystander, does everything there is to do. Then the same bystander does the
//! same beside another customer, who is erased; a crash and a full disk befall both while they have mail under way. Afterwards nothing of the erased may be found or
//! opened anywhere, and what is there of the bystander has to be what it was without the other.

mod after;
mod before;
mod canary;
mod coverage;
mod dump;
mod failures;
mod form;
mod history;
mod leaks;
mod life;
mod paths;
mod raw;
mod report;
mod server;
mod stage;
mod traces;

use std::{path::Path, process::ExitCode, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use waxseal_model::Clock as _;
use waxseal_store::{Store, proof::Scratch};
use waxseal_system::{SystemClock, SystemRandom};

use self::{canary::Canaries, report::Report, stage::Stage};
use crate::{
    cli::ProveErasure,
    config::{LogFormat, LogLevel},
    house, logging,
    output::{self, say},
    quickstart::folder::Folder,
    serve::Signals,
};

/// All of it.
const TIME: Duration = Duration::from_secs(30 * 60);

/// Proves it, prints what was found, and leaves nothing behind.
pub(crate) async fn run(options: ProveErasure, as_json: bool) -> Result<ExitCode> {
    // That erasures are applied again is what is wanted here.
    logging::start(LogLevel::Error, LogFormat::Text);
    let mut signals = Signals::catch()?;
    if let Some(folder) = &options.keep {
        std::fs::create_dir(folder).with_context(|| format!("--keep {}", folder.display()))?;
    }
    let scratch = match &options.database {
        Some(url) => {
            ensure!(
                url.starts_with("postgres://") || url.starts_with("postgresql://"),
                "--database must be a postgres:// URL"
            );
            Some(Scratch::claim(url).await.context("--database")?)
        }
        None => None,
    };
    let keep = options.keep.map(std::path::absolute).transpose()?;
    let folder = Folder::given_or_temporary("proof", keep)?;
    let proof = tokio::select! {
        proof = tokio::time::timeout(TIME, prove(folder.path(), scratch.as_ref(), options.keys_apart)) => proof.context("not done within 30 minutes"),
        () = signals.next() => Err(anyhow::anyhow!("interrupted")),
    };
    if let Some(scratch) = &scratch {
        scratch.clear().await.context("the database could not be emptied again")?;
    }
    let report = match proof.and_then(|proof| proof) {
        Ok(report) => report,
        Err(error) => bail!("nothing is proved: {error:#}"),
    };
    let json = serde_json::to_string_pretty(&report)?;
    if let Some(file) = &options.report {
        std::fs::write(file, &json).with_context(|| format!("--report {}", file.display()))?;
    }
    match as_json {
        true => say!("{json}"),
        false => output::write(format_args!("{}", report.table())),
    }
    Ok(if report.sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn prove(folder: &Path, scratch: Option<&Scratch>, keys_apart: bool) -> Result<Report> {
    let engine = if scratch.is_some() { "postgres" } else { "sqlite" };
    let mut report = Report::new(engine, format!("{:.0}", SystemClock::new().now().to_jiff()));
    let (goes, stays) = (Canaries::fresh(), Canaries::fresh());
    let store = (scratch.map(Scratch::url), keys_apart);

    told("a control run with the bystander alone");
    let mut stage = Stage::set(&folder.join("control"), store, &[&stays]).await?;
    let lived = history::of(&mut stage, scratch, &stays, None).await.context("the control run")?;
    let control = {
        let store = open(&stage).await?;
        let dump = dump::of(&store, lived.bystander).await;
        store.close().await;
        dump?
    };
    drop(stage);
    if let Some(scratch) = scratch {
        scratch.clear().await?;
    }

    told("the run with the account that will be erased");
    let mut stage = Stage::set(&folder.join("proof"), store, &[&goes, &stays]).await?;
    let lived = history::of(&mut stage, scratch, &stays, Some(&goes)).await.context("the run")?;
    let erased = lived.erased.as_ref().context("nobody to erase")?;
    report.notes.extend(lived.notes.iter().cloned());
    told("a look at what is there before");
    let before = before::look(&mut report, &stage, scratch, erased).await.context("the look before")?;
    told("the erasure");
    after::erase(&mut report, &mut stage, &lived).await.context("the erasure")?;
    told("a look at what is there after");
    let scene = after::Scene { stage: &stage, scratch, lived: &lived, before: &before, control: &control };
    scene.look(&mut report).await.context("the look after")?;
    scene.restored(&mut report).await.context("the restored backup")?;
    Ok(report)
}

/// Says on standard error what is being done.
fn told(what: &str) {
    eprintln!("waxseal: {what}");
}

/// The store of a stage whose server does not run.
async fn open(stage: &Stage) -> Result<Store> {
    let config = house::store_config(&stage.config()?);
    Ok(Store::open(config, Arc::new(SystemClock::new()), Arc::new(SystemRandom)).await?)
}

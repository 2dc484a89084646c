//! What happens on the stage: lives of customers, a crash, a full disk, keys wrapped anew, a backup, a power cut.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use waxseal_model::AccountId;
use waxseal_store::proof::Scratch;

use super::{canary::Canaries, failures, life::Customer, raw::RawCopy, stage::Stage};
use crate::admin::Request;

/// What is left of it: the server is stopped.
pub(super) struct Lived<'a> {
    pub(super) bystander: AccountId,
    pub(super) bystander_key: String,
    pub(super) erased: Option<Customer<'a>>,
    pub(super) backup: PathBuf,
    /// Every file as it lay at the end, with the server killed.
    pub(super) raw: RawCopy,
    /// What could not be done here.
    pub(super) notes: Vec<String>,
}

/// Lets it happen. Failures befall whoever is there, and both alike: what a crash leaves to chance, calls that are made
/// again with their idempotency key make good.
pub(super) async fn of<'a>(
    stage: &mut Stage,
    scratch: Option<&Scratch>,
    stays: &Canaries,
    goes: Option<&'a Canaries>,
) -> Result<Lived<'a>> {
    let mut notes = Vec::new();
    stage.start(None).await?;
    let mut waiting = 0;
    let mut erased = None;
    if let Some(goes) = goes {
        waiting += 1;
        erased = Some(Customer::live(stage, goes, waiting).await?);
    }
    waiting += 1;
    let bystander = Customer::live(stage, stays, waiting).await.context("the bystander")?;
    let everybody: Vec<&Customer<'_>> = erased.iter().chain([&bystander]).collect();
    failures::crash(stage, &everybody).await.context("a crash")?;
    stage.at_rest(waiting).await?;
    stage.stop().await?;
    match stage.is_on_sqlite() {
        true => failures::full(stage, &everybody).await.context("a full disk")?,
        false => {
            notes.push("a full disk is not made: the database's disk is not the proof's".into());
            stage.start(None).await?;
        }
    }
    stage.at_rest(waiting).await?;
    stage.ask(Request::KeysRotate).await?;
    let made = stage.ask(Request::BackupCreate { path: None }).await?;
    let backup = PathBuf::from(super::life::text(&made, "path")?);
    stage.kill().await?;
    let raw = RawCopy::take(stage, scratch).await.context("a copy of every file")?;
    stage.start(None).await?;
    stage.at_rest(waiting).await?;
    stage.stop().await?;
    let Customer { account, key, .. } = bystander;
    Ok(Lived { bystander: account, bystander_key: key, erased, backup, raw, notes })
}

//! What happens on the stage: lives of customers, a crash, a full disk, keys wrapped anew, a backup.

use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use hyper::{Method, StatusCode};
use waxseal_model::AccountId;

use super::{
    canary::Canaries,
    form::Form,
    life::{Customer, plain},
    stage::Stage,
};
use crate::admin::Request;

/// Messages in flight when the server dies.
const IN_FLIGHT: usize = 10;
/// On a full disk no file grows beyond so many blocks of 512 bytes, and a message is larger than that.
const BLOCKS: u32 = 8 << 10;
const LARGE: usize = 6 << 20;

/// What is left of it: the server is stopped.
pub(super) struct Lived<'a> {
    pub(super) bystander: AccountId,
    pub(super) bystander_key: String,
    pub(super) erased: Option<Customer<'a>>,
    pub(super) backup: PathBuf,
    /// What could not be done here.
    pub(super) notes: Vec<String>,
}

/// Lets it happen. Failures befall the one who will be erased alone, so that the bystander's life is the same each time.
pub(super) async fn of<'a>(
    stage: &mut Stage,
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
    crash(stage, erased.as_ref()).await.context("a crash")?;
    stage.at_rest(waiting).await?;
    stage.stop().await?;
    match stage.is_on_sqlite() {
        true => full(stage, erased.as_ref()).await.context("a full disk")?,
        false => notes.push("a full disk is not made: the database's disk is not the proof's".into()),
    }
    stage.start(None).await?;
    stage.at_rest(waiting).await?;
    stage.ask(Request::KeysRotate).await?;
    let made = stage.ask(Request::BackupCreate { path: None }).await?;
    let backup = PathBuf::from(super::life::text(&made, "path")?);
    stage.stop().await?;
    let Customer { account, key, .. } = bystander;
    Ok(Lived { bystander: account, bystander_key: key, erased, backup, notes })
}

/// The server dies while messages are taken and handed over.
async fn crash(stage: &mut Stage, customer: Option<&Customer<'_>>) -> Result<()> {
    if let Some(customer) = customer {
        let domain = customer.canaries.domain();
        let to = customer.canaries.address("recipient in flight at a crash");
        for _ in 0..IN_FLIGHT {
            let text = customer.canaries.of("text in flight at a crash");
            let form = plain(&format!("app@{domain}"), &to, "in flight", text);
            customer.send(stage, &domain, form.file("attachment", "a.bin", &super::leaks::noise(64))).await?;
        }
    }
    stage.kill().await?;
    stage.start(None).await
}

/// The disk is full when a message comes; then the server dies.
async fn full(stage: &mut Stage, customer: Option<&Customer<'_>>) -> Result<()> {
    stage.start(Some(BLOCKS)).await?;
    if let Some(customer) = customer {
        let domain = customer.canaries.domain();
        let mut file = customer.canaries.of("file on a full disk").as_bytes().to_vec();
        file.resize(LARGE, b'0');
        let to = customer.canaries.address("recipient on a full disk");
        let form: Form =
            plain(&format!("app@{domain}"), &to, "large", "text").file("attachment", "l.bin", &file);
        let path = format!("/v3/{domain}/messages");
        let (status, _) = customer.call(stage, Method::POST, &path, &customer.key, form).await?;
        ensure!(
            status == StatusCode::SERVICE_UNAVAILABLE,
            "on a full disk a message is answered with {status}"
        );
    }
    stage.kill().await
}

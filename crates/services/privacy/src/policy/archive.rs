//! Where reports are kept: `reports/policy-YYYY-MM-DD.json`, one for each day, for as long as the operator says.

use std::path::PathBuf;

use thiserror::Error;
use waxseal_model::{Timestamp, time::Day};
use waxseal_store::{Store, StoreError, instance_secret::InstanceSecret, kept_file};

use super::report::{Report, SignedReport};

/// A report could not be kept or read.
#[derive(Debug, Error)]
pub enum ReportError {
    /// A file.
    #[error("reports: {0}")]
    File(#[from] std::io::Error),
    /// The key that signs.
    #[error("reports: {0}")]
    Store(#[from] StoreError),
    /// A file is not as it was signed.
    #[error("reports: {0} is not as it was signed")]
    Altered(String),
    /// Signing failed, or the program ends.
    #[error("reports: not signed")]
    Unsigned,
}

/// The reports of an instance. Cheap to clone.
#[derive(Clone)]
pub struct Reports {
    store: Store,
    folder: PathBuf,
    kept_days: u32,
}

impl Reports {
    /// Reports in `folder`, made with the first one; each is kept for so many days.
    pub const fn new(store: Store, folder: PathBuf, kept_days: u32) -> Self {
        Self { store, folder, kept_days }
    }

    /// Signs a report and keeps it as that of its day; deletes those whose time is over.
    pub async fn keep(&self, report: Report) -> Result<SignedReport, ReportError> {
        let seed = self.store.instance_secret(InstanceSecret::ReportSigning).await?;
        let day = Timestamp::from_micros(report.at).day();
        let signed = SignedReport::sign(report, &seed).ok_or(ReportError::Unsigned)?;
        let file = signed.to_file().ok_or(ReportError::Unsigned)?;
        let (folder, kept_days) = (self.folder.clone(), self.kept_days.cast_signed());
        blocking(move || {
            kept_file::replace(&folder, &name(day), &file)?;
            let first_kept = name(Day(day.0.saturating_sub(kept_days)));
            for old in kept_file::names(&folder)?.iter().filter(|old| is_report(old) && **old < first_kept) {
                kept_file::remove(&folder, old)?;
            }
            Ok(())
        })
        .await?;
        Ok(signed)
    }

    /// The report of a day (`2026-03-01`), or the latest; `None` if there is none.
    pub async fn of(&self, day: Option<&str>) -> Result<Option<SignedReport>, ReportError> {
        let (folder, day) = (self.folder.clone(), day.map(|day| format!("policy-{day}.json")));
        blocking(move || {
            let mut names = kept_file::names(&folder)?.into_iter().filter(|name| is_report(name));
            let wanted = match day {
                Some(day) => names.find(|name| *name == day),
                None => names.next_back(),
            };
            let Some(name) = wanted else { return Ok(None) };
            let file = kept_file::read(&folder, &name)?.unwrap_or_default();
            SignedReport::read(&file).map(Some).ok_or(ReportError::Altered(name))
        })
        .await
    }

    /// Whether this instance signed it.
    pub async fn is_own(&self, signed: &SignedReport) -> Result<bool, ReportError> {
        let seed = self.store.instance_secret(InstanceSecret::ReportSigning).await?;
        let again = SignedReport::sign(signed.report.clone(), &seed).ok_or(ReportError::Unsigned)?;
        Ok(again.key == signed.key)
    }
}

fn name(day: Day) -> String {
    format!("policy-{}.json", day.start().to_jiff().strftime("%Y-%m-%d"))
}

fn is_report(name: &str) -> bool {
    name.starts_with("policy-") && name.ends_with(".json")
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ReportError> + Send + 'static,
) -> Result<T, ReportError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| ReportError::Unsigned)?
}

//! The check of every night: by the clock, and made up for when nobody ran at its time.

use std::{future::Future, pin::pin, time::Duration};

use waxseal_model::{Clock, Timestamp};

use super::{
    archive::{ReportError, Reports},
    report::Report,
};

const DAY: Duration = Duration::from_secs(86_400);
/// A start is left alone for so long before a missed check is made up for.
const SETTLE: Duration = Duration::from_secs(60);
/// After a failure the next attempt comes sooner.
const AFTER_FAILURE: Duration = Duration::from_secs(300);

/// The last time at or before `now` at which a check was due, `minute` minutes after midnight UTC.
pub fn last_due(now: Timestamp, minute: u32) -> Timestamp {
    let today = now.day().start() + Duration::from_secs(u64::from(minute) * 60);
    if today <= now { today } else { today - DAY }
}

/// Whether no report has been kept since a check was due.
pub async fn is_due(reports: &Reports, now: Timestamp, minute: u32) -> Result<bool, ReportError> {
    let latest = reports.of(None).await?;
    Ok(latest.is_none_or(|latest| Timestamp::from_micros(latest.report.at) < last_due(now, minute)))
}

/// Checks whenever it is due, and keeps what was found, until `stop` is done.
pub async fn run<F: Future<Output = Result<Report, ReportError>>>(
    clock: &dyn Clock,
    reports: &Reports,
    minute: u32,
    check: impl Fn() -> F,
    stop: impl Future<Output = ()>,
) {
    let mut stop = pin!(stop);
    let mut next = clock.now() + SETTLE;
    loop {
        tokio::select! {
            () = &mut stop => return,
            () = clock.sleep_until(next) => {}
        }
        let round = async {
            // A latest report that cannot be read is no reason to make none.
            if is_due(reports, clock.now(), minute).await.unwrap_or(true) {
                reports.keep(check().await?).await?;
            }
            Ok::<_, ReportError>(())
        };
        let outcome = tokio::select! {
            () = &mut stop => return,
            outcome = round => outcome,
        };
        next = match outcome {
            Ok(()) => last_due(clock.now(), minute) + DAY,
            Err(error) => {
                tracing::warn!(%error, "the promises were not checked; another attempt follows soon");
                clock.now() + AFTER_FAILURE
            }
        };
    }
}

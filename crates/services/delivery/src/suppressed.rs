//! Recipients that were suppressed while their message waited: it may have waited for days, and an earlier one may have
//! told that the address is dead.

use std::time::Duration;

use waxseal_model::{Access, actor, event::EventDetails, purpose, suppression::Verdict};
use waxseal_store::StoreError;

use crate::{
    attempt::Started,
    board::Job,
    outcome::{ACCESS, Attempt, release},
    report::Report,
    service::Shared,
};

/// For each entry of the job, why it is not to be delivered.
pub(crate) async fn verdicts(
    shared: &Shared,
    template: &EventDetails,
    job: &Job,
) -> Result<Vec<Option<Verdict>>, StoreError> {
    let mut verdicts = vec![None; job.entries.len()];
    let Some(entry) = job.entries.first() else { return Ok(verdicts) };
    if job.entries.iter().all(|entry| shared.store.is_unlisted(entry)) {
        return Ok(verdicts);
    }
    let recipients: Vec<String> =
        job.entries.iter().map(|entry| entry.envelope.open(&ACCESS).recipient.clone()).collect();
    let access = Access::new(actor::System, purpose::Suppression);
    let place = (entry.account, entry.domain);
    for (index, verdict) in shared.store.verdicts(place, &recipients, &template.tags, &access).await? {
        verdicts[index] = Some(verdict);
    }
    Ok(verdicts)
}

/// Ends the entries with a verdict; the others are free again, and come back without them.
pub(crate) async fn end(
    shared: &Shared,
    started: &Started,
    template: &EventDetails,
    job: &Job,
    verdicts: &[Option<Verdict>],
) {
    let attempt = Attempt {
        template,
        began_at: started.at,
        took: Duration::ZERO,
        contact: None,
        utf8: None,
        may_expire: false,
    };
    let decisions = job.entries.iter().zip(verdicts).map(|(entry, verdict)| match verdict {
        Some(verdict) => {
            tracing::info!(mail = %entry.message, recipient = %entry.id, code = verdict.code(), "suppressed");
            attempt.decide(shared, entry, &Report::suppressed(*verdict))
        }
        None => release(entry),
    });
    shared.settler.settle(decisions.collect()).await;
}

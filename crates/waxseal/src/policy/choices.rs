//! What people may choose: P10 to P13.

use std::time::Duration;

use anyhow::{Result, ensure};
use waxseal_store::erasure::ErasureState;

use super::row::{Found, Instance, Row};

/// The rows.
pub(super) const ROWS: &[Row] = &[
    Row::unbuilt(
        "P10",
        "Opt-out of communications, honoured at once and within 30 days at the latest; service mail says so",
        "own communications, so there is nothing to opt out of",
    ),
    Row {
        row: "P11",
        promise: "The account is deleted on request: personal data gone everywhere, backups unreadable, holds visible",
        mechanism: "keys are destroyed first, rows and files follow, a search of all files is certified; a database that \
                    is put back is erased again before anybody comes in",
        missing: None,
        check: Some(|instance| Box::pin(erased(instance))),
    },
    Row::unbuilt(
        "P12",
        "A copy of all personal data on request, complete, machine-readable, within 30 days",
        "exports",
    ),
    Row::unbuilt(
        "P13",
        "Inaccurate personal data is corrected on request within 30 days",
        "changing an account's profile",
    ),
];

/// How long removing may take once it has begun.
const REMOVING: Duration = Duration::from_secs(15 * 60);

async fn erased(instance: &Instance<'_>) -> Result<Found> {
    let (store, now) = (&instance.house.store, instance.house.clock.now());
    let (erased, present) = store.erased_accounts().await?;
    ensure!(present == 0, "{present} of {erased} erased accounts have rows in the database");
    let (mut waiting, mut held, mut late) = (0, 0, 0);
    for erasure in store.open_erasures().await? {
        match erasure.state {
            ErasureState::Grace if store.is_held(&erasure).await? => held += 1,
            ErasureState::Grace if erasure.final_at > now => waiting += 1,
            _ if erasure.final_at + REMOVING < now => late += 1,
            _ => {}
        }
    }
    ensure!(late == 0, "{late} erasures should have been done: erasing goes on while a server runs");
    let holds = store.holds(None).await?.iter().filter(|hold| hold.in_force(now)).count();
    Found::all(format!(
        "{erased} accounts erased, 0 with rows left; {waiting} erasures waiting for their time, {held} held by {holds} \
         legal holds, 0 late"
    ))
}

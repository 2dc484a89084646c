//! What people may choose: P10 to P13.

use std::{collections::BTreeSet, time::Duration};

use anyhow::{Context as _, Result, ensure};
use waxseal_privacy::{
    audit::{Query, RecordedEntry},
    export::{self, ExportGround, ExportOrder},
};
use waxseal_store::{
    erasure::ErasureState, export::ExportSubject, export_file::ExportKey, request::RequestKind,
};

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
                    is put back is erased again before anybody comes in; copies of the keys open no more as soon as something \
                    is to be erased; who has no key asks by a register with a clock",
        missing: None,
        check: Some(|instance| Box::pin(erased(instance))),
    },
    Row {
        row: "P12",
        promise: "A copy of all personal data on request, complete, machine-readable, within 30 days",
        mechanism: "an export walks the columns that the inventory says are exported, and is sealed to a key shown once; \
                    customers ask for one by HTTP, operators make one for a recipient or a login; who has no key is in a \
                    register that counts down the days, checks who asks, and knows a fee that stops no clock",
        missing: None,
        check: Some(|instance| Box::pin(a_copy_opens(instance))),
    },
    Row {
        row: "P13",
        promise: "Inaccurate personal data is corrected on request within 30 days",
        mechanism: "customers and operators correct a profile at once, and the old values are overwritten before the \
                    answer is given; what lists say about a recipient is taken off or goes over to the right address; each \
                    correction is recorded; who has no key is in a register that counts down the days",
        missing: None,
        check: Some(|instance| Box::pin(corrections_are_recorded(instance))),
    },
];

/// None of what people asked of these kinds is past its day.
async fn answered_in_time(instance: &Instance<'_>, kinds: &[RequestKind]) -> Result<String> {
    let (overdue, open) = instance.house.requests().standing().await?.of(kinds);
    let names: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
    let names = names.join(" and ");
    ensure!(
        overdue == 0,
        "{overdue} of {open} open requests ({names}) are overdue: `waxseal privacy request list`"
    );
    Ok(format!("{open} requests open ({names}), 0 overdue"))
}

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
    let asked = answered_in_time(instance, &[RequestKind::Erasure]).await?;
    ensure!(late == 0, "{late} erasures should have been done: erasing goes on while a server runs");
    let holds = store.holds(None).await?.iter().filter(|hold| hold.in_force(now)).count();
    Found::all(format!(
        "{erased} accounts erased, 0 with rows left; {waiting} erasures waiting for their time, {held} held by {holds} \
         legal holds, 0 late; {asked}"
    ))
}

/// Makes an export about nobody, opens it and deletes it again: of somebody the check would open content, which is not
/// its business.
async fn a_copy_opens(instance: &Instance<'_>) -> Result<Found> {
    let asked = answered_in_time(instance, &[RequestKind::Access, RequestKind::Objection]).await?;
    let house = instance.house;
    let login = ExportSubject::Login {
        account: waxseal_model::AccountId::from_u128(0),
        login: "nobody@waxseal.invalid".into(),
    };
    let key = ExportKey::make(house.random.as_ref());
    let same = ExportKey::parse(&key.text()).context("a key")?;
    let folder = house.config.data_dir.join("policy-export");
    let clear = || match std::fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    };
    clear()?;
    std::fs::create_dir_all(&folder)?;
    let (ground, path) = (ExportGround::Nothing, folder.join("check.export"));
    let order = ExportOrder { by: None, ground, subjects: vec![login], requester: None, path, key };
    let made = export::make(&house.store, house.clock.as_ref(), &house.random, &house.audit, order).await;
    let opened = export::open(&folder.join("check.export"), &same, &folder.join("check.zip"));
    clear()?;
    let (made, opened) = (made?, opened?);
    ensure!(made.total() == 0, "an export about nobody holds {} rows", made.total());
    let map = waxseal_store::Store::data_map();
    let exported =
        map.iter().filter(|column| column.class.export == waxseal_model::data_class::Export::Yes).count();
    Found::all(format!(
        "an export about nobody was made, sealed, opened ({opened} bytes) and deleted; the data map gives out \
         {exported} of {} columns; {asked}",
        map.len()
    ))
}

/// Counts corrections: without its entry none is made.
async fn corrections_are_recorded(instance: &Instance<'_>) -> Result<Found> {
    let asked = answered_in_time(instance, &[RequestKind::Correction]).await?;
    let entries = instance.house.audit.entries(Query::default()).await?;
    let failed: BTreeSet<u64> = entries.iter().filter_map(RecordedEntry::failed).collect();
    let made =
        |what: &str| entries.iter().filter(|entry| entry.what == what && !failed.contains(&entry.n)).count();
    Found::all(format!(
        "{} corrections of profiles and {} of recipients in the audit trail; {asked}",
        made("profile_corrected"),
        made("recipient_corrected")
    ))
}

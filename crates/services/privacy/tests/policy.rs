//! Reports on the promises: made every night, signed, kept for a time.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use waxseal_model::{Clock as _, ManualClock, SeededRandom, Timestamp};
use waxseal_privacy::policy::{CheckedRow, Report, Reports, RowState, SignedReport, nightly};
use waxseal_store::{Engine, MasterKey, Store, StoreConfig};

const DAY: Duration = Duration::from_secs(86_400);
/// 2027-01-15T08:00:00Z; checks are due at three.
const START: i64 = 1_800_000_000;
const THREE: u32 = 180;

async fn reports(folder: &Path, clock: &Arc<ManualClock>) -> (Store, Reports) {
    let config = StoreConfig {
        engine: Engine::Sqlite,
        data_dir: folder.to_owned(),
        master_key: MasterKey::File(folder.join("master.key")),
        keys_dir: None,
    };
    let random = Arc::new(SeededRandom::new(3));
    let store = Store::open(config, clock.clone(), random).await.expect("a store");
    (store.clone(), Reports::new(store, folder.join("reports"), 400))
}

fn report(at: Timestamp) -> Report {
    let row = CheckedRow {
        row: "P3".into(),
        state: RowState::Works,
        mechanism: "m".into(),
        checked: "c".into(),
        promise: "p".into(),
        missing: None,
    };
    Report {
        at: at.as_micros(),
        version: "0".into(),
        home_region: Some("eu".into()),
        audit_entries: 1,
        audit_head: "00".into(),
        rows: vec![row],
    }
}

fn days(folder: &Path) -> Vec<String> {
    waxseal_store::kept_file::names(&folder.join("reports")).expect("names")
}

#[tokio::test]
async fn a_report_is_kept_signed_and_no_edit_of_it_passes() {
    let folder = tempfile::tempdir().expect("a folder");
    let clock = Arc::new(ManualClock::at(Timestamp::from_secs(START)));
    let (_store, reports) = reports(folder.path(), &clock).await;
    assert_eq!(reports.of(None).await.expect("read"), None);
    let kept = reports.keep(report(clock.now())).await.expect("kept");
    assert_eq!(days(folder.path()), ["policy-2027-01-15.json"]);
    assert_eq!(reports.of(None).await.expect("read").as_ref(), Some(&kept));
    assert_eq!(reports.of(Some("2027-01-15")).await.expect("read").as_ref(), Some(&kept));
    assert!(reports.is_own(&kept).await.expect("asked"));

    let names = waxseal_store::kept_file::read(&folder.path().join("reports"), "policy-2027-01-15.json");
    let file = names.expect("read").expect("there");
    assert!(SignedReport::read(&file).is_some());
    for at in 0..file.len() {
        let mut edited = file.clone();
        edited[at] ^= 1;
        assert!(SignedReport::read(&edited).is_none(), "byte {at}");
    }
    for edited in [[b" ".as_slice(), &file].concat(), file[..file.len() - 1].to_vec()] {
        assert!(SignedReport::read(&edited).is_none());
    }
}

#[tokio::test]
async fn old_reports_go() {
    let folder = tempfile::tempdir().expect("a folder");
    let clock = Arc::new(ManualClock::at(Timestamp::from_secs(START)));
    let (_store, reports) = reports(folder.path(), &clock).await;
    for _ in 0..3 {
        reports.keep(report(clock.now())).await.expect("kept");
        clock.advance(200 * DAY);
    }
    assert_eq!(days(folder.path()).len(), 3, "the first is four hundred days old");
    reports.keep(report(clock.now())).await.expect("kept");
    assert_eq!(days(folder.path()).len(), 3);
    assert_eq!(days(folder.path())[0], "policy-2027-08-03.json");
}

#[tokio::test]
async fn it_runs_every_night_and_what_was_missed_is_made_up_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let clock = Arc::new(ManualClock::at(Timestamp::from_secs(START)));
    let (_store, reports) = reports(folder.path(), &clock).await;
    let ran = Arc::new(AtomicU64::new(0));
    let start = || {
        let (clock, reports, ran) = (clock.clone(), reports.clone(), ran.clone());
        tokio::spawn(async move {
            let check = || async {
                ran.fetch_add(1, Ordering::SeqCst);
                Ok(report(clock.now()))
            };
            nightly::run(clock.as_ref(), &reports, THREE, check, std::future::pending()).await;
        })
    };
    // Waits until it sleeps, and tells until when.
    let asleep = async || loop {
        if let Some(at) = clock.next_sleeper().filter(|at| *at > clock.now()) {
            return at;
        }
        tokio::task::yield_now().await;
    };
    let count = || ran.load(Ordering::SeqCst);
    let task = start();
    let first = asleep().await;
    assert_eq!(first, clock.now() + Duration::from_secs(60), "a start is left alone for a minute");
    clock.advance(Duration::from_secs(60));
    let next = asleep().await;
    assert_eq!((count(), next.as_secs()), (1, START + 19 * 3600), "the next one is at three");
    clock.advance(next.since(clock.now()));
    let next = asleep().await;
    assert_eq!((count(), next.as_secs()), (2, START + 43 * 3600));
    task.abort();
    assert!(task.await.is_err(), "the server stops");
    // Off at three: made up for a minute after the start. Restarted soon after: not again.
    clock.advance(DAY);
    for expected in [3, 3] {
        let task = start();
        let settled = clock.now() + Duration::from_secs(60);
        while clock.next_sleeper() != Some(settled) {
            tokio::task::yield_now().await;
        }
        clock.advance(Duration::from_secs(60));
        asleep().await;
        assert_eq!(count(), expected);
        task.abort();
        assert!(task.await.is_err());
    }
}

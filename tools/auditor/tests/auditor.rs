//! The program tells how old things are, turns red for what is there too long, and changes nothing.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Command, Output},
    time::Duration,
};

use sqlx::Connection as _;
use waxseal_model::Clock as _;
use waxseal_testkit::{
    Platform,
    platform::{DOMAIN, SANDBOX, Setting},
    smtp_peer::Reaction,
};

const DAY: Duration = Duration::from_secs(86_400);
const HOUR: Duration = Duration::from_secs(3_600);

fn audit(folder: &Path, more: &[&str]) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_waxseal-auditor"));
    command.current_dir(folder).arg("--data").arg(folder).args(more);
    let Output { status, stdout, stderr } = command.output().expect("it starts");
    (status.success(), String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned())
}

/// What it says as of the platform's time, and whether it is content.
fn judged(platform: &Platform) -> (bool, serde_json::Value) {
    let now = platform.clock.now().to_jiff().to_string();
    let (holds, said) = audit(platform.folder.path(), &["--json", "--now", &now]);
    (holds, serde_json::from_str(&said).expect(&said))
}

fn item<'a>(report: &'a serde_json::Value, name: &str) -> &'a serde_json::Value {
    report["items"].as_array().expect("items").iter().find(|item| item["name"] == name).expect(name)
}

/// Names of what is past its limit.
fn past(report: &serde_json::Value) -> Vec<&str> {
    let items = report["items"].as_array().expect("items");
    items.iter().filter(|item| item["past"] != 0).filter_map(|item| item["name"].as_str()).collect()
}

async fn busy() -> Platform {
    let platform = Platform::start(Setting::default()).await.expect("a platform");
    platform.send(DOMAIN, "friend@recipient.test", "text", &[]).await.expect("sent");
    platform.send(SANDBOX, "friend@recipient.test", "text", &[]).await.expect("sent");
    platform.until_drained().await.expect("drained");
    platform
}

#[tokio::test]
async fn the_oldest_of_each_kind_is_told_beside_a_server_that_runs() {
    let platform = busy().await;
    platform.clock.advance(2 * HOUR);
    let (holds, report) = judged(&platform);
    assert!(holds, "{report}");
    assert_eq!(item(&report, "events")["count"], 4, "{report}");
    for name in ["events", "messages", "inbox_items"] {
        assert_eq!(item(&report, name)["oldest_age_seconds"], 7_200, "{report}");
        assert_eq!(item(&report, name)["oldest"], "2026-03-01T12:00:00Z", "{report}");
    }
    assert_eq!(item(&report, "content keys")["oldest"], "2026-03-01T00:00:00Z", "{report}");
    assert_eq!(item(&report, "bodies")["category"], "user.content.private");
    let now = platform.clock.now().to_jiff().to_string();
    let (_, said) = audit(platform.folder.path(), &["--now", &now]);
    assert!(said.ends_with("At 2026-03-01T14:00:00Z nothing is past its limit.\n"), "{said}");
    platform.stop().await;
}

#[tokio::test]
async fn what_nobody_deletes_turns_it_red_an_hour_after_its_limit() {
    let platform = busy().await;
    platform.peer.rescript(|script| script.set("RCPT", [Reaction::Say("451 4.2.0 later\r\n".into())]));
    platform.send(DOMAIN, "away@recipient.test", "text", &[]).await.expect("sent");
    platform.until(|| async { Ok(platform.events(DOMAIN).await?.len() == 4) }).await.expect("deferred");
    let folder = platform.folder.path();
    let at = |time: Duration| (platform.clock.now() + time).to_jiff().to_string();
    let json = |time: Duration| -> serde_json::Value {
        let (holds, said) = audit(folder, &["--json", "--now", &at(time)]);
        let report: serde_json::Value = serde_json::from_str(&said).expect(&said);
        assert_eq!(holds, report["holds"] == true, "{said}");
        report
    };
    assert_eq!(past(&json(3 * DAY + HOUR - Duration::from_secs(1))), Vec::<&str>::new());
    assert_eq!(past(&json(3 * DAY + HOUR)), ["bodies", "inbox_items"], "kept for three days");
    let report = json(6 * DAY);
    assert_eq!(
        past(&report),
        ["bodies", "inbox_items", "queue_entries", "content keys"],
        "given up after five days"
    );
    assert_eq!((&report["past"], &report["readable"]), (&6.into(), &6.into()), "{report}");
    assert!(past(&json(30 * DAY + HOUR + Duration::from_secs(1))).contains(&"events"));
    assert!(past(&json(31 * DAY + HOUR)).contains(&"messages"));
    assert!(past(&json(32 * DAY)).contains(&"event keys"));
    let (holds, said) = audit(folder, &["--events-days", "2", "--now", &at(3 * DAY)]);
    assert!(!holds && said.contains("2 days"), "what was promised counts: {said}");
    platform.stop().await;
}

#[tokio::test]
async fn a_message_whose_content_went_in_a_round_that_was_cut_short_has_an_hour_to_follow() {
    let platform = busy().await;
    platform.clock.advance(3 * DAY + Duration::from_secs(60));
    let now = platform.clock.now();
    platform.store.purge_inbox(now, 500).await.expect("purged");
    assert_eq!(platform.store.purge_bodies(now, 500).await.expect("purged"), 2);
    platform.store.purge_events(now - 2 * DAY, 500).await.expect("purged");
    let late = |after: Duration| {
        let at = (now + after).to_jiff().to_string();
        let (_, said) = audit(platform.folder.path(), &["--json", "--events-days", "2", "--now", &at]);
        let report: serde_json::Value = serde_json::from_str(&said).expect(&said);
        assert_eq!(item(&report, "messages")["count"], 2, "{report}");
        past(&report).contains(&"messages")
    };
    assert!(!late(Duration::ZERO));
    assert!(late(HOUR), "the next round was to delete it");
    platform.stop().await;
}

#[tokio::test]
async fn a_table_or_a_file_of_which_it_knows_nothing_turns_it_red() {
    let platform = busy().await;
    let now = platform.clock.now().to_jiff().to_string();
    let folder = platform.stop().await;
    assert!(audit(folder.path(), &["--now", &now]).0);
    fs::write(folder.path().join("debug.txt"), "x").expect("written");
    let (holds, said) = audit(folder.path(), &["--now", &now]);
    assert!(!holds && said.contains("unknown: file debug.txt"), "{said}");
    fs::remove_file(folder.path().join("debug.txt")).expect("removed");
    let path = folder.path().join("waxseal.db").display().to_string();
    let mut connection = sqlx::SqliteConnection::connect(&path).await.expect("connected");
    sqlx::query("CREATE TABLE clicks (at BIGINT)").execute(&mut connection).await.expect("made");
    connection.close().await.expect("closed");
    let (holds, said) = audit(folder.path(), &["--now", &now]);
    assert!(!holds && said.contains("unknown: table clicks"), "{said}");
}

#[tokio::test]
async fn every_file_that_the_inventory_has_is_one_it_knows() {
    let platform = busy().await;
    let now = platform.clock.now().to_jiff().to_string();
    let folder = platform.stop().await;
    for name in waxseal_privacy::inventory::names(waxseal_privacy::inventory::PlaceKind::File) {
        let path = folder.path().join(name.replace('*', "x"));
        if !path.exists() {
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            // Databases of that name are there already; these are never opened.
            fs::write(&path, "").expect("written");
        }
    }
    let (holds, said) = audit(folder.path(), &["--now", &now]);
    assert!(holds, "{said}");
}

#[tokio::test]
async fn nothing_is_written_and_folders_that_were_named_have_an_age_too() {
    let platform = busy().await;
    let now = platform.clock.now().to_jiff().to_string();
    let folder = platform.stop().await;
    let bytes = || -> BTreeMap<String, Vec<u8>> {
        let files =
            fs::read_dir(folder.path()).expect("a folder").flatten().filter(|entry| entry.path().is_file());
        files
            .map(|entry| {
                (entry.file_name().to_string_lossy().into_owned(), fs::read(entry.path()).expect("read"))
            })
            .filter(|(name, bytes)| !bytes.is_empty() && !name.ends_with("-shm"))
            .collect()
    };
    let before = bytes();
    assert!(audit(folder.path(), &["--now", &now]).0);
    assert!(before == bytes(), "a file was changed");
    let logs = tempfile::tempdir().expect("a folder");
    fs::write(logs.path().join("old.log"), "x").expect("written");
    let also = |days: u32| format!("--also={}={days}", logs.path().display());
    assert!(audit(folder.path(), &["--now", &now, &also(7)]).0);
    let old = fs::File::open(logs.path().join("old.log")).expect("opened");
    old.set_modified(std::time::UNIX_EPOCH + DAY).expect("set");
    let (holds, said) = audit(folder.path(), &["--now", &now, &also(7)]);
    assert!(!holds && said.contains("1 past their limit"), "{said}");
    let (holds, said) = audit(logs.path(), &["--now", &now]);
    assert!(!holds && said.contains("keys.db: there is no such file"), "{said}");
}

#[test]
fn wrong_words_are_told_from_wrong_keeping() {
    let ended = Command::new(env!("CARGO_BIN_EXE_waxseal-auditor")).args(["--now", "yesterday"]).output();
    assert_eq!(ended.expect("it starts").status.code(), Some(2));
}

#[test]
fn its_page_names_options_that_there_are_and_shows_its_json() {
    let page = include_str!("../../../docs/privacy/auditor.md");
    let help = Command::new(env!("CARGO_BIN_EXE_waxseal-auditor")).arg("--help").output().expect("it starts");
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    let calls = page.lines().filter(|line| line.starts_with("waxseal-auditor "));
    let options = calls.flat_map(str::split_whitespace).filter(|word| word.starts_with("--"));
    for option in options.chain(["--events-days", "--backup-days", "--now"]) {
        assert!(help.contains(option), "{option} in {help}");
    }
    let line = page.lines().find(|line| line.starts_with("{\"at\"")).expect("an example");
    let shown: serde_json::Value = serde_json::from_str(line).expect("JSON");
    assert_eq!(shown["items"][0]["oldest_age_seconds"], 7_200);
}

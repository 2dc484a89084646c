//! Every promise by command: what is built is checked on the instance at hand, what is not says so.

use anyhow::{Context as _, Result};
use serde_json::Value;
use waxseal_testkit::Binary;

use crate::{World, waxseal};

async fn rows(binary: &Binary, code: i32) -> Result<Vec<Value>> {
    let ended = binary.run(&["policy", "verify", "--json"]).await?;
    assert_eq!(ended.status.code(), Some(code), "{}{}", ended.stdout, ended.stderr);
    let answer: Value = serde_json::from_str(&ended.stdout)?;
    Ok(answer["rows"].as_array().context("rows")?.clone())
}

fn row<'a>(rows: &'a [Value], name: &str) -> &'a Value {
    rows.iter().find(|row| row["row"] == name).unwrap_or(&Value::Null)
}

#[tokio::test]
async fn every_promise_is_checked_without_a_server_and_beside_one() -> Result<()> {
    let binary = waxseal()?;
    let alone = rows(&binary, 0).await?;
    let names: Vec<&str> = alone.iter().filter_map(|row| row["row"].as_str()).collect();
    assert_eq!((names.len(), names.first(), names.last()), (37, Some(&"S1"), Some(&"P22")));
    for row in &alone {
        let fields: Vec<&str> = row.as_object().context("a row")?.keys().map(String::as_str).collect();
        assert_eq!(fields, ["row", "state", "mechanism", "checked", "promise", "missing"]);
        let state = row["state"].as_str().unwrap_or_default();
        assert!(["works", "not yet"].contains(&state), "{row}");
        assert_eq!(row["missing"].is_null(), state == "works", "what is not yet says what is missing: {row}");
    }
    binary.account().await?;
    let server = binary.serve().await?;
    let beside = rows(&binary, 0).await?;
    let states = |rows: &[Value]| rows.iter().map(|row| row["state"].clone()).collect::<Vec<_>>();
    assert_eq!(states(&beside), states(&alone));
    assert!(row(&beside, "S1")["checked"].as_str().is_some_and(|text| text.starts_with("1 accounts")));
    let sent = row(&beside, "S2")["checked"].as_str().unwrap_or_default();
    assert!(sent.contains("2 messages accepted") && sent.contains("4 DKIM signatures verified"), "{sent}");
    assert!(row(&beside, "P1")["checked"].as_str().is_some_and(|text| text.contains(" 0 unclassified")));
    assert!(!binary.data_dir().join("policy-proof").exists(), "the scratch run leaves nothing");
    assert!(server.terminate().await?.0.success());
    let trail = binary.run(&["audit", "export"]).await?.stdout;
    assert_eq!(trail.matches("policy_reported").count(), 2, "who checks is recorded: {trail}");
    let table = binary.run(&["policy", "verify"]).await?.stdout;
    assert!(table.ends_with(", 0 failed\n") && table.contains("\nP22 not yet"), "{table}");
    Ok(())
}

#[tokio::test]
async fn the_report_is_kept_signed_and_an_edit_of_it_shows() -> Result<()> {
    let binary = waxseal()?.set("privacy.home_region", "eu");
    assert_eq!(binary.run(&["policy", "report"]).await?.status.code(), Some(1), "there is none yet");
    assert_eq!(row(&rows(&binary, 0).await?, "P18")["state"], "not yet");
    assert_eq!(row(&rows(&binary, 0).await?, "P18")["state"], "works", "the first check made a report");
    let report = binary.json(&["policy", "report"]).await?;
    assert_eq!(report["signed"]["report"]["home_region"], "eu");
    assert_eq!(report["rows"].as_array().map(Vec::len), Some(37));
    let kept: Vec<_> = std::fs::read_dir(binary.data_dir().join("reports"))?.collect::<Result<_, _>>()?;
    assert_eq!(kept.len(), 1, "one for the day");
    let path = kept[0].path();
    let file = path.to_str().context("a path")?;
    assert_eq!(binary.json(&["policy", "verify-report", file]).await?["sound"], true);
    let text = std::fs::read_to_string(&path)?;
    std::fs::write(&path, text.replacen("not yet", "works", 1))?;
    assert_eq!(binary.run(&["policy", "verify-report", file]).await?.status.code(), Some(1));
    assert_eq!(row(&rows(&binary, 1).await?, "P18")["state"], "failed");
    Ok(())
}

#[tokio::test]
async fn a_broken_promise_is_failed_and_ends_with_one() -> Result<()> {
    let binary = waxseal()?;
    let (account, _) = binary.account().await?;
    binary.json(&["key", "create", "--account", &account]).await?;
    let path = binary.data_dir().join("audit/trail-000001.jsonl");
    let trail = std::fs::read_to_string(&path)?;
    std::fs::write(&path, trail.replacen("key_created", "key_deleted", 1))?;
    let found = rows(&binary, 1).await?;
    let trail = row(&found, "P14");
    assert_eq!(trail["state"], "failed");
    assert!(trail["checked"].as_str().is_some_and(|text| text.contains("entry 2")), "{trail}");
    assert_eq!(row(&found, "P3")["state"], "works", "others are checked all the same");
    Ok(())
}

#[tokio::test]
async fn a_check_that_cannot_run_is_failed() -> Result<()> {
    let binary = waxseal()?;
    binary.account().await?;
    // Where the scratch run wants its folder there is a file that is none.
    std::fs::create_dir_all(binary.data_dir())?;
    std::fs::write(binary.data_dir().join("policy-proof"), "in the way")?;
    let found = rows(&binary, 1).await?;
    assert_eq!(
        (&row(&found, "S2")["state"], &row(&found, "S7")["state"]),
        (&"failed".into(), &"failed".into())
    );
    Ok(())
}

#[tokio::test]
async fn what_was_opened_to_be_delivered_is_accounted_for_after_a_kill() -> Result<()> {
    let world = World::new(&[]).await?;
    let server = world.binary.serve().await?;
    for local in ["ann", "bob", "eve"] {
        world.send(&server, local, "Hello", "text").await?;
    }
    world.peer.wait_for_messages(3).await;
    world.drained().await?;
    server.signal("KILL").await?;
    server.wait().await?;
    let rows = rows(&world.binary, 0).await?;
    let found = row(&rows, "P4");
    assert_eq!(found["state"], "works", "{found}");
    let said = found["checked"].as_str().unwrap_or_default();
    assert!(said.contains("up to 3 more by system for delivery before the process was killed"), "{said}");
    assert!(said.ends_with("messages that servers took, in the event log: 3"), "{said}");
    Ok(())
}

#[tokio::test]
async fn a_file_that_nobody_knows_breaks_the_first_promise() -> Result<()> {
    let binary = waxseal()?;
    rows(&binary, 0).await?;
    std::fs::write(binary.data_dir().join("left.txt"), "x")?;
    let rows = rows(&binary, 1).await?;
    let found = row(&rows, "P1");
    assert_eq!(found["state"], "failed", "{found}");
    assert!(found["checked"].as_str().is_some_and(|text| text.contains("left.txt")), "{found}");
    Ok(())
}

#[tokio::test]
async fn a_correction_that_was_refused_is_not_counted() -> Result<()> {
    let binary = waxseal()?;
    let (account, _) = binary.account().await?;
    let counted = async || -> Result<String> {
        Ok(row(&rows(&binary, 0).await?, "P13")["checked"].as_str().unwrap_or_default().to_owned())
    };
    let before = counted().await?;
    assert!(before.starts_with("0 corrections of profiles and 0 of recipients"), "{before}");
    for refused in [
        &["account", "correct", &account, "--email", "nobody"][..],
        &["privacy", "correct-recipient", "nobody@one.example", "--account", &account, "--list", "bounces"],
    ] {
        assert_eq!(binary.run(refused).await?.status.code(), Some(1), "{refused:?}");
    }
    assert_eq!(counted().await?, before);
    let trail = binary.run(&["audit", "export"]).await?.stdout;
    assert!(!trail.contains("_corrected\""), "{trail}");
    binary.json(&["account", "correct", &account, "--email", "new@one.example"]).await?;
    assert!(counted().await?.starts_with("1 corrections of profiles"));
    Ok(())
}

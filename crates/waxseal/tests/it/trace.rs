//! Where a term is kept, by command: with a server and without one, never saying what stands there.

use anyhow::Result;
use serde_json::Value;

use crate::waxseal;

const TERM: &str = "traced.person@owner.example";

/// The answer's matches as `store: place: count`.
fn places(answer: &Value) -> Vec<String> {
    let word = |found: &Value, name: &str| found[name].as_str().unwrap_or_default().to_owned();
    let line =
        |found: &Value| format!("{}: {}: {}", word(found, "store"), word(found, "place"), found["count"]);
    answer["matches"].as_array().into_iter().flatten().map(line).collect()
}

#[tokio::test]
async fn an_operator_learns_where_a_term_is_kept_and_nothing_else() -> Result<()> {
    let binary = waxseal()?;
    binary
        .json(&["account", "create", "--name", "Somebody", "--email", "Traced.Person@owner.example"])
        .await?;
    let sealed = "sqlite: accounts.profile (sealed): 1";
    let alone = binary.json(&["privacy", "trace", TERM]).await?;
    assert_eq!(places(&alone), [sealed], "sealed in the table, in no file");
    assert_eq!(alone["unreadable"], 0);

    let server = binary.serve().await?;
    let leak = "xdHJhY2VkLnBlcnNvbkBvd25lci5leGFtcGxl".as_bytes();
    std::fs::write(binary.data_dir().join("left.tmp"), &leak[1..])?;
    let beside = binary.json(&["privacy", "trace", TERM]).await?;
    assert_eq!(places(&beside), [sealed, "files: left.tmp (base64): 1"], "beside a server");
    let shown = binary.run(&["privacy", "trace", TERM]).await?;
    assert!(shown.status.success());
    assert!(shown.stdout.contains("accounts.profile (sealed)"), "{}", shown.stdout);
    assert!(!shown.stdout.to_lowercase().contains(TERM) && !shown.stdout.contains("Somebody"));
    assert!(server.terminate().await?.0.success());

    let trail = binary.run(&["audit", "export"]).await?.stdout;
    assert_eq!(trail.matches("\"traced\"").count(), 3, "{trail}");
    assert_eq!(trail.matches("\"values_opened\"").count(), 3, "{trail}");
    assert!(!trail.contains("content_opened"), "nobody's content was opened: {trail}");
    let report = binary.run(&["policy", "verify", "--json"]).await?.stdout;
    let report: Value = serde_json::from_str(&report)?;
    let rows = report["rows"].as_array().cloned().unwrap_or_default();
    let found = rows.iter().find(|row| row["row"] == "P4");
    assert_eq!(found.map(|row| &row["state"]), Some(&"works".into()), "{report}");
    assert!(!trail.to_lowercase().contains(TERM));
    Ok(())
}

#[tokio::test]
async fn a_backup_is_opened_and_searched_with_the_keys_at_hand() -> Result<()> {
    let binary = waxseal()?.set("erasure.grace_days", "0");
    let made = binary.json(&["account", "create", "--name", "Somebody", "--email", TERM]).await?;
    let account = made["account_id"].as_str().unwrap_or_default().to_owned();
    let away = tempfile::tempdir()?;
    let path = away.path().join("moved.backup");
    binary.json(&["backup", "create", &path.display().to_string()]).await?;
    let also = away.path().display().to_string();
    let trace = ["privacy", "trace", TERM, "--also", also.as_str()];
    let answer = binary.json(&trace).await?;
    let sealed = "sqlite: accounts.profile (sealed): 1".to_owned();
    let in_it = format!("backup: {}: accounts.profile (sealed): 1", path.display());
    assert_eq!(places(&answer), [sealed, in_it.clone()]);
    assert_eq!((&answer["backups"], &answer["backups_not_opened"]), (&1.into(), &serde_json::json!([])));
    let server = binary.serve().await?;
    assert!(places(&binary.json(&trace).await?).contains(&in_it), "beside a server");
    assert!(server.terminate().await?.0.success());

    // Those that do not open are told, with the reason; what is erased is in none.
    std::fs::write(away.path().join("cut.backup"), &std::fs::read(&path)?[..900])?;
    let answer = binary.json(&trace).await?;
    assert_eq!(answer["backups"], 1);
    assert!(answer["backups_not_opened"][0].as_str().is_some_and(|why| why.contains("cut off")), "{answer}");
    assert!(binary.run(&trace).await?.stdout.contains("not opened: "), "a person is told as well");
    binary.json(&["account", "delete", &account]).await?;
    assert_eq!(places(&binary.json(&trace).await?), [""; 0]);
    Ok(())
}

#[tokio::test]
async fn other_folders_are_searched_and_names_of_files_not_shown() -> Result<()> {
    let binary = waxseal()?;
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join(format!("{TERM}.log")), TERM)?;
    let also = folder.path().display().to_string();
    let answer = binary.json(&["privacy", "trace", TERM, "--also", &also]).await?;
    let expected = ["file names: a file's name (plain): 1", "files: a file named after it (plain): 1"];
    assert_eq!(places(&answer), expected);
    for (arguments, says) in [
        (["privacy", "trace", "bob", "--also", also.as_str()], "3 bytes"),
        (["privacy", "trace", TERM, "--also", "/nowhere/at/all"], "there is no such folder"),
    ] {
        let ended = binary.run(&arguments).await?;
        assert_eq!(ended.status.code(), Some(1));
        assert!(ended.stderr.contains(says), "{}", ended.stderr);
    }
    Ok(())
}

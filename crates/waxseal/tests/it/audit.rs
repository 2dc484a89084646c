//! The audit trail by command, with a server and without one.

use anyhow::Result;

use crate::waxseal;

#[tokio::test]
async fn commands_leave_entries_that_can_be_verified_and_given_out() -> Result<()> {
    let binary = waxseal()?;
    let (account, key) = binary.account().await?;
    let server = binary.serve().await?;
    let id = binary.json(&["key", "list", "--account", &account]).await?["items"][0]["key_id"].clone();
    let id = id.as_str().expect("an id");
    assert!(!binary.run(&["key", "delete", &"0".repeat(26), "--account", &account]).await?.status.success());
    binary.json(&["key", "delete", id, "--account", &account]).await?;
    assert_eq!(binary.json(&["audit", "verify"]).await?["sound"], true);
    assert!(server.terminate().await?.0.success());

    let trail = binary.run(&["audit", "export"]).await?.stdout;
    let entries: Vec<serde_json::Value> =
        trail.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let told: Vec<&str> = entries.iter().filter_map(|entry| entry["what"].as_str()).collect();
    let expected =
        ["account_created", "started", "key_deleted", "failed", "key_deleted", "stopped", "trail_exported"];
    assert_eq!(told, expected);
    assert_eq!(entries[3]["entry"], 3, "the entry that failed");
    assert!(!trail.contains(&account) && !trail.contains(&key) && !trail.contains(id), "pseudonyms alone");
    let own = binary.run(&["audit", "export", "--account", &account]).await?.stdout;
    assert_eq!(own.lines().count(), 5, "made, deleted twice, failed, given out: {own}");
    Ok(())
}

#[tokio::test]
async fn an_edit_of_the_trail_is_found_with_its_place() -> Result<()> {
    let binary = waxseal()?;
    let (account, _) = binary.account().await?;
    for label in ["a", "b", "c"] {
        binary.json(&["key", "create", "--account", &account, "--label", label]).await?;
    }
    let path = binary.data_dir().join("audit/trail-000001.jsonl");
    let trail = std::fs::read_to_string(&path)?;
    std::fs::write(&path, trail.replacen("key_created", "key_deleted", 1))?;
    let ended = binary.run(&["audit", "verify", "--json"]).await?;
    assert_eq!(ended.status.code(), Some(1));
    let verdict: serde_json::Value = serde_json::from_str(&ended.stdout)?;
    assert_eq!(verdict["findings"][0]["entry"], 2);
    // The end cut off, while nobody watches: the anchors know.
    let kept: String = trail.lines().take(2).map(|line| format!("{line}\n")).collect();
    std::fs::write(&path, kept)?;
    let verdict = binary.run(&["audit", "verify", "--json"]).await?.stdout;
    let verdict: serde_json::Value = serde_json::from_str(&verdict)?;
    assert_eq!((&verdict["findings"][0]["entry"], &verdict["findings"][0]["to"]), (&3.into(), &4.into()));
    Ok(())
}

//! The proof of erasure, by command: it holds, says what it looked at, and leaves nothing behind.

use anyhow::Result;
use serde_json::Value;

use crate::waxseal;

/// The checks by what they say, each with what was found.
fn checks(report: &Value) -> Vec<(&str, bool, &str)> {
    let all = report["checks"].as_array().into_iter().flatten();
    all.map(|check| {
        let text = |name: &str| check[name].as_str().unwrap_or_default();
        (text("what"), check["holds"] == true, text("found"))
    })
    .collect()
}

#[tokio::test]
async fn an_erased_account_is_proved_to_be_gone() -> Result<()> {
    let binary = waxseal()?;
    let temporary = tempfile::tempdir()?;
    let report = binary.folder().join("report.json");
    let path = report.display().to_string();
    let mut command = binary.command(&["privacy", "prove-erasure", "--report", &path]);
    let output = command.env("TMPDIR", temporary.path()).output().await?;
    let (said, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}\n{errors}");
    assert!(said.ends_with("Proved on sqlite: nothing is left of what was erased.\n"), "{said}");
    let report: Value = serde_json::from_slice(&std::fs::read(report)?)?;
    assert_eq!((&report["sound"], &report["engine"]), (&true.into(), &"sqlite".into()));
    let checks = checks(&report);
    let failed: Vec<_> = checks.iter().filter(|(_, holds, _)| !holds).collect();
    assert!(failed.is_empty() && checks.len() >= 22, "{checks:?}");
    let found = |what: &str| checks.iter().find(|(name, ..)| *name == what).map_or("", |(_, _, found)| found);
    assert_eq!(
        found("the search finds what is there"),
        "200 of 200 leaks found that were planted in what was searched"
    );
    assert!(found("after: no key opens what was sealed").starts_with("0 of the 1"), "{checks:?}");
    let raw = found("a raw copy from before opens with no key of today");
    assert!(raw.starts_with('1') && raw.contains(" keys that remain, 0 opened ("), "{raw}");
    let raw = found("a raw copy from before shows nothing that is sealed");
    assert!(raw.starts_with("0 hits of "), "{raw}");
    assert!(
        found("the whole run: the inventory knows every file").starts_with("0 unknown of "),
        "{checks:?}"
    );
    assert!(
        found("after: the bystander's dump equals the control").ends_with("0 missing, 0 too many"),
        "{checks:?}"
    );
    assert!(report["took"]["keys_gone_ms"].is_u64() && report["took"]["all_gone_ms"].is_u64(), "{report}");
    let covered = report["coverage"].as_array().map(Vec::as_slice).unwrap_or_default();
    assert!(covered.iter().all(|place| place["by"].is_string()), "{covered:?}");
    assert!(covered.iter().any(|place| place["place"] == "events.details" && place["by"] == "a canary"));
    assert_eq!(std::fs::read_dir(temporary.path())?.count(), 0, "nothing is left of the proof");
    assert!(!binary.data_dir().exists(), "the instance at hand is not touched");
    Ok(())
}

#[tokio::test]
async fn a_proof_that_cannot_begin_says_why() -> Result<()> {
    let binary = waxseal()?;
    let there = binary.folder().display().to_string();
    for (arguments, says) in [
        (["--keep", there.as_str()], "File exists"),
        (["--database", "mysql://somewhere"], "--database must be a postgres:// URL"),
        (["--database", "postgres://nobody@127.0.0.1:9/none"], "--database"),
    ] {
        let ended = binary.run(&[&["privacy", "prove-erasure"], &arguments[..]].concat()).await?;
        assert_eq!(ended.status.code(), Some(1));
        assert!(ended.stderr.contains(says), "{}", ended.stderr);
    }
    Ok(())
}

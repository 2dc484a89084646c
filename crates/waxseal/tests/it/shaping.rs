//! What a provider gets is changed while the server runs, for good or for a time, and tried on the log before.

use anyhow::Result;
use serde_json::Value;

use crate::waxseal;

const ORANGE: &[&str] = &["shaping", "show", "smtp-in.orange.fr"];

#[tokio::test]
async fn what_a_provider_gets_is_changed_while_the_server_runs_and_stays_so() -> Result<()> {
    let binary = waxseal()?;
    let table = binary.json(ORANGE).await?;
    assert_eq!((&table["provider"], &table["open"]), (&"orange".into(), &Value::Null), "no server");
    let usual = table["connections"].as_u64().expect("a number");
    let server = binary.serve().await?;
    let running = binary.json(ORANGE).await?;
    assert_eq!((&running["open"], &running["waiting"]), (&0.into(), &0.into()));

    let tried = ["shaping", "set", "orange", "--messages-per-minute", "30", "--dry-run"];
    let tried = binary.json(&tried).await?;
    assert_eq!(
        (&tried["messages"], &tried["complete"], &tried["changed"]),
        (&0.into(), &true.into(), &false.into())
    );
    assert_eq!(tried["items"][1]["messages_per_minute"], 30);
    assert_eq!(binary.json(ORANGE).await?["messages_per_minute"], Value::Null, "nothing is changed");

    binary.json(&["shaping", "set", "orange", "--connections", "7", "--for", "2h"]).await?;
    let set = binary.json(&["shaping", "set", "orange", "--messages-per-minute", "30"]).await?;
    assert_eq!((&set["connections"], &set["messages_per_minute"]), (&7.into(), &30.into()));
    assert_eq!((&set["changed"], &set["changed_until"]), (&true.into(), &Value::Null));
    server.terminate().await?;
    let server = binary.serve().await?;
    let after = binary.json(ORANGE).await?;
    assert_eq!((&after["connections"], &after["allowed"]), (&7.into(), &7.into()), "after a restart too");

    let reset = binary.json(&["shaping", "set", "orange", "--reset"]).await?;
    assert_eq!((reset["connections"].as_u64(), &reset["changed"]), (Some(usual), &Value::Null));
    let trail = binary.run(&["audit", "export"]).await?.stdout;
    assert_eq!(trail.matches("\"shaping_changed\"").count(), 3, "{trail}");
    assert_eq!(trail.matches("\"shaping_tried\"").count(), 1, "{trail}");
    server.terminate().await?;
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_is_told_with_what_to_do() -> Result<()> {
    let binary = waxseal()?;
    for (asked, words) in [
        (&["nobody", "--connections", "1"][..], "`waxseal shaping show` lists them"),
        (&["orange"], "say what the provider gets"),
        (&["orange", "--connections", "0"], "`connections` is from 1 to 100000"),
        (&["orange", "--connections", "2", "--for", "soon"], "such as 30m"),
        (&["orange", "--connections", "2", "--reset"], "cannot be used with"),
    ] {
        let ended = binary.run(&[&["shaping", "set"], asked].concat()).await?;
        assert!(!ended.status.success() && ended.stderr.contains(words), "{asked:?}: {}", ended.stderr);
    }
    Ok(())
}

//! Addresses, pools and warm-up by command, beside a running server and without one.

use anyhow::Result;

use crate::waxseal;

#[tokio::test]
async fn addresses_and_pools_are_set_while_the_server_runs_and_stay_so() -> Result<()> {
    let binary = waxseal()?;
    let account = binary.json(&["account", "create", "--name", "A", "--email", "a@example.org"]).await?;
    let account = account["account_id"].as_str().expect("an id").to_owned();
    binary.json(&["domain", "create", "mail.example.org", "--account", &account]).await?;
    let server = binary.serve().await?;
    binary.json(&["source", "set", "127.0.0.2", "--hello", "two.example.org"]).await?;
    binary.json(&["source", "set", "127.0.0.3"]).await?;
    let plan = [
        "source",
        "warm-up",
        "127.0.0.3",
        "--daily",
        "50,100",
        "--provider",
        "google=7",
        "--start",
        "2020-01-01",
    ];
    let done = binary.json(&plan).await?;
    assert_eq!((&done["warm_up"]["complete"], &done["warm_up"]["budget"]), (&true.into(), &().into()));
    binary.json(&["source", "warm-up", "127.0.0.3", "--stop"]).await?;
    let begun = binary.json(&["source", "warm-up", "127.0.0.3", "--provider", "google=7,8"]).await?;
    let warm_up = &begun["warm_up"];
    assert_eq!((&warm_up["day"], &warm_up["days"], &warm_up["budget"]), (&1.into(), &12.into(), &50.into()));
    assert_eq!(
        (&warm_up["providers"][0]["budget"], &warm_up["providers"][0]["sent_today"]),
        (&7.into(), &0.into())
    );
    binary.json(&["pool", "set", "warm", "--member", "127.0.0.2"]).await?;
    let new =
        ["pool", "set", "new", "--member", "127.0.0.2=3", "--member", "127.0.0.3", "--overflow", "warm"];
    let set = binary.json(&new).await?;
    assert_eq!((&set["overflow"], &set["members"][0]["weight"]), (&"warm".into(), &3.into()));
    binary.json(&["pool", "assign", "new", "--domain", "mail.example.org"]).await?;
    binary.json(&["source", "pause", "127.0.0.2"]).await?;
    server.terminate().await?;

    let sources = binary.json(&["source", "list"]).await?;
    let two = &sources["items"][0];
    assert_eq!(
        (&two["hello"], &two["paused"], &two["pools"]),
        (&"two.example.org".into(), &true.into(), &"new warm".into())
    );
    let pools = binary.json(&["pool", "list"]).await?;
    assert_eq!(pools["items"][0]["assigned"][0]["domain"], "mail.example.org");
    for (asked, words) in [
        (&["source", "remove", "127.0.0.2"][..], "is in the pool"),
        (&["source", "pause", "192.0.2.1"], "`waxseal source set 192.0.2.1` adds it"),
        (&["source", "set", "192.0.2.1", "--hello", "a b"], "expected a host name"),
        (&["source", "warm-up", "127.0.0.2", "--provider", "nobody=1"], "there is none of this name"),
        (&["source", "warm-up", "127.0.0.2", "--start", "soon"], "expected a day"),
        (&["pool", "set", "warm", "--member", "192.0.2.1"], "adds it first"),
        (&["pool", "set", "warm", "--member", "127.0.0.2=0"], "a weight is from 1"),
        (&["pool", "set", "warm", "--member", "127.0.0.2", "--overflow", "new"], "it leads back to warm"),
        (&["pool", "set", "Warm", "--member", "127.0.0.2"], "small letters"),
        (&["pool", "remove", "warm"], "has no room for goes to it"),
        (&["pool", "remove", "new"], "mail of 1 accounts and domains leaves by it"),
        (&["pool", "assign", "none", "--domain", "mail.example.org"], "there is no pool none"),
    ] {
        let ended = binary.run(asked).await?;
        assert!(!ended.status.success() && ended.stderr.contains(words), "{asked:?}: {}", ended.stderr);
    }
    binary.json(&["pool", "unassign", "--domain", "mail.example.org"]).await?;
    binary.json(&["pool", "remove", "new"]).await?;
    binary.json(&["source", "remove", "127.0.0.3"]).await?;
    let trail = binary.run(&["audit", "export"]).await?.stdout;
    assert_eq!(trail.matches("\"sources_changed\"").count(), 10, "{trail}");
    assert_eq!(trail.matches("\"pool_assigned\"").count(), 2, "{trail}");
    Ok(())
}

//! Copies of what is kept, by command: sealed, opened with the key that was shown, taken over elsewhere.

use anyhow::{Context as _, Result};
use waxseal_testkit::Call;

use crate::{World, pages, waxseal};

#[tokio::test]
async fn an_account_is_exported_beside_a_server_and_taken_over_elsewhere() -> Result<()> {
    let (binary, elsewhere) = (waxseal()?, waxseal()?);
    let made = binary.json(&["account", "create", "--name", "Ada", "--email", "ada@owner.example"]).await?;
    let account = made["account_id"].as_str().context("an id")?.to_owned();
    binary.json(&["domain", "create", "mail.owner.example", "--account", &account]).await?;
    let server = binary.serve().await?;
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (file, key, zip) = (path("ada.export"), path("key"), path("ada.zip"));
    let answer = binary.json(&["privacy", "export", "--account", &account, "--to", &file]).await?;
    assert_eq!((&answer["accounts"], &answer["rows"]), (&1.into(), &6.into()), "{answer}");
    std::fs::write(&key, answer["key"].as_str().context("a key")?)?;
    let sealed = std::fs::read(&file)?;
    assert!(!sealed.windows(3).any(|window| window == b"ada"), "it is sealed");
    binary.json(&["privacy", "open-export", &file, "--to", &zip, "--key-file", &key]).await?;
    assert!(std::fs::read(&zip)?.starts_with(b"PK"));
    let refused = binary.run(&["privacy", "import", &file, "--key-file", &key]).await?;
    assert!(refused.stderr.contains("not empty"), "{}", refused.stderr);
    assert!(server.terminate().await?.0.success());

    let imported = elsewhere.json(&["privacy", "import", &file, "--key-file", &key]).await?;
    assert_eq!(imported["account_id"], account);
    assert!(imported["dns"].as_array().is_some_and(|records| records.len() >= 2), "{imported}");
    let accounts = elsewhere.json(&["account", "list"]).await?;
    assert_eq!(accounts["items"][0]["name"], "Ada");
    let trail = binary.run(&["audit", "export"]).await?.stdout;
    assert!(trail.contains("\"account_exported\"") && trail.contains("\"imported\""), "{trail}");
    assert!(!trail.contains("ada@"));
    Ok(())
}

#[tokio::test]
async fn an_operators_export_of_what_customers_write_is_seen_by_the_owner() -> Result<()> {
    let world = World::new(&[]).await?;
    let (binary, account) = (&world.binary, world.account.as_str());
    let server = binary.serve().await?;
    world.send(&server, "friend", "a subject that tells", "a text that tells").await?;
    world.peer.wait_for_messages(1).await;
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name).display().to_string();
    let plain = path("plain.export");
    let first = binary.json(&["privacy", "export", "--account", account, "--to", &plain]).await?;
    assert_eq!((&first["content"], &first["messages"]), (&true.into(), &1.into()), "{first}");
    let list = Call::get(server.http(), "/v1/privacy/access").key(&world.key).send().await?.json();
    assert_eq!((&list["items"][0]["state"], &list["items"][0]["openings"]), (&"closed".into(), &1.into()));

    let again = binary.run(&["privacy", "export", "--account", account, "--to", &plain]).await?;
    assert!(again.stderr.contains("is there already; name a file that is not"), "{}", again.stderr);
    let trail = binary.run(&["audit", "export"]).await?.stdout;
    let told: Vec<serde_json::Value> = trail.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let wanted = ["break_glass_granted", "break_glass_used", "content_opened", "break_glass_closed"];
    let of_export = told.iter().filter(|entry| entry["actor"] == "operator");
    let of_export: Vec<_> =
        of_export.filter(|entry| wanted.iter().any(|what| entry["what"] == *what)).collect();
    assert_eq!(of_export.iter().map(|entry| &entry["what"]).collect::<Vec<_>>(), wanted, "{trail}");

    let reason = "Ticket 7: its owner moves away";
    let open = ["access", "open", "--account", account, "--reason", reason, "--for", "30m"];
    let grant = binary.json(&open).await?["grant"].to_string();
    let export = |to: String| {
        let grant = grant.clone();
        async move {
            binary
                .run(&["privacy", "export", "--account", account, "--grant", &grant, "--to", &to, "--json"])
                .await
        }
    };
    let with: serde_json::Value = serde_json::from_str(&export(path("with.export")).await?.stdout)?;
    assert_eq!((&with["content"], &with["messages"]), (&true.into(), &1.into()), "{with}");
    let list = Call::get(server.http(), "/v1/privacy/access").key(&world.key).send().await?.json();
    assert_eq!(list["items"][0]["openings"], 1, "its owner sees it: {list}");
    assert_eq!(list["items"].as_array().map(Vec::len), Some(2));
    binary.json(&["access", "close", &grant]).await?;
    let late = export(path("late.export")).await?;
    assert_eq!(late.status.code(), Some(1));
    assert!(late.stderr.contains("was closed"), "{}", late.stderr);
    let report = binary.run(&["policy", "verify", "--json"]).await?.stdout;
    let report: serde_json::Value = serde_json::from_str(&report)?;
    let rows = report["rows"].as_array().context("rows")?;
    let row = rows.iter().find(|row| row["row"] == "P4").context("P4")?;
    assert_eq!(row["state"], "works", "{row}");
    assert!(server.terminate().await?.0.success());
    Ok(())
}

#[tokio::test]
async fn a_customer_fetches_its_copy_from_a_server_as_the_documentation_says() -> Result<()> {
    let world = World::new(&[]).await?;
    let server = world.binary.serve().await?;
    world.send(&server, "friend", "a subject that tells", "a text that tells").await?;
    let login = "left@sender.test";
    world.binary.json(&["credential", "create", login, "--account", &world.account]).await?;
    let page = include_str!("../../../../docs/api/privacy.md");
    let script = format!("set -eu\n{}", pages::runnable(page).join("\n"));
    let folder = tempfile::tempdir()?;
    let ended = tokio::process::Command::new("bash")
        .args(["-c", &script])
        .current_dir(folder.path())
        .env("URL", format!("http://{}", server.http()))
        .env("API_KEY", &world.key)
        .env("LOGIN", login)
        .output()
        .await?;
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    // The folder of copies is one that the inventory knows, and what lies there tells nothing.
    let kept = std::fs::read_dir(world.binary.data_dir().join("exports"))?.flatten().collect::<Vec<_>>();
    assert_eq!(kept.len(), 1);
    let path = format!("exports/{}", kept[0].file_name().display());
    assert!(waxseal_privacy::inventory::knows_file(&path), "{path}");
    assert!(!std::fs::read(kept[0].path())?.windows(5).any(|window| window == b"tells"));
    assert!(server.terminate().await?.0.success());

    let elsewhere = waxseal()?;
    let copy = folder.path().join("copy.zip").display().to_string();
    let imported = elsewhere.json(&["privacy", "import", &copy]).await?;
    assert_eq!(imported["account_id"], world.account);
    assert!(imported["rows"].as_u64() > Some(4), "{imported}");
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_exported_or_opened_says_why() -> Result<()> {
    let binary = waxseal()?;
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(path("key"), "no key")?;
    std::fs::write(path("text"), "no export")?;
    for (arguments, says) in [
        (vec!["privacy", "export", "--login", "nobody@owner.example", "--to", &path("a")], "no such login"),
        (vec!["privacy", "export", "--recipient", "bob", "--to", &path("a")], "a full address"),
        (
            vec!["privacy", "open-export", &path("text"), "--to", &path("b"), "--key-file", &path("key")],
            "64 hex",
        ),
        (vec!["privacy", "import", &path("text")], "no export"),
        (vec!["privacy", "import", &path("missing")], "No such file"),
    ] {
        let ended = binary.run(&arguments).await?;
        assert_eq!(ended.status.code(), Some(1), "{arguments:?}");
        assert!(ended.stderr.contains(says), "{}", ended.stderr);
    }
    assert!(!folder.path().join("a").exists() && !folder.path().join("b").exists());
    // Nobody is told whether a recipient is known: an export that is empty but for its manifest is one, too.
    let nobody = ["privacy", "export", "--recipient", "bob@one.example", "--to", &path("c")];
    assert_eq!(binary.json(&nobody).await?["rows"], 0);
    Ok(())
}

//! Accounts and recipients are erased by the real binary: at every door at once, through a kill, without a trace.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;
use waxseal_testkit::{Binary, Call, SmtpCall, smtp_peer::Reaction};

use crate::{DOMAIN, RECIPIENT, World, backup::lose_database, traces::files_with, waxseal};

/// Asks until it is done.
async fn done(binary: &Binary, id: &str) -> Result<Value> {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(120);
    loop {
        let erasure = binary.json(&["privacy", "erasure", id]).await?;
        if erasure["state"] == "done" {
            return Ok(erasure);
        }
        ensure!(tokio::time::Instant::now() < deadline, "not done: {erasure}");
    }
}

fn field<'a>(answer: &'a Value, name: &str) -> Result<&'a str> {
    answer[name].as_str().with_context(|| format!("no {name} in {answer}"))
}

#[tokio::test]
async fn a_deleted_account_lets_nobody_in_and_can_be_taken_back() -> Result<()> {
    let world = World::new(&[]).await?;
    world.peer.rescript(|script| script.set("RCPT", [Reaction::Say("451 4.2.0 later\r\n".into())]));
    let (binary, account) = (&world.binary, world.account.as_str());
    let login = "app@sender.test";
    let made = binary.json(&["credential", "create", login, "--account", account]).await?;
    let password = field(&made, "password")?;
    let server = binary.serve().await?;
    let id = world.send(&server, "waits", "Subject", "text").await?;
    SmtpCall::login(server.submission(), login, password).await?;

    let closed = binary.json(&["account", "delete", account]).await?;
    assert_eq!((&closed["state"], &closed["account_id"]), (&"waiting".into(), &account.into()));
    let path = format!("/v3/{DOMAIN}/events");
    let refused = Call::get(server.http(), &path).key(&world.key).send().await?;
    assert_eq!(refused.status, 403, "{}", refused.text());
    assert!(refused.text().contains("/v1/privacy/account/undelete"), "{}", refused.text());
    let mut smtp = SmtpCall::connect(server.submission()).await?;
    smtp.ask("EHLO application.test\r\n", 250).await?;
    let proof = STANDARD.encode(format!("\0{login}\0{password}"));
    smtp.ask(&format!("AUTH PLAIN {proof}\r\n"), 535).await?;
    let made = binary.run(&["key", "create", "--account", account]).await?;
    assert!(made.stderr.contains("waxseal account undelete"), "{}", made.stderr);
    let shown = Call::get(server.http(), "/v1/privacy/account").key(&world.key).send().await?.json();
    assert_eq!((&shown["state"], &shown["erasure"]["state"]), (&"closed".into(), &"waiting".into()));
    assert_eq!(binary.json(&["account", "delete", account]).await?["erasure"], closed["erasure"]);

    assert!(server.terminate().await?.0.success());
    assert_eq!(binary.json(&["account", "undelete", account]).await?["state"], "open");
    let again = binary.run(&["account", "undelete", account]).await?;
    assert!(again.stderr.contains("nothing to undo"), "{}", again.stderr);
    world.peer.rescript(|script| script.set("RCPT", [Reaction::Proper]));
    let server = binary.serve().await?;
    binary.json(&["queue", "retry", &id]).await?;
    world.peer.wait_for_messages(1).await;
    world.drained().await?;
    assert!(server.terminate().await?.0.success());
    let trail = binary.run(&["audit", "export", "--account", account]).await?.stdout;
    assert_eq!(trail.matches("\"account_delete_asked\"").count(), 2, "{trail}");
    assert!(trail.contains("\"account_undeleted\""), "{trail}");
    Ok(())
}

#[tokio::test]
async fn an_account_is_erased_through_kills_and_no_file_tells_of_it() -> Result<()> {
    let world = World::new(&[("erasure.grace_days", "0")]).await?;
    world.peer.rescript(|script| script.set("RCPT", [Reaction::Say("451 4.2.0 later\r\n".into())]));
    let (binary, account) = (&world.binary, world.account.as_str());
    binary.json(&["account", "correct", account, "--email", "eraseduser@owner.test"]).await?;
    let server = binary.serve().await?;
    for number in 0..60 {
        world.send(&server, &format!("erasedrecipient{number}"), "erasedsubject", "erasedcontent").await?;
    }
    server.signal("KILL").await?;
    server.wait().await?;

    // Asked by a process that dies at once; others go on and die at any time, until one is left to end it.
    let mut asking = binary.command(&["account", "delete", account]).spawn()?;
    let keys = |listed: &Value| -> usize {
        let items = listed["items"].as_array().map(Vec::as_slice).unwrap_or_default();
        items.iter().filter(|key| key["account_id"] == account).count()
    };
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    // Whoever erases keeps the store for as long as it takes.
    while binary.json(&["keys", "list"]).await.map_or(true, |listed| keys(&listed) > 0) {
        ensure!(tokio::time::Instant::now() < deadline, "its keys are still there");
    }
    asking.kill().await?;
    for lifetime in [50, 150, 400] {
        let server = binary.serve().await?;
        tokio::time::sleep(Duration::from_millis(lifetime)).await;
        server.signal("KILL").await?;
        server.wait().await?;
    }
    let server = binary.serve().await?;
    let asked = binary.json(&["account", "delete", account]).await?;
    let id = field(&asked, "erasure")?;
    done(binary, id).await?;
    let status = Call::get(server.http(), "/v1/privacy/account").key(&world.key).send().await?.status;
    assert_eq!(status, 401, "its key is nobody's any more");
    assert_eq!(binary.json(&["queue", "list"]).await?["waiting"], 0);
    let certificate = binary.json(&["privacy", "certificate", id]).await?;
    assert_eq!(certificate["rows_erased"]["queue_entries"], 60, "{certificate}");
    for scan in certificate["scans"].as_array().context("scans")? {
        assert_eq!(scan["hits"], 0, "{certificate}");
    }
    let path = format!("/v1/privacy/certificates/{id}");
    assert_eq!(Call::get(server.http(), &path).send().await?.json(), certificate);
    let key = Call::get(server.http(), "/v1/privacy/public-key").send().await?.json();
    assert_eq!(key["public_key"], certificate["public_key"]);
    assert!(server.terminate().await?.0.success());

    let words = ["erasedrecipient", "erasedsubject", "erasedcontent", "eraseduser", account, DOMAIN];
    let mut found = Vec::new();
    files_with(&binary.data_dir(), &words, &mut found)?;
    assert_eq!(found, Vec::<String>::new(), "after it ended");
    let listed = binary.json(&["account", "list"]).await?;
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(0));
    let verdict = binary.json(&["audit", "verify"]).await?;
    assert_eq!(verdict["sound"], true, "{verdict}");
    Ok(())
}

#[tokio::test]
async fn a_recipient_is_erased_with_a_server_and_without_one() -> Result<()> {
    let world = World::new(&[]).await?;
    let (binary, account) = (&world.binary, world.account.as_str());
    let server = binary.serve().await?;
    for local in ["gone", "stays", "later"] {
        world.send(&server, local, "Subject", "text").await?;
    }
    world.drained().await?;
    let recipient = |local: &str| format!("{local}@{RECIPIENT}");
    let arguments = ["privacy", "erase-recipient", &recipient("gone"), "--account", account];
    let erased = binary.json(&arguments).await?;
    assert_eq!((&erased["state"], &erased["kind"]), (&"done".into(), &"recipient".into()));
    assert!(erased["rows"].as_u64() >= Some(2), "{erased}");
    let asked = Call::post(server.http(), "/v1/privacy/erasures", &[("recipient", &recipient("later"))]);
    let asked = asked.key(&world.key).send().await?.json();
    let id = field(&asked["erasure"], "id")?;
    done(binary, id).await?;
    let path = format!("/v1/privacy/erasures/{id}/certificate");
    let certificate = Call::get(server.http(), &path).key(&world.key).send().await?.json();
    assert_eq!((&certificate["kind"], &certificate["certificate"]), (&"recipient".into(), &id.into()));
    let path = format!("/v3/{DOMAIN}/events");
    let events = Call::get(server.http(), &path).key(&world.key).send().await?.text();
    assert!(events.contains("stays@") && !events.contains("gone@") && !events.contains("later@"), "{events}");
    assert!(server.terminate().await?.0.success());

    let arguments = ["privacy", "erase-recipient", &recipient("stays"), "--everywhere"];
    let erased = binary.json(&arguments).await?;
    assert_eq!((&erased["accounts"], &erased["held"]), (&1.into(), &0.into()), "{erased}");
    assert!(erased["rows_found"].as_u64() >= Some(2), "{erased}");
    assert!(erased["rows_erased"].as_u64() >= erased["rows_found"].as_u64(), "{erased}");
    assert!(!erased.to_string().contains(account), "counts, not whose");
    assert_eq!(binary.json(&arguments).await?["accounts"], 0);
    let trail = binary.run(&["audit", "export"]).await?.stdout;
    assert_eq!(trail.matches("\"recipient_erased\"").count(), 3, "{trail}");
    assert!(trail.contains("\"recipient_erase_everywhere_asked\""), "{trail}");
    assert!(!trail.contains(RECIPIENT), "{trail}");
    Ok(())
}

#[tokio::test]
async fn a_login_and_an_owner_are_erased_and_no_file_or_old_backup_tells_of_them() -> Result<()> {
    let world = World::new(&[]).await?;
    let (binary, account) = (&world.binary, world.account.as_str());
    let login = "erasedlogin@sender.test";
    binary
        .json(&[
            "account",
            "correct",
            account,
            "--name",
            "Erased Ownername",
            "--email",
            "erasedowner@owner.test",
        ])
        .await?;
    let made = binary.json(&["credential", "create", login, "--account", account]).await?;
    let password = field(&made, "password")?.to_owned();
    let server = binary.serve().await?;
    SmtpCall::login(server.submission(), login, &password).await?;
    let backup = binary.data_dir().with_file_name("before.backup");
    let backup = backup.to_str().context("a path")?;
    binary.json(&["backup", "create", backup]).await?;
    let refused = binary.run(&["privacy", "erase-login", "app", "--account", account]).await?;
    assert!(refused.stderr.contains("the login must be a full address"), "{}", refused.stderr);
    let refused = binary.run(&["privacy", "erase-login", "nobody@sender.test", "--account", account]).await?;
    assert!(refused.stderr.contains("there is no such login in this account"), "{}", refused.stderr);

    let erased = binary.json(&["privacy", "erase-login", login, "--account", account]).await?;
    assert_eq!(
        (&erased["state"], &erased["kind"], &erased["rows"]),
        (&"done".into(), &"login".into(), &1.into())
    );
    let mut smtp = SmtpCall::connect(server.submission()).await?;
    smtp.ask("EHLO application.test\r\n", 250).await?;
    let proof = STANDARD.encode(format!("\0{login}\0{password}"));
    smtp.ask(&format!("AUTH PLAIN {proof}\r\n"), 535).await?;
    server.signal("KILL").await?;
    server.wait().await?;
    let owner = binary.json(&["privacy", "erase-owner", "--account", account]).await?;
    assert_eq!((&owner["state"], &owner["kind"]), (&"done".into(), &"owner".into()));
    for erasure in [&erased, &owner] {
        let certificate = binary.json(&["privacy", "certificate", field(erasure, "erasure")?]).await?;
        assert_eq!(certificate["keys_destroyed"].as_array().map(Vec::len), Some(1), "{certificate}");
        assert_eq!(certificate["scans"][0]["hits"], 0, "{certificate}");
    }
    let words = ["erasedlogin", "erased ownername", "Erased Ownername", "erasedowner"];
    let mut found = Vec::new();
    files_with(&binary.data_dir(), &words, &mut found)?;
    assert_eq!(found, Vec::<String>::new());

    lose_database(binary)?;
    binary.json(&["backup", "restore", backup]).await?;
    let listed = binary.json(&["credential", "list", "--account", account]).await?;
    assert_eq!(listed["items"], serde_json::json!([]), "it does not come back");
    let accounts = binary.json(&["account", "list"]).await?;
    assert_eq!(accounts["items"][0]["name"], "", "nor does who owned it");
    for word in ["erasedlogin", "erasedowner"] {
        let traced = binary.json(&["privacy", "trace", word]).await?;
        assert_eq!(traced["matches"], serde_json::json!([]), "{traced}");
    }
    let trail = binary.run(&["audit", "export"]).await?.stdout;
    // What was refused was asked for, too.
    for (what, times) in
        [("login_erase_asked", 3), ("login_erased", 1), ("owner_erase_asked", 1), ("owner_erased", 1)]
    {
        assert_eq!(trail.matches(&format!("\"{what}\"")).count(), times, "{what}: {trail}");
    }
    assert!(!trail.contains("erasedlogin") && !trail.contains("erasedowner"), "{trail}");
    let server = binary.serve().await?;
    world.send(&server, "somebody", "Subject", "the account works on").await?;
    world.drained().await?;
    assert!(server.terminate().await?.0.success());
    Ok(())
}

#[tokio::test]
async fn a_legal_hold_is_kept_and_shown() -> Result<()> {
    let binary = waxseal()?.set("erasure.grace_days", "0");
    let (account, _) = binary.account().await?;
    let add = ["privacy", "hold", "add", "--account", &account, "--reason", "file 7"];
    let hold = binary.json(&add).await?;
    let deleted = binary.run(&["account", "delete", &account, "--json"]).await?;
    assert!(deleted.stdout.contains("\"held\""), "{}", deleted.stdout);
    assert!(deleted.stderr.contains("a legal hold puts it off"), "{}", deleted.stderr);
    let listed = binary.json(&["privacy", "hold", "list"]).await?;
    assert_eq!(
        (&listed["items"][0]["reason"], &listed["items"][0]["in_force"]),
        (&"file 7".into(), &true.into())
    );
    let id = field(&hold, "hold")?;
    assert_eq!(binary.json(&["privacy", "hold", "remove", id]).await?["in_force"], false);
    let again = binary.run(&["privacy", "hold", "remove", id]).await?;
    assert!(again.stderr.contains("waxseal privacy hold list"), "{}", again.stderr);
    let deleted = binary.json(&["account", "delete", &account]).await?;
    assert_eq!(deleted["state"], "done", "{deleted}");
    let trail = binary.run(&["audit", "export"]).await?.stdout;
    assert!(trail.contains("\"hold_added\"") && trail.contains("\"hold_released\""), "{trail}");
    Ok(())
}

#[tokio::test]
async fn a_recipient_is_erased_with_letters_composed_or_not() -> Result<()> {
    let world = World::new(&[]).await?;
    let binary = &world.binary;
    let server = binary.serve().await?;
    let spellings = ["erasedjos\u{e9}", "erasedjose\u{301}"];
    for local in spellings {
        world.send(&server, local, "Hello", "text").await?;
    }
    world.drained().await?;
    let composed = format!("{}@{RECIPIENT}", spellings[0]);
    let everywhere = binary.json(&["privacy", "erase-recipient", &composed, "--everywhere"]).await?;
    let id = everywhere["certificates"][0].as_str().context("an erasure")?;
    done(binary, id).await?;
    let certificate = binary.json(&["privacy", "certificate", id]).await?;
    assert_eq!(certificate["scans"][0]["hits"], 0, "{certificate}");
    assert_eq!(certificate["rows_erased"]["messages"], 2, "{certificate}");
    for local in spellings {
        let found = binary.json(&["privacy", "trace", &format!("{local}@{RECIPIENT}")]).await?;
        let found = found["matches"].as_array().cloned().unwrap_or_default();
        let others: Vec<_> =
            found.iter().filter(|place| !place.to_string().contains("address_hash")).collect();
        assert!(others.is_empty(), "{local}: {others:?}");
    }
    assert!(server.terminate().await?.0.success());
    Ok(())
}

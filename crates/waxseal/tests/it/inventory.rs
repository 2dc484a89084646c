//! The inventory is all there is: files, fields of the log and labels of metrics of the real binary, both ways, and the
//! public pages made from it.

mod sources;

use std::{collections::BTreeSet, path::Path};

use anyhow::{Context as _, Result};
use serde_json::Value;
use waxseal_privacy::inventory::{self, PlaceKind};
use waxseal_testkit::{Binary, Call, SmtpCall, smtp_peer::Reaction};

use crate::{DOMAIN, World, waxseal};

type Names = BTreeSet<String>;

fn known(kind: PlaceKind) -> Names {
    inventory::names(kind).map(str::to_owned).collect()
}

/// What every line has, whoever logs.
const FRAME: [&str; 5] = ["level", "message", "target", "timestamp", "unlisted"];

#[test]
fn every_field_that_the_code_logs_is_in_the_inventory_and_no_other() -> Result<()> {
    let mut logged = sources::read()?.log_fields;
    logged.extend(FRAME.map(str::to_owned));
    assert_eq!(logged, known(PlaceKind::LogField));
    Ok(())
}

#[test]
fn every_label_that_the_code_gives_a_metric_is_in_the_inventory_and_no_other() -> Result<()> {
    let mut labels = sources::read()?.metric_labels;
    labels.insert("le".to_owned());
    assert_eq!(labels, known(PlaceKind::MetricLabel));
    Ok(())
}

#[tokio::test]
async fn a_full_run_leaves_no_file_field_or_label_that_nobody_knows() -> Result<()> {
    let world = World::new(&[("log.level", "trace"), ("log.format", "json")]).await?;
    let temporary = tempfile::tempdir()?;
    let mut server = world.binary.serve_with_temporary(temporary.path()).await?;
    use_it(&world, &server).await?;
    paths_are_known(&world.binary)?;
    let (mut fields, labels) = (fields_of(&server.written())?, labels_of(&server).await?);
    // What a crash leaves, and what the next start makes of it.
    server.kill().await?;
    paths_are_known(&world.binary)?;
    server = world.binary.serve_with_temporary(temporary.path()).await?;
    let rows = world.binary.json(&["policy", "verify"]).await?;
    let files = rows["rows"].as_array().into_iter().flatten().find(|row| row["row"] == "P1").context("P1")?;
    assert!(files["checked"].as_str().is_some_and(|text| text.ends_with("files, 0 unknown")), "{files}");
    paths_are_known(&world.binary)?;
    let (status, written) = server.terminate().await?;
    assert!(status.success(), "{written}");
    fields.extend(fields_of(&written)?);
    assert_eq!(fields.difference(&known(PlaceKind::LogField)).collect::<Vec<_>>(), Vec::<&String>::new());
    assert_eq!(labels.difference(&known(PlaceKind::MetricLabel)).collect::<Vec<_>>(), Vec::<&String>::new());
    assert!(fields.contains("route") && labels.contains("route"), "it was a run: {fields:?} {labels:?}");
    let paths = paths_are_known(&world.binary)?;
    for file in
        ["waxseal.db", "keys.db", "keys.epoch", "master.key", "sent.notes", "audit/trail-000001.jsonl"]
    {
        assert!(paths.contains(file), "{file} in {paths:?}");
    }
    assert_eq!(std::fs::read_dir(&temporary)?.count(), 0, "nothing is left among temporary files");
    Ok(())
}

/// Mail by HTTP and SMTP, delivered, bounced, deferred, captured and refused; commands.
async fn use_it(world: &World, server: &waxseal_testkit::Server) -> Result<()> {
    world.peer.rescript(|script| {
        *script = std::mem::take(script)
            .recipient("gone@recipient.test", [Reaction::Say("550 5.1.1 no such user\r\n".into())])
            .recipient("later@recipient.test", [Reaction::Say("451 4.2.0 later\r\n".into())]);
    });
    let (binary, account) = (&world.binary, &world.account);
    let sandbox = binary.json(&["domain", "create", "box.test", "--account", account, "--sandbox"]).await?;
    assert_eq!(sandbox["name"], "box.test");
    for local in ["friend", "gone", "later"] {
        world.send(server, local, "subject", "text").await?;
    }
    let captured = [("from", "app@box.test"), ("to", "friend@recipient.test"), ("text", "text")];
    let path = "/v3/box.test/messages";
    assert_eq!(Call::post(server.http(), path, &captured).key(&world.key).send().await?.status, 200);
    Call::get(server.http(), "/v3/nowhere").key("wrong").send().await?;
    Call::get(server.http(), &format!("/v3/{DOMAIN}/events")).key(&world.key).send().await?;
    let made = binary.json(&["credential", "create", "app@sender.test", "--account", account]).await?;
    let password = made["password"].as_str().context("password")?;
    let mut smtp = SmtpCall::login(server.submission(), "app@sender.test", password).await?;
    let content = "Subject: hi\r\nFrom: app@sender.test\r\n\r\nhi";
    assert_eq!(smtp.submit("app@sender.test", "friend@recipient.test", content).await?.0, 250);
    assert!(SmtpCall::login(server.submission(), "app@sender.test", "wrong").await.is_err());
    for command in [&["check"][..], &["keys", "rotate"], &["queue", "list"], &["privacy", "confirm-clock"]] {
        binary.run(command).await?;
    }
    world
        .peer
        .wait_for(|seen| seen.messages.iter().filter(|message| message.acknowledged).count() >= 2)
        .await;
    Ok(())
}

/// Every path in the data folder, all of them known.
fn paths_are_known(binary: &Binary) -> Result<Names> {
    let mut paths = Names::new();
    collect(&binary.data_dir(), &binary.data_dir(), &mut paths)?;
    let unknown: Vec<_> = paths.iter().filter(|path| !inventory::knows_file(path)).collect();
    assert_eq!(unknown, Vec::<&String>::new(), "files that are not in the inventory");
    let beside: Vec<_> = std::fs::read_dir(binary.folder())?.flatten().map(|entry| entry.path()).collect();
    assert_eq!(beside, [binary.data_dir()], "nothing is written beside the data folder");
    Ok(paths)
}

fn collect(top: &Path, folder: &Path, paths: &mut Names) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(top, &path, paths)?;
        } else {
            paths.insert(path.strip_prefix(top)?.display().to_string());
        }
    }
    Ok(())
}

fn fields_of(written: &str) -> Result<Names> {
    let mut fields = Names::new();
    let mut left_out = Vec::new();
    // The first line is not the log's: it says where the server listens.
    for line in written.lines().filter(|line| line.starts_with('{') && !line.contains(r#""ready":true"#)) {
        let line: serde_json::Map<String, Value> = serde_json::from_str(line).context(line.to_owned())?;
        if line.contains_key("unlisted") && line["target"].as_str().is_some_and(|t| t.starts_with("waxseal"))
        {
            left_out.push(line.clone());
        }
        fields.extend(line.into_iter().map(|(name, _)| name));
    }
    assert_eq!(left_out, Vec::new(), "fields that the log left out");
    Ok(fields)
}

async fn labels_of(server: &waxseal_testkit::Server) -> Result<Names> {
    let text = Call::get(server.metrics(), "/metrics").send().await?.text();
    let sets = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('{'));
    let labels =
        sets.filter_map(|(_, rest)| rest.split_once('}')).flat_map(|(labels, _)| labels.split("\","));
    Ok(labels.filter_map(|label| Some(label.split_once('=')?.0.to_owned())).collect())
}

#[tokio::test]
async fn the_public_pages_are_what_the_inventory_says() -> Result<()> {
    for (page, file) in [("keep", "what-we-keep.md"), ("handover", "what-we-could-hand-over.md")] {
        let path = format!("{}/../../docs/privacy/{file}", env!("CARGO_MANIFEST_DIR"));
        let wanted = waxseal()?.run(&["privacy", "map", "--page", page]).await?.stdout;
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(&path, &wanted)?;
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == wanted,
            "docs/privacy/{file} is not what the inventory says: run with UPDATE_DOCS=1"
        );
    }
    Ok(())
}

//! What the commands print is what the documentation says, to the letter of its JSON.

use anyhow::{Context as _, Result};
use serde_json::Value;
use waxseal_testkit::Call;

use crate::waxseal;

fn fields(answer: &Value) -> Vec<&str> {
    answer.as_object().map(|object| object.keys().map(String::as_str).collect()).unwrap_or_default()
}

#[tokio::test]
async fn accounts_domains_credentials_and_keys_are_made_without_a_server() -> Result<()> {
    let binary = waxseal()?;
    let account = binary
        .json(&["account", "create", "--name", "Ann", "--email", "ann@example.org", "--company", "Example"])
        .await?;
    assert_eq!(fields(&account), ["account_id", "api_key", "panel_url"]);
    let id = account["account_id"].as_str().expect("id");

    let domain = binary.json(&["domain", "create", "Mail.Example.ORG", "--account", id]).await?;
    assert_eq!(fields(&domain), ["name", "state", "dns"]);
    assert_eq!(domain["name"], "mail.example.org");
    let records = domain["dns"].as_array().expect("records");
    assert!(records.iter().all(|record| fields(record) == ["type", "name", "value", "priority", "purpose"]));
    let dkim = records.iter().filter(|record| record["purpose"] == "dkim");
    assert_eq!(dkim.clone().count(), 2, "RSA and Ed25519: {records:?}");
    assert!(dkim.clone().all(|record| record["type"] == "TXT"
        && record["name"].as_str().is_some_and(|name| name.ends_with("._domainkey.mail.example.org"))
        && record["value"].as_str().is_some_and(|value| value.contains("p="))));

    let sandbox = binary.json(&["domain", "create", "sandbox.test", "--account", id, "--sandbox"]).await?;
    assert_eq!(sandbox["state"], "active");

    let credential = binary.json(&["credential", "create", "app@mail.example.org", "--account", id]).await?;
    assert_eq!(fields(&credential), ["login", "password"]);
    assert_eq!(credential["login"], "app@mail.example.org");

    let network = binary.json(&["credential", "create", "--network", "10.1.0.0/16", "--account", id]).await?;
    assert_eq!(network["network"], "10.1.0.0/16");

    let key = binary.json(&["key", "create", "--account", id, "--domain", "mail.example.org"]).await?;
    assert!(key["api_key"].as_str().is_some_and(|key| key.len() > 40));

    let queue = binary.json(&["queue", "list"]).await?;
    assert_eq!(fields(&queue), ["waiting", "in_flight", "items", "next", "pauses"]);

    let accounts = binary.json(&["account", "list"]).await?;
    assert_eq!(accounts["items"][0]["account_id"], id);
    let domains = binary.json(&["domain", "list", "--account", id]).await?;
    assert_eq!(domains["items"].as_array().map(Vec::len), Some(2));
    Ok(())
}

#[tokio::test]
async fn mistakes_are_told_with_what_to_do() -> Result<()> {
    let binary = waxseal()?;
    let (id, _) = binary.account().await?;
    let nobody = "0".repeat(26);
    let cases: [(&[&str], &str); 8] = [
        (&["domain", "create", "mail.example.org", "--account", &nobody], "waxseal account list"),
        (&["domain", "create", "mail.example.org", "--account", "me"], "26 characters"),
        (&["domain", "create", "not a name", "--account", &id], "not a name"),
        (&["credential", "create", "app@elsewhere.org", "--account", &id], "domain create"),
        (&["credential", "create", "app", "--account", &id], "such as postmaster@example.org"),
        (
            &["credential", "create", "--network", "10.1.2.3/16", "--account", &id],
            "did you mean 10.1.0.0/16?",
        ),
        (&["key", "create", "--account", &id, "--domain", "elsewhere.org"], "domain create"),
        (&["queue", "why", "<nothing@example.org>"], "there is no message"),
    ];
    for (arguments, expected) in cases {
        let ended = binary.run(arguments).await?;
        assert_eq!(ended.status.code(), Some(1), "{arguments:?}");
        assert!(ended.stderr.contains(expected), "{arguments:?}: {}", ended.stderr);
        assert_eq!(ended.stdout, "", "{arguments:?}");
    }
    Ok(())
}

#[tokio::test]
async fn the_data_map_names_every_place() -> Result<()> {
    let binary = waxseal()?;
    let map = binary.json(&["privacy", "map"]).await?;
    let columns = map["columns"].as_array().expect("columns");
    assert!(columns.len() > 50, "{} columns", columns.len());
    let class =
        ["category", "subject", "purpose", "ground", "retention", "export", "erase", "at_rest", "opened_for"]
            .as_slice();
    assert!(columns.iter().all(|column| fields(column) == [&["table", "column"], class].concat()));
    let places = map["places"].as_array().expect("places");
    assert!(places.iter().all(|place| fields(place) == [&["kind", "place", "about"], class].concat()));
    let table = binary.run(&["privacy", "map"]).await?.stdout;
    assert_eq!(table.lines().count(), columns.len() + places.len() + 1);
    Ok(())
}

#[tokio::test]
async fn a_reader_that_has_seen_enough_is_no_fault() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let script = format!("{} privacy map | head -1", env!("CARGO_BIN_EXE_waxseal"));
    let output =
        tokio::process::Command::new("sh").args(["-c", &script]).current_dir(folder.path()).output().await?;
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("PLACE"));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    Ok(())
}

#[tokio::test]
async fn check_says_what_the_dns_lacks_of_a_domain_whether_a_server_runs_or_not() -> Result<()> {
    let zone = waxseal_testkit::dns_zone::Zone::start().await?;
    zone.address_of("mail.waxseal.test", "127.0.0.1".parse()?);
    let binary = waxseal()?.delivering_to(&zone.nameserver(), 2526);
    let made = binary.json(&["account", "create", "--name", "A", "--email", "a@waxseal.test"]).await?;
    let account = made["account_id"].as_str().context("account")?;
    let made = binary.json(&["domain", "create", "news.test", "--account", account]).await?;
    let checked = binary.run(&["check"]).await?;
    assert!(checked.status.success(), "mail leaves, hardly as meant: {}", checked.stdout);
    for expected in ["doubtful  domain", "news.test (active)", "There is no SPF record at news.test"] {
        assert!(checked.stdout.contains(expected), "{expected}: {}", checked.stdout);
    }
    for record in made["dns"].as_array().context("records")? {
        let text = |key: &str| record[key].as_str().unwrap_or_default();
        match text("type") {
            "TXT" => zone.txt(text("name"), text("value")),
            "MX" => zone.mx(text("name"), 10, text("value")),
            "CNAME" => zone.cname(text("name"), text("value")),
            other => anyhow::bail!("{other}"),
        };
    }
    let server = binary.serve().await?;
    let checked = binary.run(&["check"]).await?;
    let expected = "news.test (active): all of its records are published";
    assert!(checked.stdout.contains(expected), "{}", checked.stdout);
    server.terminate().await?;
    Ok(())
}

#[tokio::test]
async fn check_says_what_is_wrong_and_how_to_mend_it() -> Result<()> {
    let zone = waxseal_testkit::dns_zone::Zone::start().await?;
    zone.address_of("mail.waxseal.test", "127.0.0.1".parse()?);
    let binary = waxseal()?.delivering_to(&zone.nameserver(), 2526);
    let fine = binary.run(&["check"]).await?;
    assert!(fine.status.success(), "{}", fine.stdout);

    let key = binary.data_dir().join("master.key");
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
    let taken = std::net::TcpListener::bind("127.0.0.1:0")?;
    let binary = binary.set("http.listen", &taken.local_addr()?.to_string());
    let wrong = binary.run(&["check"]).await?;
    assert_eq!(wrong.status.code(), Some(1));
    for expected in ["chmod 600", "can be read by others", "another program has it"] {
        assert!(wrong.stdout.contains(expected), "{expected}: {}", wrong.stdout);
    }
    Ok(())
}

#[tokio::test]
async fn help_is_there_for_every_command() -> Result<()> {
    let binary = waxseal()?;
    let all = binary.run(&["--help"]).await?.stdout;
    for command in [
        "quickstart",
        "serve",
        "check",
        "account",
        "domain",
        "credential",
        "key",
        "suppression",
        "queue",
        "privacy",
    ] {
        assert!(all.contains(command), "{all}");
        let help = binary.run(&[command, "--help"]).await?;
        assert!(help.status.success() && help.stdout.contains("Usage: waxseal"), "{command}");
    }
    Ok(())
}

#[tokio::test]
async fn what_an_account_says_about_itself_can_be_corrected() -> Result<()> {
    let binary = waxseal()?;
    let (account, key) = binary.account().await?;
    let server = binary.serve().await?;
    let done = binary.json(&["account", "correct", &account, "--email", "right@waxseal.test"]).await?;
    assert_eq!(done["corrected"], serde_json::json!(["email"]));
    let profile = Call::get(server.http(), "/v1/privacy/profile").key(&key).send().await?.json();
    assert_eq!(profile["email"], "right@waxseal.test");
    let refused = binary.run(&["account", "correct", &account, "--email", "wrong"]).await?;
    assert_eq!(refused.status.code(), Some(1));
    assert!(refused.stderr.contains("full address such as ops@example.org"), "{}", refused.stderr);
    assert_eq!(binary.run(&["account", "correct", &account]).await?.status.code(), Some(2), "nothing named");
    Ok(())
}

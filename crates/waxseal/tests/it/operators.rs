//! Operators: who reaches a running server, what each may do there, and what is told of it.

use std::{
    fs,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _, chown},
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use waxseal_system::users::own_uid;
use waxseal_testkit::{Binary, Call, Server, binary::Ended};

use crate::waxseal;

/// Members of it reach the socket.
const GROUP: u32 = 61_100;
const ADA: u32 = 61_001;
const BOB: u32 = 61_002;
const CYD: u32 = 61_003;
const STRANGER: u32 = 61_004;
/// As whom a server runs that is not root's.
const OWNER: u32 = 61_005;

/// A server with operators, each a user of the system.
struct Staffed {
    binary: Binary,
    /// A folder that everybody enters: the program, the socket, files that users hand over.
    open: tempfile::TempDir,
}

impl Staffed {
    /// `None` where tests cannot act as other users.
    fn new(settings: &[(&str, &str)]) -> Result<Option<Self>> {
        if own_uid() != 0 {
            waxseal_testkit::skipped("only root acts as other users");
            return Ok(None);
        }
        let open = tempfile::tempdir()?;
        fs::set_permissions(open.path(), fs::Permissions::from_mode(0o755))?;
        // Where it was built others may not look.
        let program = open.path().join("waxseal");
        fs::copy(env!("CARGO_BIN_EXE_waxseal"), &program)?;
        fs::DirBuilder::new().mode(0o755).create(open.path().join("run"))?;
        let binary = Binary::new(program)?;
        let anchors = binary.folder().join("anchors");
        let operators = format!(
            "[{{name=\"ada\", user={ADA}, roles=[\"support\"]}}, \
              {{name=\"bob\", user={BOB}, roles=[\"privacy\", \"audit\"]}}, \
              {{name=\"cyd\", user={CYD}, roles=[\"support\", \"operations\"]}}]"
        );
        let mut binary = binary
            .set("audit.anchor_file", anchors.to_str().context("a path")?)
            .set("control.group", &GROUP.to_string())
            .set("control.socket", socket(open.path()).to_str().context("a path")?)
            .set("operators", &operators);
        for (key, value) in settings {
            binary = binary.set(key, value);
        }
        Ok(Some(Self { binary, open }))
    }

    /// What a user of the system gets who knows where the server is and nothing else.
    async fn run(&self, uid: u32, gid: u32, arguments: &[&str]) -> Result<Ended> {
        let output = tokio::process::Command::new(self.open.path().join("waxseal"))
            .args(arguments)
            .uid(uid)
            .gid(gid)
            .current_dir("/")
            .env_clear()
            .env("WAXSEAL_DATA_DIR", self.binary.data_dir())
            .env("WAXSEAL_CONTROL__SOCKET", socket(self.open.path()))
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await?;
        Ok(Ended {
            status: output.status,
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    async fn allowed(&self, uid: u32, arguments: &[&str]) -> Result<String> {
        let ended = self.run(uid, GROUP, arguments).await?;
        ensure!(ended.status.success(), "{uid} {arguments:?}: {}", ended.stderr);
        Ok(ended.stdout)
    }

    async fn refused(&self, uid: u32, arguments: &[&str]) -> Result<String> {
        let ended = self.run(uid, GROUP, arguments).await?;
        ensure!(ended.status.code() == Some(1), "{uid} {arguments:?}: {}", ended.stdout);
        ensure!(ended.stdout.is_empty(), "nothing is shown: {}", ended.stdout);
        Ok(ended.stderr)
    }

    async fn trail(&self, arguments: &[&str]) -> Result<Vec<Value>> {
        let trail = self.binary.run(&[&["audit", "export"], arguments].concat()).await?.stdout;
        trail.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
    }
}

fn socket(open: &Path) -> PathBuf {
    open.join("run/control.sock")
}

/// Who did what, in order.
fn told(entries: &[Value]) -> Vec<(&str, &str)> {
    entries
        .iter()
        .map(|entry| (entry["by"].as_str().unwrap_or("-"), entry["what"].as_str().unwrap_or("-")))
        .collect()
}

fn p14(answer: &Value) -> Result<&Value> {
    let rows = answer["rows"].as_array().context("rows")?;
    rows.iter().find(|row| row["row"] == "P14").context("P14")
}

#[tokio::test]
async fn each_operator_does_what_a_role_covers_and_the_trail_names_who_did_and_who_was_refused() -> Result<()>
{
    let Some(staffed) = Staffed::new(&[])? else { return Ok(()) };
    let binary = &staffed.binary;
    let (account, key) = binary.account().await?;
    let server: Server = binary.serve().await?;
    let mode = fs::metadata(socket(staffed.open.path()))?.permissions().mode();
    assert_eq!(mode & 0o777, 0o660, "for its owner and the group");

    let reason = "Ticket 7: an attachment is broken";
    let open = ["access", "open", "--account", &account, "--reason", reason];
    staffed.allowed(ADA, &open).await?;
    staffed.allowed(ADA, &["access", "show", "1"]).await?;
    let said = staffed.refused(ADA, &["keys", "rotate"]).await?;
    assert!(said.contains("takes the role operations or admin, and ada has support"), "{said}");
    staffed.allowed(CYD, &["keys", "rotate"]).await?;
    staffed.refused(BOB, &["access", "show", "1"]).await?;
    staffed.refused(CYD, &["key", "create", "--account", &account]).await?;
    let listed = staffed.allowed(BOB, &["audit", "export", "--by", "ada"]).await?;
    assert_eq!(listed.lines().count(), 3, "hers alone: {listed}");

    // A file of an operator's is not put among the server's own.
    let export = |to: &Path| {
        let to = to.display().to_string();
        ["privacy", "export", "--account", &account, "--to", &to].map(str::to_owned)
    };
    let inside = export(&binary.data_dir().join("keys.db-journal"));
    let said = staffed.refused(BOB, &inside.each_ref().map(String::as_str)).await?;
    assert!(said.contains("the data folder is the server's own"), "{said}");
    let outside = export(&staffed.open.path().join("copy.export"));
    staffed.allowed(BOB, &outside.each_ref().map(String::as_str)).await?;

    let said = staffed.refused(STRANGER, &["privacy", "public-key"]).await?;
    assert!(said.contains("user 61004 is no operator of this instance"), "{said}");
    let large = "x".repeat(100_000);
    let said =
        staffed.refused(STRANGER, &["account", "create", "--name", &large, "--email", "a@b.example"]).await?;
    assert!(said.contains("is no operator of this instance"), "however much they say: {said}");
    let outsider = staffed.run(ADA, ADA, &["access", "list"]).await?;
    assert!(
        !outsider.status.success() && outsider.stderr.contains("members of its `control.group` reach it")
    );

    let owner = Call::get(server.http(), "/v1/privacy/access").key(&key).send().await?.text();
    assert!(
        owner.contains(reason) && !owner.contains("ada"),
        "its owner learns when and why, not who: {owner}"
    );
    let row = binary.json(&["policy", "verify"]).await?;
    let row = p14(&row)?;
    assert_eq!(row["state"], "works", "{row}");
    let checked = row["checked"].as_str().context("what was looked at")?;
    assert!(
        checked.contains("3 operators have names and roles") && checked.contains("5 are refusals"),
        "{checked}"
    );
    assert!(server.terminate().await?.0.success());

    assert_eq!(binary.json(&["audit", "verify"]).await?["sound"], true);
    let trail = staffed.trail(&[]).await?;
    let of = |by: &str| -> Vec<String> {
        let told = told(&trail);
        told.iter().filter(|(who, _)| *who == by).map(|(_, what)| (*what).to_owned()).collect()
    };
    assert_eq!(of("ada"), ["break_glass_granted", "break_glass_used", "command_refused"]);
    assert_eq!(of("cyd"), ["keys_rotated", "command_refused"]);
    assert_eq!(of("uid 61004"), ["command_refused", "command_refused"]);
    assert!(of("root").starts_with(&["account_created".to_owned()]));
    assert_eq!(of("bob")[..2], ["command_refused", "trail_exported"]);
    let refused: Vec<_> = trail.iter().filter_map(|entry| entry["command"].as_str()).collect();
    assert_eq!(
        refused,
        ["keys rotate", "access show", "key create", "privacy public-key", "unknown command"]
    );
    let system = trail.iter().filter(|entry| entry["actor"] != "operator");
    assert!(system.into_iter().all(|entry| entry["by"].is_null()), "who is no operator has no name");
    Ok(())
}

#[tokio::test]
async fn a_server_that_is_not_roots_takes_its_own_user_and_root_for_what_they_are() -> Result<()> {
    let Some(Staffed { binary, open }) = Staffed::new(&[])? else { return Ok(()) };
    for folder in ["data", "run"] {
        fs::create_dir_all(open.path().join(folder))?;
        chown(open.path().join(folder), Some(OWNER), Some(GROUP))?;
    }
    let path = |name: &str| open.path().join(name).display().to_string();
    let binary = binary.set("data_dir", &path("data")).set("audit.anchor_file", &path("run/anchors"));
    let mut command = binary.command(&["serve"]);
    command.uid(OWNER).gid(GROUP).current_dir("/");
    let server = Server::start(command).await?;
    let staffed = Staffed { binary, open };
    let file = fs::metadata(socket(staffed.open.path()))?;
    assert_eq!((file.uid(), file.gid(), file.mode() & 0o777), (OWNER, GROUP, 0o660));
    staffed.allowed(OWNER, &["account", "list"]).await?;
    staffed.allowed(0, &["account", "list"]).await?;
    staffed.allowed(ADA, &["account", "list"]).await?;
    staffed.refused(STRANGER, &["account", "list"]).await?;
    let trail = staffed.allowed(OWNER, &["audit", "export"]).await?;
    let trail: Vec<Value> = trail.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let told = told(&trail);
    let listed = ["owner", "root", "ada"].map(|by| (by, "accounts_listed"));
    assert!(told.ends_with(
        &[&listed[..], &[("uid 61004", "command_refused"), ("owner", "trail_exported")]].concat()
    ));
    assert!(server.terminate().await?.0.success());
    Ok(())
}

#[tokio::test]
async fn who_opened_a_grant_is_not_the_second_pair_of_eyes() -> Result<()> {
    let made = waxseal()?.json(&["access", "secret"]).await?;
    let (secret, hash) = (made["secret"].as_str(), made["second_operator"].as_str());
    let (secret, hash) = (secret.context("one")?, hash.context("one")?);
    let Some(staffed) = Staffed::new(&[("access.second_operator", hash)])? else { return Ok(()) };
    let (account, _) = staffed.binary.account().await?;
    let server = staffed.binary.serve().await?;
    let file = staffed.open.path().join("second");
    fs::write(&file, secret)?;
    let confirm = ["access", "confirm", "1", "--secret", file.to_str().context("a path")?];
    let open = ["access", "open", "--account", &account, "--reason", "Ticket 8: looks like phishing"];
    staffed.allowed(ADA, &open).await?;
    let said = staffed.refused(ADA, &confirm).await?;
    assert!(said.contains("ada opened the grant: another operator has to confirm it"), "{said}");
    staffed.refused(ADA, &["access", "show", "1"]).await?;
    staffed.allowed(CYD, &confirm).await?;
    staffed.allowed(ADA, &["access", "show", "1"]).await?;
    assert!(server.terminate().await?.0.success());
    let trail = staffed.trail(&["--account", &account]).await?;
    let told = told(&trail);
    for expected in [("ada", "break_glass_unconfirmed"), ("cyd", "break_glass_confirmed")] {
        assert!(told.contains(&expected), "{told:?}");
    }
    Ok(())
}

#[tokio::test]
async fn without_a_server_the_table_holds_for_whose_process_it_is() -> Result<()> {
    let binary = waxseal()?;
    let missing = binary.json(&["policy", "verify"]).await?;
    let missing = p14(&missing)?;
    assert_eq!(missing["state"], "not yet");
    assert!(missing["missing"].as_str().is_some_and(|text| text.contains("`[[operators]]`")), "{missing}");
    let (account, _) = binary.account().await?;

    let table = format!("[{{name=\"eve\", user={}, roles=[\"audit\"]}}]", own_uid());
    let binary = binary.set("operators", &table);
    assert_eq!(binary.json(&["audit", "verify"]).await?["sound"], true);
    let refused = binary.run(&["key", "create", "--account", &account]).await?;
    assert_eq!(refused.status.code(), Some(1));
    assert!(refused.stderr.contains("takes the role admin, and eve has audit"), "{}", refused.stderr);
    for restore in [&["backup", "restore", "nowhere"][..], &["backup", "keys-restore", "nowhere"]] {
        let refused = binary.run(restore).await?.stderr;
        assert!(refused.contains("takes the role operations or admin"), "{refused}");
    }
    let trail = binary.run(&["audit", "export", "--by", "eve"]).await?.stdout;
    let first: Value = serde_json::from_str(trail.lines().next().context("an entry")?)?;
    assert_eq!((&first["what"], &first["command"]), (&"command_refused".into(), &"key create".into()));
    let checks = binary.json(&["check"]).await?;
    let operators =
        checks["checks"].as_array().context("checks")?.iter().find(|check| check["check"] == "operators");
    assert_eq!(operators.context("a look at operators")?["state"], "fine");
    Ok(())
}

#[tokio::test]
async fn a_table_that_is_wrong_starts_no_server_and_check_names_the_field() -> Result<()> {
    let binary = waxseal()?.set("operators", "[{name=\"ada\", user=1001, roles=[\"boss\"]}]");
    let ended = binary.run(&["serve"]).await?;
    assert_eq!(ended.status.code(), Some(1));
    assert!(
        ended.stderr.contains("`operators.roles` of table 1: `boss` is no role of operators"),
        "{}",
        ended.stderr
    );
    let checked = binary.run(&["check"]).await?;
    assert_eq!(checked.status.code(), Some(1));
    assert!(checked.stdout.contains("`operators.roles` of table 1"), "{}", checked.stdout);
    Ok(())
}

//! Who may do what: by the table, and for nobody else.

use std::{collections::BTreeMap, os::unix::fs::PermissionsExt as _};

use serde_json::json;

use super::{OperatorRole::*, *};
use crate::config::Settings;

/// The chapter that is made from the table; what stands before it is written by hand.
const ROLES: &str = "\n## Roles\n";

/// One request of every kind there is.
fn every_request() -> Vec<Request> {
    // The parser names all kinds when it does not know one.
    let unknown = serde_json::from_str::<Request>(r#"{"do":"?"}"#).expect_err("no such kind").to_string();
    let (_, listed) = unknown.split_once("expected one of ").expect("all kinds");
    let (listed, _) = listed.rsplit_once(" at line").unwrap_or((listed, ""));
    let mut requests = Vec::new();
    for kind in listed.split(", ").map(|kind| kind.trim_matches('`')) {
        let asked = [json!({ "what": "standing" }), json!({ "what": "list", "all": false, "limit": 1 })];
        for asked in asked.into_iter().take(if kind == "person" { 2 } else { 1 }) {
            // Fields that a kind does not have are passed over.
            let request = json!({
                "do": kind, "account": "a", "name": "n", "email": "e", "lists": [], "address": "192.0.2.1", "what": "pause", "sandbox": false,
                "network": "n", "label": "l", "key": "k", "credential": "c", "domain": "d", "limit": 1,
                "message": "m", "file": "f", "reason": "r", "time": "1h", "grant": 1, "secret": "s",
                "asked": asked, "term": "t", "backups": [], "login": "l", "erasure": "e", "hold": "h",
                "gone": false, "to": "t", "grants": [], "direct": false, "provider": "p",
            });
            requests.push(serde_json::from_value(request).unwrap_or_else(|error| panic!("{kind}: {error}")));
        }
    }
    assert!(requests.len() > 50, "{listed}");
    requests
}

fn named(uid: u32, roles: &[OperatorRole]) -> NamedOperator {
    let name = format!("operator {uid}").parse().expect("a name");
    NamedOperator { name, uid, roles: roles.to_vec() }
}

/// The commands that a role may give.
fn commands_of(roles: &[OperatorRole]) -> Vec<&'static str> {
    let asking = Asking::with(7, 1, &[named(7, roles)]);
    let needs = every_request().iter().map(need::of).collect::<Vec<_>>();
    needs.into_iter().filter(|need| asking.wants(*need).is_ok()).map(|need| need.command).collect()
}

#[test]
fn a_stranger_and_who_has_no_role_may_do_nothing() {
    let stranger = Asking::with(7, 1, &[named(8, &[Admin])]);
    assert!(stranger.is_stranger());
    for request in every_request() {
        let refusal = stranger.judge(request).expect_err("a stranger");
        assert_eq!(refusal.operator, Operator::Stranger { uid: 7 });
        assert!(refusal.to_string().contains("[[operators]]"), "what to do is said: {refusal}");
    }
    assert_eq!(commands_of(&[]), Vec::<&str>::new());
}

#[test]
fn who_runs_the_instance_may_do_everything_unless_the_table_says_less() {
    for (uid, operator) in [(0, Operator::Root), (1, Operator::Owner)] {
        let asking = Asking::with(uid, 1, &[named(7, &[Audit])]);
        assert_eq!(asking.operator(), operator);
        assert!(every_request().into_iter().all(|request| asking.judge(request).is_ok()));
        let named = Asking::with(uid, 1, &[named(uid, &[Audit])]);
        assert!(matches!(named.operator(), Operator::Named(_)));
        assert!(named.judge(Request::AuditVerify).is_ok() && named.judge(Request::KeysRotate).is_err());
    }
}

#[test]
fn each_role_does_its_own_and_admin_everything() {
    let all = every_request().len();
    assert_eq!(commands_of(&[Admin]).len(), all);
    let has = |role, command| commands_of(&[role]).contains(&command);
    for (role, own, others) in [
        (
            Operations,
            &["queue retry", "backup create", "keys rotate"][..],
            &["access read", "privacy export"][..],
        ),
        (Support, &["access open", "access read"], &["privacy erase-owner", "key create", "keys rotate"]),
        (
            Privacy,
            &["privacy export", "privacy hold add", "access confirm"],
            &["access read", "backup prune"],
        ),
        (
            Audit,
            &["audit export", "policy verify", "access list"],
            &["access show", "queue retry", "account list"],
        ),
    ] {
        assert!(own.iter().all(|command| has(role, command)), "{role:?}");
        assert!(others.iter().all(|command| !has(role, command)), "{role:?}");
    }
    // Whoever has what opens an account acts in its name.
    for command in ["account create", "key create", "key list", "credential create", "privacy import"] {
        assert!(OperatorRole::ALL.into_iter().all(|role| has(role, command) == (role == Admin)), "{command}");
    }
    // Who looks changes nothing.
    let looking = ["list", "show", "verify", "verify-report", "report", "export", "erasure", "certificate"];
    for command in commands_of(&[Audit]) {
        let last = command.split(' ').next_back().unwrap_or_default();
        assert!(looking.contains(&last) || ["public-key", "standing"].contains(&last), "{command}");
    }
    let both = commands_of(&[Support, Audit]);
    assert!(both.contains(&"access read") && both.contains(&"audit export"), "roles add up");
}

#[test]
fn operators_who_cannot_reach_the_socket_are_seen() {
    let folder = |mode| {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(mode)).expect("set");
        folder
    };
    let (shut, open) = (folder(0o700), folder(0o755));
    let socket = open.path().join("control.sock").display().to_string();
    let other = users::own_uid() + 1;
    let why = |settings: &[(&str, &str)]| {
        let table = format!("[{{name=\"ada\", user={other}, roles=[\"audit\"]}}]");
        let data = shut.path().display().to_string();
        let start = Settings::default().set("operators", &table).set("data_dir", &data);
        let settings = settings.iter().fold(start, |settings, (key, value)| settings.set(key, value));
        unreachable(&settings.read().expect("a configuration"))
    };
    assert!(why(&[]).is_some_and(|why| why.contains("`control.group`")));
    let group = ("control.group", "61100");
    assert!(why(&[group]).is_some_and(|why| why.contains("`control.socket`")), "the data folder is shut");
    assert_eq!(why(&[group, ("control.socket", socket.as_str())]), None);
    let deeper = shut.path().join("deeper");
    std::fs::create_dir(&deeper).expect("made");
    std::fs::set_permissions(&deeper, std::fs::Permissions::from_mode(0o755)).expect("set");
    let socket = deeper.join("control.sock").display().to_string();
    let shut = shut.path().canonicalize().expect("there").display().to_string();
    let said = why(&[group, ("control.socket", socket.as_str())]).expect("a folder above is shut");
    assert!(said.contains(&shut) && !said.contains("deeper"), "{said}");
    assert_eq!(why(&[("operators", "")]), None, "there is nobody");
}

#[test]
fn who_is_refused_is_told_which_role_it_takes() {
    let refusal = Asking::with(7, 1, &[named(7, &[Privacy, Audit])]).judge(Request::KeysRotate);
    let said = refusal.expect_err("another role").to_string();
    assert!(
        said.starts_with(
            "`keys rotate` takes the role operations or admin, and operator 7 has privacy, audit"
        )
    );
}

#[test]
fn the_documentation_lists_every_command_with_its_roles() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/privacy/operators.md");
    let page = std::fs::read_to_string(path).expect("docs/privacy/operators.md");
    let (before, _) = page.split_once(ROLES).expect("a chapter on roles, the last");
    let mut wanted = format!("{before}{ROLES}\n| role | what for |\n| --- | --- |\n");
    for role in OperatorRole::ALL {
        wanted.push_str(&format!("| `{}` | {} |\n", role.as_str(), role.about()));
    }
    wanted.push_str("\nEach command takes one of these roles; `admin` has all of them.\n\n| command | roles |\n| --- | --- |\n");
    let mut commands: BTreeMap<&str, Need> =
        every_request().iter().map(need::of).map(|need| (need.command, need)).collect();
    commands.extend([BACKUP_RESTORE, KEYS_RESTORE].map(|need| (need.command, need)));
    for (command, need) in commands {
        let roles: Vec<String> = need.roles.iter().map(|role| format!("`{}`", role.as_str())).collect();
        let roles = if roles.is_empty() { "`admin` alone".to_owned() } else { roles.join(", ") };
        wanted.push_str(&format!("| `{command}` | {roles} |\n"));
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, &wanted).expect("page");
    }
    let page = std::fs::read_to_string(path).expect("docs/privacy/operators.md");
    assert!(
        page == wanted,
        "docs/privacy/operators.md is not what the roles say: run this test with UPDATE_DOCS=1"
    );
}

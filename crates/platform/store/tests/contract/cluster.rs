//! A private PostgreSQL for the tests of this process: no password, no network, no fsync, gone with the
//! process however it ends.
//!
//! `WAXSEAL_TEST_POSTGRES_URL` names another server to use. Where there is none and no PostgreSQL is
//! installed the cases pass, and it is listed that they were left out.

use std::{
    os::unix::{fs::chown, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tokio::sync::OnceCell;

static SERVER: OnceCell<Option<String>> = OnceCell::const_new();
static KEEPER: Mutex<Option<Child>> = Mutex::new(None);
static DATABASES: AtomicU32 = AtomicU32::new(0);

/// The URL of a new, empty database; `None` where there is no PostgreSQL.
pub(crate) async fn database() -> Option<String> {
    let server = SERVER.get_or_init(server).await.clone()?;
    let name = format!("waxseal_test_{}_{}", std::process::id(), DATABASES.fetch_add(1, Ordering::Relaxed));
    execute(&server, &format!("CREATE DATABASE {name}")).await;
    Some(in_database(&server, &name))
}

/// Drops a database of [`database`]. In the private cluster that is not needed, elsewhere it is polite.
pub(crate) async fn drop_database(url: &str) {
    if let (Some(server), Some(name)) = (SERVER.get().cloned().flatten(), name_of(url)) {
        execute(&server, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
    }
}

fn in_database(server: &str, name: &str) -> String {
    let (base, options) = server.split_once('?').unwrap_or((server, ""));
    let base = base.rsplit_once('/').map_or(base, |(base, _)| base);
    format!("{base}/{name}?{options}")
}

/// The name of the database in a URL.
pub(crate) fn name_of(url: &str) -> Option<&str> {
    url.split_once('?').map_or(url, |(base, _)| base).rsplit_once('/').map(|(_, name)| name)
}

/// Has the server carry out a statement.
pub(crate) async fn execute(server: &str, sql: &str) {
    let mut connection = PgConnection::connect(server).await.expect("PostgreSQL answers");
    connection.execute(AssertSqlSafe(sql.to_owned())).await.expect(sql);
    connection.close().await.expect("closed");
}

async fn server() -> Option<String> {
    if let Ok(url) = std::env::var("WAXSEAL_TEST_POSTGRES_URL") {
        return Some(url);
    }
    let Some(programs) = programs() else {
        crate::skip::note("missing: PostgreSQL (install it, or set WAXSEAL_TEST_POSTGRES_URL)");
        return None;
    };
    Some(start(&programs).await)
}

/// The folder of `initdb` and `postgres`: the newest version.
fn programs() -> Option<PathBuf> {
    let mut folders: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .collect();
    folders.sort_by_key(|folder| {
        let version = folder.parent().and_then(Path::file_name).and_then(|name| name.to_str()?.parse().ok());
        std::cmp::Reverse(version.unwrap_or(0u32))
    });
    let path = std::env::var_os("PATH").unwrap_or_default();
    folders.extend(std::env::split_paths(&path));
    folders.into_iter().find(|folder| folder.join("initdb").exists() && folder.join("postgres").exists())
}

async fn start(programs: &Path) -> String {
    let folder = tempfile::Builder::new().prefix("waxseal-pg-").tempdir().expect("a folder").keep();
    let user = unprivileged();
    if let Some((uid, gid)) = user {
        chown(&folder, Some(uid), Some(gid)).expect("the folder changes hands");
    }
    let data = folder.join("data");
    let made = run_as(&programs.join("initdb"), user)
        .args(["--auth=trust", "--username=waxseal", "--no-sync", "--encoding=UTF8", "--locale=C", "-D"])
        .arg(&data)
        .current_dir(&folder)
        .output()
        .expect("initdb runs");
    assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
    // The shell ends the server when this process is gone: its standard input closes then.
    let keeper = run_as(Path::new("/bin/sh"), user)
        .args([
            "-c",
            "\"$1\" -D \"$2/data\" -k \"$2\" -c listen_addresses= -c fsync=off -c max_connections=200 \
             -c full_page_writes=off -c autovacuum=off >\"$2/log\" 2>&1 & server=$!; \
             read -r _; kill -INT $server; wait $server; rm -rf \"$2\"",
            "sh",
        ])
        .arg(programs.join("postgres"))
        .arg(&folder)
        .current_dir(&folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .expect("the server starts");
    *KEEPER.lock().expect("a lock") = Some(keeper);
    let host = folder.display().to_string().replace('/', "%2F");
    let url = format!("postgres://waxseal@{host}/postgres?sslmode=disable");
    for _ in 0..600 {
        if let Ok(connection) = PgConnection::connect(&url).await {
            connection.close().await.expect("closed");
            return url;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let log = std::fs::read_to_string(folder.join("log")).unwrap_or_default();
    panic!("PostgreSQL did not start: {log}");
}

/// PostgreSQL refuses to run as root: then somebody else's ids.
fn unprivileged() -> Option<(u32, u32)> {
    let root = std::fs::read_to_string("/proc/self/status")
        .is_ok_and(|status| status.lines().any(|line| line.starts_with("Uid:\t0\t")));
    if !root {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").expect("the list of users");
    let ids = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    Some(ids("postgres").or_else(|| ids("nobody")).expect("a user to run PostgreSQL as"))
}

fn run_as(program: &Path, user: Option<(u32, u32)>) -> Command {
    let mut command = Command::new(program);
    if let Some((uid, gid)) = user {
        command.uid(uid).gid(gid);
    }
    command
}

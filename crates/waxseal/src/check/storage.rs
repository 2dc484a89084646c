//! Data folder, master key and store.

use std::{fs, io::Write as _, os::unix::fs::PermissionsExt as _, path::Path};

use super::Finding;
use crate::{
    admin::{
        Request, Selection, domains,
        requests::{self, Asked},
    },
    config::Config,
    control,
    house::House,
};

/// Looks at what is kept; whether a server has it.
pub(super) async fn look(config: &Config, findings: &mut Vec<Finding>) -> bool {
    let folder = config.data_dir.display().to_string();
    if let Err(error) = fs::create_dir_all(&config.data_dir).and_then(|()| writable(&config.data_dir)) {
        let mend = "let the user that runs waxseal write there, or set `data_dir`";
        findings.push(Finding::wrong("data folder", format!("{folder}: {error}"), mend));
        return false;
    }
    findings.push(Finding::fine("data folder", format!("{folder} can be written")));
    findings.push(master_key(config));
    findings.push(super::keys::look(config));
    match control::ask(
        &config.control_socket,
        &Request::QueueList { limit: 0, which: Selection::default(), after: None },
    )
    .await
    {
        Ok(Some(counts)) => {
            let found = format!("a running server has it; {} waiting", counts["waiting"]);
            findings.push(Finding::fine("store", found));
            let asked = Request::Person { asked: Asked::Standing };
            if let Ok(Some(standing)) = control::ask(&config.control_socket, &asked).await {
                findings.push(requests_told(&standing));
            }
            if let Ok(Some(seen)) = control::ask(&config.control_socket, &Request::DomainsCheck).await {
                findings.extend(domains_told(&seen));
            }
            return true;
        }
        Ok(None) => {}
        Err(error) => {
            findings.push(Finding::wrong(
                "store",
                format!("{error:#}"),
                "look into the running server's log",
            ));
            return true;
        }
    }
    let (mut asked, mut seen) = (None, None);
    findings.push(match House::open(config).await {
        Ok(house) => {
            let outcome = house.store.ping().await;
            asked = requests::standing(&house).await.ok();
            seen = domains::check(&house).await.ok();
            house.close().await;
            match outcome {
                Ok(()) => Finding::fine("store", "opens and can be written"),
                Err(error) => {
                    Finding::wrong("store", error.to_string(), "is the disk full, or the database down?")
                }
            }
        }
        Err(error) => Finding::wrong("store", error.to_string(), "see `store.url`, `data_dir` and `keys`"),
    });
    findings.extend(asked.as_ref().map(requests_told));
    findings.extend(seen.iter().flat_map(domains_told));
    false
}

/// What the DNS lacks of each domain's records.
fn domains_told(seen: &serde_json::Value) -> Vec<Finding> {
    let items = seen["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut told: Vec<Finding> = items
        .iter()
        .map(|item| {
            let name = item["name"].as_str().unwrap_or_default();
            let state = item["state"].as_str().unwrap_or_default();
            let problems: Vec<&str> = item["problems"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(serde_json::Value::as_str)
                .collect();
            if problems.is_empty() {
                return Finding::fine(
                    "domain",
                    format!("{name} ({state}): all of its records are published"),
                );
            }
            let found =
                format!("{name} ({state}): {} of its records are not as they should be", problems.len());
            Finding::doubtful("domain", found, problems.join("\n                         "))
        })
        .collect();
    if seen["left_out"].as_bool() == Some(true) {
        let found = format!("only the first {} were looked at", items.len());
        told.push(Finding::doubtful(
            "domain",
            found,
            "PUT /v3/domains/DOMAIN/verify looks at each other one",
        ));
    }
    told
}

/// How what people asked about their data stands: counts alone.
fn requests_told(standing: &serde_json::Value) -> Finding {
    let count = |name: &str| standing[name].as_u64().unwrap_or_default();
    let (open, soon, overdue) = (count("open"), count("due_soon"), count("overdue"));
    let found =
        format!("{open} of people wait for an answer, {soon} due within seven days, {overdue} overdue");
    let mend = "`waxseal privacy request list` shows them";
    match (soon, overdue) {
        (0, 0) => Finding::fine("requests", found),
        (_, 0) => Finding::doubtful("requests", found, mend),
        _ => Finding::wrong("requests", found, mend),
    }
}

/// Whether something can be written in a folder.
pub(super) fn writable(folder: &Path) -> std::io::Result<()> {
    let probe = folder.join(".check");
    let mut file = fs::File::create(&probe)?;
    let outcome = file.write_all(b"check").and_then(|()| file.sync_all());
    fs::remove_file(&probe)?;
    outcome
}

fn master_key(config: &Config) -> Finding {
    if config.master_key.is_some() {
        return Finding::fine("master key", "from `keys.master_key`");
    }
    if config.master_key_command.is_some() {
        return Finding::fine("master key", "from `keys.master_key_command`");
    }
    let path = &config.master_key_file;
    let shown = path.display();
    match fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Finding::fine("master key", format!("{shown} will be made on first start"))
        }
        Err(error) => Finding::wrong(
            "master key",
            format!("{shown}: {error}"),
            "let the user that runs waxseal read it",
        ),
        Ok(file) if file.permissions().mode() & 0o077 != 0 => {
            let found =
                format!("{shown} can be read by others (mode {:o})", file.permissions().mode() & 0o777);
            Finding::wrong("master key", found, format!("chmod 600 {shown}"))
        }
        Ok(_) => Finding::fine("master key", format!("{shown}, for its owner alone")),
    }
}

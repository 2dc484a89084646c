//! Who may see it, and what is told when it leaks: P14 to P16.

use std::os::unix::fs::MetadataExt as _;

use anyhow::{Result, bail, ensure};
use waxseal_privacy::audit::Query;
use waxseal_store::grant::GrantState;

use super::row::{Found, Instance, Row};
use crate::{
    admin::Request,
    operators::{self, Asking},
};

/// The rows.
pub(super) const ROWS: &[Row] = &[
    Row {
        row: "P14",
        promise: "Staff reach personal data only by need: roles, a reason for each access, an audit trail that cannot \
                  be edited unseen",
        mechanism: "the kernel tells who gives a command, a table says which roles that user has, and a command takes one; \
                    content is shown under a grant alone, with reason and limit, and its owner sees that; commands and \
                    refusals leave entries with the operator's name in a signed chain with anchors, whose end the key store \
                    keeps as well",
        missing: None,
        check: Some(|instance| Box::pin(trail(instance))),
    },
    Row::unbuilt(
        "P15",
        "Affected customers are told of a breach: whom it touches, draft, send, track",
        "notices of breaches; the audit trail tells what was opened",
    ),
    Row::unbuilt(
        "P16",
        "A warning before personal data is published in a public area, and a way to take it back",
        "public areas: there is no blog",
    ),
];

/// A grant lasts a day at most: those that are open are among the latest.
const LATEST_GRANTS: u64 = 1_000;

async fn trail(instance: &Instance<'_>) -> Result<Found> {
    let verdict = instance.house.audit.verify().await?;
    let first = verdict.findings.first().map(|finding| format!("entry {}: {}", finding.entry, finding.found));
    ensure!(verdict.sound, "the audit trail is not as it was written: {}", first.unwrap_or_default());
    let now = instance.house.clock.now();
    let latest = instance.house.store.grants(None, None, LATEST_GRANTS).await?;
    let open = latest.iter().filter(|grant| grant.state(now) == GrantState::Open).count();
    let (who, lacks_names) = operators(instance).await?;
    let text = format!(
        "audit trail verified: {} entries in their chain, {} signed checkpoints, {} anchors; {open} grants of access to \
         content are open now; {who}",
        verdict.entries, verdict.checkpoints, verdict.anchors
    );
    let config = &instance.house.config;
    let beside = config.anchor_file.starts_with(&config.data_dir);
    let anchors = "anchors outside the data folder: set `audit.anchor_file` to another disk";
    let lacks: Vec<String> = beside.then(|| anchors.to_owned()).into_iter().chain(lacks_names).collect();
    Ok(Found { text, lacks: (!lacks.is_empty()).then(|| lacks.join("; ")) })
}

/// Nobody reaches the socket but who may, a user without a name is refused, and whoever gave a command is named; what of
/// it is not set up here.
async fn operators(instance: &Instance<'_>) -> Result<(String, Option<String>)> {
    let house = instance.house;
    let config = &house.config;
    let table = &config.operators;
    // Neither root nor the server's own, nor anybody of the table: the highest number stands for no user.
    let stranger = Asking::peer(u32::MAX, config);
    ensure!(
        stranger.judge(Request::PublicKey).is_err(),
        "a user of the system who is no operator is not refused"
    );
    if let Ok(socket) = std::fs::metadata(&config.control_socket) {
        let (mode, wanted) =
            (socket.mode() & 0o777, if config.control_group.is_some() { 0o660 } else { 0o600 });
        ensure!(mode == wanted, "the control socket has mode {mode:o}, not {wanted:o}");
        let group = config.control_group.is_none_or(|group| group == socket.gid());
        ensure!(group, "the control socket is of another group than `control.group`");
    }
    let entries = house.audit.entries(Query::default()).await?;
    let commands: Vec<_> = entries.iter().filter(|entry| entry.actor == "operator").collect();
    // From before they had names.
    let unnamed = commands.iter().take_while(|entry| entry.by.is_none()).count();
    let later = commands.get(unnamed..).unwrap_or_default();
    if let Some(entry) = later.iter().find(|entry| entry.by.is_none()) {
        bail!("entry {} of the audit trail does not name its operator", entry.n);
    }
    let refused = later.iter().filter(|entry| entry.what == "command_refused").count();
    let text = format!(
        "{} operators have names and roles, users without are refused; of {} entries of commands {unnamed} name nobody, being \
         older, and {refused} are refusals",
        table.len(),
        commands.len(),
    );
    let lacks = match table.is_empty() {
        true => Some("names and roles of operators: give each a table `[[operators]]`".to_owned()),
        false => operators::unreachable(config),
    };
    Ok((text, lacks))
}

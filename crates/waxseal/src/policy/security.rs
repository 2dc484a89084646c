//! Who may see it, and what is told when it leaks: P14 to P16.

use anyhow::{Result, ensure};
use waxseal_store::grant::GrantState;

use super::row::{Found, Instance, Row};

/// The rows.
pub(super) const ROWS: &[Row] = &[
    Row {
        row: "P14",
        promise: "Staff reach personal data only by need: roles, a reason for each access, an audit trail that cannot \
                  be edited unseen",
        mechanism: "no command shows content but under a grant with reason and limit that its owner sees; commands \
                    leave entries in a signed chain with anchors, whose end the key store keeps as well",
        missing: Some("names and roles of single operators"),
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
    let text = format!(
        "audit trail verified: {} entries in their chain, {} signed checkpoints, {} anchors; {open} grants of access to \
         content are open now",
        verdict.entries, verdict.checkpoints, verdict.anchors
    );
    let config = &instance.house.config;
    let beside = config.anchor_file.starts_with(&config.data_dir);
    let lacks = "anchors outside the data folder: set `audit.anchor_file` to another disk";
    Ok(Found { text, lacks: beside.then(|| lacks.to_owned()) })
}

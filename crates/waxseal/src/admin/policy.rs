//! The promises by command.

use anyhow::Result;
use serde_json::{Value, json};
use waxseal_privacy::{
    audit::{AuditActor, AuditEntry, AuditEvent, AuditPurpose},
    policy::Tally,
};

use crate::{house::House, policy};

/// Checks every row now, and records in the trail what was found.
pub(super) async fn verify(house: &House) -> Result<Value> {
    let rows = policy::check(house).await;
    let Tally { works, not_yet, failed } = Tally::of(&rows);
    let entry = AuditEntry {
        actor: AuditActor::Operator,
        purpose: AuditPurpose::SelfCheck,
        what: AuditEvent::PolicyReported { works, not_yet, failed },
        account: None,
        count: 1,
    };
    house.audit.record(entry).await?;
    Ok(json!({ "rows": rows, "works": works, "not_yet": not_yet, "failed": failed, "sound": failed == 0 }))
}

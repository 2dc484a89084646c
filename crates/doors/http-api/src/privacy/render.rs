//! An erasure as the API shows it.

use serde_json::{Value, json};
use waxseal_mail::date;
use waxseal_store::erasure::Erasure;

use super::account::refusal;
use crate::{error::ApiError, state::Api};

/// How far it is; whom it is about, nobody but who asked for it knows.
pub(super) async fn shown(api: &Api, erasure: &Erasure) -> Result<Value, ApiError> {
    let progress = api.services.eraser.progress(erasure).await.map_err(refusal)?;
    Ok(json!({
        "id": erasure.id.to_string(),
        "kind": erasure.kind.as_str(),
        "state": progress.stage,
        "requested-at": date::rfc3339_millis(erasure.asked_at),
        "final-at": date::rfc3339_millis(erasure.final_at),
        "done-at": erasure.done_at.map(date::rfc3339_millis),
        "rows": progress.rows,
    }))
}

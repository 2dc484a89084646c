//! The audit trail's entry for what a customer does with its own data.

use waxseal_accounts::caller::{Caller, Proof};
use waxseal_privacy::audit::{AuditActor, AuditEntry, AuditError, AuditEvent, AuditPurpose};

use crate::{error::ApiError, state::Api};

/// Records what the caller is about to do. What cannot be recorded is not done.
pub(super) async fn record(
    api: &Api,
    caller: &Caller,
    purpose: AuditPurpose,
    what: AuditEvent,
) -> Result<(), ApiError> {
    let key = match caller.proof {
        Proof::ApiKey(id) => Some(id),
        Proof::SmtpCredential(_) | Proof::Network(_) => None,
    };
    let actor = AuditActor::Customer(key);
    let entry = AuditEntry { actor, purpose, what, account: Some(caller.account), count: 1 };
    match api.services.audit.record(entry).await {
        Ok(_) => Ok(()),
        Err(AuditError::Store(error)) => Err(error.into()),
        Err(error @ (AuditError::File { .. } | AuditError::Closed)) => {
            tracing::error!(%error, "not recorded, so not done");
            Err(ApiError::unavailable())
        }
    }
}

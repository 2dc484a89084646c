//! The audit trail's entry for what a customer does with its own data.

use waxseal_accounts::caller::{Caller, Proof};
use waxseal_privacy::audit::{AuditActor, AuditEntry, AuditError, AuditEvent, AuditPurpose};
use waxseal_store::content::Content;

use crate::{
    error::ApiError,
    state::{Api, CUSTOMER},
};

/// Records what the caller is about to do, and has it done. What cannot be recorded is not done; what fails is recorded as
/// failed.
pub(super) async fn recorded<T, E>(
    api: &Api,
    caller: &Caller,
    (purpose, what): (AuditPurpose, AuditEvent),
    work: impl Future<Output = Result<T, E>>,
    refusal: impl FnOnce(E) -> ApiError,
) -> Result<T, ApiError> {
    let entry = record(api, caller, purpose, what).await?;
    match work.await {
        Ok(done) => Ok(done),
        Err(error) => {
            record(api, caller, purpose, AuditEvent::Failed { entry }).await?;
            Err(refusal(error))
        }
    }
}

/// Records what the caller is about to do; the entry's number. What cannot be recorded is not done.
pub(super) async fn record(
    api: &Api,
    caller: &Caller,
    purpose: AuditPurpose,
    what: AuditEvent,
) -> Result<u64, ApiError> {
    let key = match caller.proof {
        Proof::ApiKey(id) => Some(id),
        Proof::SmtpCredential(_) | Proof::Network(_) => None,
    };
    let actor = AuditActor::Customer(key);
    let entry = AuditEntry { actor, purpose, what, account: Some(caller.account), count: 1 };
    api.services.audit.record(entry).await.map_err(refused)
}

/// The content of a message for its owner, once that is on record.
pub(crate) async fn opened(api: &Api, content: Content) -> Result<Vec<u8>, ApiError> {
    content.into_open_before(&api.services.audit, &CUSTOMER).await.map_err(refused)
}

fn refused(error: AuditError) -> ApiError {
    match error {
        AuditError::Store(error) => error.into(),
        error @ (AuditError::File { .. } | AuditError::Closed | AuditError::Unnamed) => {
            tracing::error!(%error, "not recorded, so not done");
            ApiError::unavailable()
        }
    }
}

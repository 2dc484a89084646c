//! What an answer refers to has to be there: nothing is said to be done that was not.

use waxseal_store::{
    erasure::{ErasureKind, ErasureState},
    request::{PrivacyRequest, RequestAnswer, RequestKind},
};

use super::{RequestError, Requests};
use crate::audit::Query;

/// Erasures that one answer may name.
const MOST_ERASURES: usize = 1_000;
/// Entries of the trail that tell of a copy, and of a correction.
const COPIES: [&str; 3] = ["account_exported", "recipient_exported", "login_exported"];
const CORRECTIONS: [&str; 2] = ["profile_corrected", "recipient_corrected"];

impl Requests {
    /// Looks what an answer refers to.
    pub(super) async fn check_evidence(
        &self,
        request: &PrivacyRequest,
        answer: &RequestAnswer,
    ) -> Result<(), RequestError> {
        let RequestAnswer { erasures, entry, nothing_kept, note } = answer;
        let given = [!erasures.is_empty(), entry.is_some(), *nothing_kept];
        let fits = match request.kind {
            RequestKind::Access | RequestKind::Correction => [false, !*nothing_kept, *nothing_kept],
            RequestKind::Erasure => [!*nothing_kept, false, *nothing_kept],
            RequestKind::Objection => [false, false, false],
        };
        if given != fits {
            return Err(RequestError::Unfitting(match request.kind {
                RequestKind::Access | RequestKind::Correction => {
                    "say --entry, the number that the trail gave to the export or correction, or --nothing-kept"
                }
                RequestKind::Erasure => "say --erasure, the ids of what was erased, or --nothing-kept",
                RequestKind::Objection => "say with --note alone what is not done any more",
            }));
        }
        if request.kind == RequestKind::Objection && note.trim().is_empty() {
            return Err(RequestError::Unfitting("say with --note what is not done any more"));
        }
        if erasures.len() > MOST_ERASURES {
            return Err(RequestError::Unfitting("an answer names 1,000 erasures at most"));
        }
        for id in erasures {
            self.check_erasure(request, id).await?;
        }
        match entry {
            Some(entry) => self.check_entry(request, *entry).await,
            None => Ok(()),
        }
    }

    /// Of somebody without account it is done; of an account it was asked for at least: the request goes with it.
    async fn check_erasure(&self, request: &PrivacyRequest, id: &str) -> Result<(), RequestError> {
        let none = || RequestError::Evidence(format!("there is no erasure {id}"));
        let erasure = self.store.erasure(id.parse().map_err(|_| none())?).await?.ok_or_else(none)?;
        if erasure.asked_at < request.received_at {
            return Err(RequestError::Evidence(format!("erasure {id} is from before the request")));
        }
        let of_account = erasure.kind == ErasureKind::Account && erasure.account == request.account;
        if request.account.is_some() {
            return if of_account || erasure.account == request.account {
                Ok(())
            } else {
                Err(RequestError::Evidence(format!("erasure {id} is not of the account that asks")))
            };
        }
        match erasure.state {
            ErasureState::Done => Ok(()),
            _ => Err(RequestError::Evidence(format!("erasure {id} is not done yet"))),
        }
    }

    /// It tells of what was asked, since it was asked, and did not fail.
    async fn check_entry(&self, request: &PrivacyRequest, number: u64) -> Result<(), RequestError> {
        let after = number.saturating_sub(1);
        let about = Query { after, account: request.account, ..Query::default() };
        let entries = self.audit.entries(Query { limit: 1, ..about }).await?;
        let told = match request.kind {
            RequestKind::Access => COPIES.as_slice(),
            _ => CORRECTIONS.as_slice(),
        };
        let entry = entries.first().filter(|entry| entry.n == number);
        let fits = entry
            .is_some_and(|entry| told.contains(&entry.what.as_str()) && entry.time() >= request.received_at);
        if !fits {
            return Err(RequestError::Evidence(format!(
                "entry {number} of the audit trail tells of nothing that answers this request: expected one of {}, \
                 written since the request came{}",
                told.join(", "),
                if request.account.is_some() { ", about the account that asks" } else { "" },
            )));
        }
        // What fails says so right behind, or some entries later.
        let later = self.audit.entries(Query { after: number, ..Query::default() }).await?;
        match later.iter().any(|found| found.failed() == Some(number)) {
            true => Err(RequestError::Evidence(format!("what entry {number} announces failed"))),
            false => Ok(()),
        }
    }
}

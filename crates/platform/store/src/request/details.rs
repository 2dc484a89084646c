//! What is written about a request, sealed: who asks, how that was checked, what it costs, how it ended.

use serde::{Deserialize, Serialize};

/// What is written about a request.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RequestDetails {
    /// Address or name of who asks; empty if it is an account.
    pub from: String,
    /// What is to be corrected, or not to be done any more.
    pub about: String,
    /// How it is known that they are who they say.
    pub identity: Option<IdentityCheck>,
    /// What the answer costs them.
    pub fee: Option<Fee>,
    /// More time, taken at most once.
    pub extension: Option<Extension>,
    /// What was done.
    pub answer: Option<RequestAnswer>,
    /// Why nothing was done.
    pub refused_because: Option<String>,
}

impl RequestDetails {
    /// As if all had been `by` microseconds earlier, and nothing later than `now`.
    pub(super) fn dated_back(mut self, by: i64, now: i64) -> Self {
        let earlier = |at: &mut i64| *at = (*at).min(now);
        self.identity.iter_mut().for_each(|check| earlier(&mut check.at));
        self.fee.iter_mut().for_each(|fee| earlier(&mut fee.at));
        if let Some(extension) = &mut self.extension {
            earlier(&mut extension.at);
            extension.was_due -= by;
        }
        self
    }
}

/// A check of an identity. The proof itself is kept nowhere.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentityCheck {
    /// By what means.
    pub how: String,
    /// By whom.
    pub by: String,
    /// When, in microseconds since the epoch.
    pub at: i64,
}

/// A fee for a copy.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fee {
    /// The amount: digits, with a point before the fraction.
    pub amount: String,
    /// Its currency (ISO 4217).
    pub currency: String,
    /// Why one may be asked for.
    pub because: String,
    /// How far it is.
    pub state: FeeState,
    /// When it came so far, in microseconds since the epoch.
    pub at: i64,
}

/// How far a fee is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FeeState {
    /// It was named.
    Quoted,
    /// It was paid.
    Paid,
    /// It is not asked for any more.
    Waived,
}

/// More time for the answer.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extension {
    /// Why.
    pub because: String,
    /// When it was taken, in microseconds since the epoch.
    pub at: i64,
    /// What was due before, in microseconds since the epoch.
    pub was_due: i64,
}

/// What was done.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RequestAnswer {
    /// Erasures, by their ids.
    pub erasures: Vec<String>,
    /// The entry of the audit trail that tells of the copy or the correction.
    pub entry: Option<u64>,
    /// Whether nothing was found about who asks.
    pub nothing_kept: bool,
    /// What was said to them.
    pub note: String,
}

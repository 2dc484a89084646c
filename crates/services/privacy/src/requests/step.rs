//! The steps between a request and its end, and what each of them wants.

use waxseal_model::Timestamp;
use waxseal_store::request::{
    Extension, Fee, FeeState, IdentityCheck, PrivacyRequest, RequestAnswer, RequestDetails, RequestKind,
    RequestOutcome,
};

use super::{EXTENSION, RequestError, text};
use crate::audit::AuditEvent;

/// Digits of an amount before the point, and behind it.
const AMOUNT: (usize, usize) = (9, 3);

/// A step.
pub enum Step {
    /// It is known that they are who they say. The proof itself is not kept.
    IdentityChecked {
        /// By what means.
        how: String,
        /// By whom.
        by: String,
    },
    /// A fee for a copy was named.
    FeeQuoted {
        /// Digits, with a point before the fraction.
        amount: String,
        /// ISO 4217.
        currency: String,
        /// Why one may be asked for.
        because: String,
    },
    /// It was paid.
    FeePaid,
    /// It is not asked for any more.
    FeeWaived,
    /// More time is needed.
    Extended {
        /// Why.
        because: String,
    },
    /// What was asked was done.
    Answered(RequestAnswer),
    /// Nothing is done.
    Refused {
        /// Why.
        because: String,
    },
}

/// Where a step leads.
pub(super) struct End {
    pub(super) due_at: Timestamp,
    pub(super) closed: Option<(Timestamp, RequestOutcome)>,
}

impl Step {
    /// How the trail tells of it.
    pub(super) const fn event(&self, request: u64) -> AuditEvent {
        match self {
            Self::IdentityChecked { .. } => AuditEvent::RequestIdentityChecked { request },
            Self::FeeQuoted { .. } => AuditEvent::RequestFeeQuoted { request },
            Self::FeePaid => AuditEvent::RequestFeePaid { request },
            Self::FeeWaived => AuditEvent::RequestFeeWaived { request },
            Self::Extended { .. } => AuditEvent::RequestExtended { request },
            Self::Answered(_) => AuditEvent::RequestAnswered { request },
            Self::Refused { .. } => AuditEvent::RequestRefused { request },
        }
    }

    /// Writes it into what is known of an open request.
    pub(super) fn apply(
        &self,
        request: &PrivacyRequest,
        details: &mut RequestDetails,
        now: Timestamp,
    ) -> Result<End, RequestError> {
        let at = now.as_micros();
        let mut end = End { due_at: request.due_at, closed: None };
        match self {
            Self::IdentityChecked { how, by } => {
                if details.identity.is_some() {
                    return Err(RequestError::Unfitting("the identity was checked already"));
                }
                let (how, by) = (text("--how", how, 3..=200)?, text("--by", by, 2..=100)?);
                details.identity = Some(IdentityCheck { how, by, at });
            }
            Self::FeeQuoted { amount, currency, because } => {
                // The rest is free of charge in any case (GDPR Art. 12 (5)).
                if request.kind != RequestKind::Access {
                    return Err(RequestError::Unfitting("a fee can be asked for a copy alone (`access`)"));
                }
                if details.fee.is_some() {
                    return Err(RequestError::Unfitting("a fee was named already; it can be waived"));
                }
                let (amount, currency) = (checked_amount(amount)?, checked_currency(currency)?);
                let because = text("--because", because, 10..=500)?;
                details.fee = Some(Fee { amount, currency, because, state: FeeState::Quoted, at });
            }
            Self::FeePaid => settle(details, FeeState::Paid, at)?,
            Self::FeeWaived => settle(details, FeeState::Waived, at)?,
            Self::Extended { because } => {
                if details.extension.is_some() {
                    return Err(RequestError::Unfitting("the time was extended already: once is all"));
                }
                if request.is_overdue(now) {
                    return Err(RequestError::Unfitting(
                        "the request is overdue: its time can be extended only before it is over",
                    ));
                }
                let (because, was_due) = (text("--because", because, 10..=500)?, request.due_at.as_micros());
                details.extension = Some(Extension { because, at, was_due });
                end.due_at = request.due_at + EXTENSION;
            }
            Self::Answered(answer) => {
                if details.identity.is_none() && request.kind != RequestKind::Objection {
                    return Err(RequestError::Unfitting(
                        "the identity was not checked: `waxseal privacy request verify`",
                    ));
                }
                if details.fee.as_ref().is_some_and(|fee| fee.state == FeeState::Quoted) {
                    return Err(RequestError::Unfitting(
                        "a fee was named that is neither paid nor waived: `waxseal privacy request fee`",
                    ));
                }
                let note = text("--note", &answer.note, 0..=500)?;
                details.answer = Some(RequestAnswer { note, ..answer.clone() });
                end.closed = Some((now, RequestOutcome::Answered));
            }
            Self::Refused { because } => {
                details.refused_because = Some(text("--because", because, 10..=500)?);
                end.closed = Some((now, RequestOutcome::Refused));
            }
        }
        Ok(end)
    }
}

fn settle(details: &mut RequestDetails, state: FeeState, at: i64) -> Result<(), RequestError> {
    match &mut details.fee {
        Some(fee) if fee.state == FeeState::Quoted => {
            (fee.state, fee.at) = (state, at);
            Ok(())
        }
        _ => Err(RequestError::Unfitting("no fee is open")),
    }
}

/// Digits with at most one point; not nothing.
fn checked_amount(given: &str) -> Result<String, RequestError> {
    let (whole, fraction) = given.split_once('.').unwrap_or((given, "0"));
    let digits = |text: &str, most| {
        (1..=most).contains(&text.len()) && text.bytes().all(|digit| digit.is_ascii_digit())
    };
    let is_some = given.bytes().any(|digit| (b'1'..=b'9').contains(&digit));
    if is_some && digits(whole, AMOUNT.0) && digits(fraction, AMOUNT.1) {
        return Ok(given.to_owned());
    }
    Err(RequestError::Unfitting("--amount: expected a number above 0 such as 5 or 12.50"))
}

fn checked_currency(given: &str) -> Result<String, RequestError> {
    if given.len() == 3 && given.bytes().all(|letter| letter.is_ascii_uppercase()) {
        return Ok(given.to_owned());
    }
    Err(RequestError::Unfitting("--currency: expected three capital letters such as EUR (ISO 4217)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_numbers_above_nothing() {
        for good in ["5", "12.50", "0.5", "999999999.999"] {
            assert_eq!(checked_amount(good).ok().as_deref(), Some(good));
        }
        for bad in ["", "0", "0.00", ".5", "5.", "-1", "1e9", "1,50", "1.2.3", "12345678901", "5 EUR", "٣"] {
            assert!(checked_amount(bad).is_err(), "{bad}");
        }
        assert!(checked_currency("EUR").is_ok());
        assert!(checked_currency("eur").is_err() && checked_currency("EURO").is_err());
    }
}

//! Complaints, self-verification, changes of the policy, and the rest: P17 to P22.

use super::row::Row;

/// The rows.
pub(super) const ROWS: &[Row] = &[
    Row::unbuilt(
        "P17",
        "Complaints about privacy are received, answered on a clock, passed on when unresolved",
        "complaints",
    ),
    Row::unbuilt(
        "P18",
        "Adherence is verified on a schedule and the report kept; data's home region is known and held",
        "the schedule, kept reports and the home region: this is a check by hand",
    ),
    Row::unbuilt(
        "P19",
        "Policy versions: posted, notified, effective 30 days later; objection deletes the account",
        "versions of the policy",
    ),
    Row::unbuilt(
        "P20",
        "Adults only: children under thirteen are refused, and erased when found",
        "a question for age, and closing accounts",
    ),
    Row::unbuilt(
        "P21",
        "Transfer of ownership: the successor takes over data, consents and policy as they stand, recorded",
        "transfers",
    ),
    Row::unbuilt(
        "P22",
        "Cookies and beacons: the Site works without them, opt-out by browser setting is obeyed",
        "the site; the HTTP API sets no cookies",
    ),
];

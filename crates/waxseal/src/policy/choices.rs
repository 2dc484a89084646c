//! What people may choose: P10 to P13.

use super::row::Row;

/// The rows.
pub(super) const ROWS: &[Row] = &[
    Row::unbuilt(
        "P10",
        "Opt-out of communications, honoured at once and within 30 days at the latest; service mail says so",
        "own communications, so there is nothing to opt out of",
    ),
    Row::unbuilt(
        "P11",
        "The account is deleted on request: personal data gone everywhere, backups unreadable, holds visible",
        "deleting accounts",
    ),
    Row::unbuilt(
        "P12",
        "A copy of all personal data on request, complete, machine-readable, within 30 days",
        "exports",
    ),
    Row::unbuilt(
        "P13",
        "Inaccurate personal data is corrected on request within 30 days",
        "changing an account's profile",
    ),
];

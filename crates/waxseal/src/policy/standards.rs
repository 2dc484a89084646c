//! Complaints, self-verification, changes of the policy, and the rest: P17 to P22.

use std::time::Duration;

use anyhow::{Result, ensure};
use waxseal_model::Timestamp;
use waxseal_store::Engine;

use super::{
    figures::moment,
    row::{Found, Instance, Row},
};
use crate::house;

/// The latest report may be so old: a day, and time to make one.
const LATEST: Duration = Duration::from_secs(26 * 3600);

/// The rows.
pub(super) const ROWS: &[Row] = &[
    Row::unbuilt(
        "P17",
        "Complaints about privacy are received, answered on a clock, passed on when unresolved",
        "complaints",
    ),
    Row {
        row: "P18",
        promise: "Adherence is verified on a schedule and the report kept; data's home region is known and held",
        mechanism: "the server goes through this table every day and keeps a signed report for `retention.policy_report_days`; data lies in \
                    one folder and one database and is sent nowhere else",
        missing: None,
        check: Some(|instance| Box::pin(verified(instance))),
    },
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

async fn verified(instance: &Instance<'_>) -> Result<Found> {
    let house = instance.house;
    let mut lacks = Vec::new();
    let report = match house.reports.of(None).await? {
        None => {
            lacks.push("a first report on this instance: this check makes it".to_owned());
            "no report yet".to_owned()
        }
        Some(latest) => {
            let at = Timestamp::from_micros(latest.report.at);
            ensure!(house.reports.is_own(&latest).await?, "the latest report is signed with another key");
            ensure!(
                house.clock.now().since(at) < LATEST,
                "the latest report is of {}: has no server run since?",
                moment(at)
            );
            format!("latest report of {}, its signature holds", moment(at))
        }
    };
    let place = match house::store_config(&house.config).engine {
        Engine::Sqlite => "database and keys in the data folder of this machine".to_owned(),
        Engine::Postgres(url) => {
            format!("keys in the data folder of this machine, database at {}", host(&url))
        }
    };
    let region = house.config.home_region.as_deref().unwrap_or_default();
    if region.is_empty() {
        lacks.push("`privacy.home_region` is not set".to_owned());
    }
    let text =
        format!("{report}; home region {}; {place}", if region.is_empty() { "unknown" } else { region });
    Ok(Found { text, lacks: (!lacks.is_empty()).then(|| lacks.join("; ")) })
}

/// The host of a database's URL; never its user and password.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    let rest = rest.split(['/', '?']).next().unwrap_or_default();
    match rest.rsplit_once('@').map_or(rest, |(_, host)| host) {
        "" => "this machine's socket, or where its URL says",
        host => host,
    }
}

#[cfg(test)]
mod tests {
    use super::host;

    #[test]
    fn the_host_of_a_database_is_told_without_its_password() {
        assert_eq!(host("postgres://waxseal:secret@db.example.org:5432/mail"), "db.example.org:5432");
        assert!(!host("postgres:///mail?host=/run/pg&password=secret").contains("secret"));
    }
}

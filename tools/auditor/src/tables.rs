//! The tables of the database: since when what is in them is there, and what of it should have gone.

use std::collections::BTreeSet;

use anyhow::Result;

use crate::{
    database::{Database, Figures},
    keys::Keys,
    limits::{ARCHIVE, CONTENT_DAYS, DAY, IMPORT, Moment, SLACK},
    report::{Item, Report, Store},
};

/// A table. Expressions are SQL that reads the same on both engines.
pub(crate) struct Table {
    name: &'static str,
    category: &'static str,
    kept: String,
    /// Since when a row is there, in microseconds.
    since: Option<&'static str>,
    /// A column that is sealed: its second to ninth byte name the key.
    sealed: Option<&'static str>,
    /// Which rows should have gone, of the table called `t`.
    past: Option<String>,
}

/// A table, read.
pub(crate) struct Found {
    table: Table,
    count: u64,
    oldest: Option<i64>,
    /// Rows that should have gone, by the number of their key.
    past: Vec<Figures>,
}

/// An account and a day.
pub(crate) type AccountDay = (Vec<u8>, i64);

/// Days whose keys something still needs.
pub(crate) struct Needed {
    pub(crate) content: BTreeSet<AccountDay>,
    pub(crate) event: BTreeSet<AccountDay>,
    /// Of requests: an account, or the request itself if who asks has none.
    pub(crate) request: BTreeSet<AccountDay>,
    /// Of what recipients' domains ask and are told: nobody's.
    pub(crate) trust: BTreeSet<i64>,
}

/// What is kept as long as something else: no time of its own ends it.
const KEPT_WITH: [(&str, &str, &str, Option<&str>); 17] = [
    ("access_grants", "user.content.private", "as long as the account", Some("opened_at")),
    ("accounts", "user.account", "as long as the account", Some("created_at")),
    ("api_keys", "user.authorization.credentials", "until it is deleted", Some("created_at")),
    ("dkim_keys", "system.authentication", "as long as its domain", Some("created_at")),
    ("domains", "user.contact.url", "until it is deleted", Some("created_at")),
    ("erasure_counts", "system.operations", "about nobody", None),
    ("instance_notes", "system.operations", "about nobody", None),
    ("network_credentials", "user.device.ip_address", "until it is deleted", Some("created_at")),
    ("pool_assignments", "user.unique_id", "until an operator ends it", Some("created_at")),
    ("pools", "system.operations", "about nobody", None),
    ("queue_pauses", "user.unique_id", "until an operator ends it", Some("since")),
    ("reader_cursors", "system.operations", "about nobody", None),
    ("relays", "user.authorization.credentials", "until it is removed", Some("created_at")),
    ("seaql_migrations", "system.operations", "about nobody", None),
    ("smtp_credentials", "user.authorization.credentials", "until it is deleted", Some("created_at")),
    ("sources", "system.operations", "about nobody", None),
    ("suppressions", "user.privacy_preferences", "until it is deleted", Some("created_at")),
];

/// Every table there is to be.
fn tables(at: &Moment) -> Vec<Table> {
    let (late, late_events) = (at.late(), at.late_events());
    let events_days = format!("{} days", at.limits.events_days);
    let mut tables = vec![
        Table {
            name: "archive_jobs",
            category: "user.contact.url",
            kept: "until its message is settled, then a day".into(),
            since: Some("t.released_at"),
            sealed: Some("url"),
            past: Some(format!(
                "(t.released_at IS NOT NULL AND t.released_at + {ARCHIVE} <= {late}) OR (t.released_at IS NULL AND NOT EXISTS \
                 (SELECT 1 FROM messages m WHERE m.account = t.account AND m.id = t.message AND m.give_up_at > {late}))"
            )),
        },
        Table {
            name: "bodies",
            category: "user.content.private",
            kept: "until it is settled, or its term".into(),
            since: Some("CAST(t.day AS BIGINT) * 86400000000"),
            sealed: Some("mime"),
            past: Some(body_is_past(at)),
        },
        Table {
            name: "events",
            category: "user.behavior",
            kept: events_days.clone(),
            since: Some("t.at"),
            sealed: Some("details"),
            past: Some(format!("t.at < {late_events}")),
        },
        Table {
            name: "exports",
            category: "user.unique_id",
            kept: "privacy.export_hours".into(),
            since: Some("t.asked_at"),
            sealed: None,
            past: Some(format!("t.expires_at <= {late}")),
        },
        Table {
            name: "suppression_imports",
            category: "user.unique_id",
            kept: "until the file is done, then 30 days".into(),
            since: Some("t.created_at"),
            sealed: None,
            past: Some(format!("t.finished_at + {IMPORT} <= {late}")),
        },
        Table {
            name: "idempotency_keys",
            category: "user.unique_id",
            kept: "one day".into(),
            since: Some("t.expires_at - 86400000000"),
            sealed: Some("answer"),
            past: Some(format!("t.expires_at <= {late}")),
        },
        Table {
            name: "inbox_items",
            category: "user.contact.email",
            kept: "until its term".into(),
            since: Some("t.captured_at"),
            sealed: Some("envelope"),
            past: Some(format!("t.expires_at <= {late}")),
        },
        Table {
            name: "messages",
            category: "user.unique_id",
            kept: format!("{events_days}, with its last event"),
            since: Some("t.created_at"),
            sealed: Some("template"),
            past: Some(format!(
                "t.created_at < {late_events} AND NOT ({}) AND NOT {} AND NOT EXISTS (SELECT 1 FROM events e \
                 WHERE e.account = t.account AND e.header_hash = t.header_hash AND e.message = t.id AND e.at >= {late_events})",
                needs_its_body("t", late),
                had_its_body("t", late)
            )),
        },
        Table {
            name: "privacy_requests",
            category: "user.contact",
            kept: format!("until it is answered, then {} days", at.limits.request_days),
            since: Some("t.received_at"),
            sealed: Some("details"),
            past: Some(format!("coalesce(t.closed_at, {late}) < {late}", late = at.late_requests())),
        },
        Table {
            name: "queue_entries",
            category: "user.contact.email",
            kept: "until it is settled or given up".into(),
            since: Some("t.accepted_at"),
            sealed: Some("envelope"),
            past: Some(format!("t.give_up_at <= {late}")),
        },
    ];
    tables.extend([
        Table {
            name: "sts_policies",
            category: "system.operations",
            kept: "as long as its domain said, a year at most".into(),
            since: Some("CAST(t.day AS BIGINT) * 86400000000"),
            sealed: Some("policy"),
            past: Some(format!("t.until <= {late}")),
        },
        Table {
            name: "tls_results",
            category: "system.operations",
            kept: "until it is told, three days at most".into(),
            since: Some("CAST(t.day AS BIGINT) * 86400000000"),
            sealed: Some("results"),
            past: Some(format!("t.day < {}", reported_day(at))),
        },
    ]);
    for table in &mut tables {
        // Dated by a clock that was ahead it would outlive its limit by as much. (A body's day is that of its key.)
        if let (Some(past), Some(since), true) = (&mut table.past, table.since, table.name != "bodies") {
            *past = format!("({past}) OR {since} > {}", at.now + SLACK);
        }
    }
    tables.extend(KEPT_WITH.map(|(name, category, kept, since)| Table {
        name,
        category,
        kept: kept.into(),
        since,
        sealed: None,
        past: None,
    }));
    tables
}

/// The first day of which something may still be to be reported.
fn reported_day(at: &Moment) -> i64 {
    at.late() / DAY - 3
}

/// Whether the message called `m` still needs its body.
fn needs_its_body(m: &str, late: i64) -> String {
    format!(
        "({m}.pending > 0 AND ({m}.give_up_at > {late} OR EXISTS (SELECT 1 FROM archive_jobs a WHERE a.account = {m}.account \
         AND a.message = {m}.id AND a.released_at + {ARCHIVE} > {late}))) OR coalesce({m}.body_expires_at, 0) > {late}"
    )
}

/// Whether the body of the message called `m` went at its term, lately. The body goes first, and its message may have
/// outlived its events: a round that is under way, or was killed there, has that hour for the row as well.
fn had_its_body(m: &str, late: i64) -> String {
    format!("(NOT {m}.deleted AND ({m}.keep_until > {late} OR coalesce({m}.captured_until, 0) > {late}))")
}

/// Which bodies should have gone: no message needs them, or they are older than anything may get.
fn body_is_past(at: &Moment) -> String {
    let late = at.late();
    let oldest_day = (late - CONTENT_DAYS * DAY) / DAY;
    format!(
        "t.day < {oldest_day} OR NOT EXISTS (SELECT 1 FROM messages m WHERE m.account = t.account AND m.id = t.message AND ({}))",
        needs_its_body("m", late)
    )
}

/// Names the tables that nobody told this program of.
pub(crate) async fn known(database: &mut Database, report: &mut Report) -> Result<()> {
    let at = Moment { now: 0, limits: crate::Limits::default() };
    let known: BTreeSet<&str> = tables(&at).iter().map(|table| table.name).collect();
    let live = database.tables().await?;
    report.unknown.extend(
        live.into_iter().filter(|name| !known.contains(name.as_str())).map(|name| format!("table {name}")),
    );
    Ok(())
}

/// Reads every table.
pub(crate) async fn read(database: &mut Database, at: &Moment) -> Result<Vec<Found>> {
    let live: BTreeSet<String> = database.tables().await?.into_iter().collect();
    let mut found = Vec::new();
    // A database of an older version lacks the newer tables.
    for table in tables(at).into_iter().filter(|table| live.contains(table.name)) {
        let (name, since) = (table.name, table.since.unwrap_or("CAST(NULL AS BIGINT)"));
        let all = format!("SELECT CAST(NULL AS BYTEA), count(*), min({since}) FROM {name} t");
        let (count, oldest) = database.figures(all).await?.first().map_or((0, None), |line| (line.1, line.2));
        let past = match (&table.past, table.sealed) {
            (Some(past), sealed) => {
                let key = sealed
                    .map_or("CAST(NULL AS BYTEA)".to_owned(), |sealed| format!("substr(t.{sealed}, 2, 8)"));
                let sql =
                    format!("SELECT {key}, count(*), min({since}) FROM {name} t WHERE {past} GROUP BY 1");
                database.figures(sql).await?
            }
            (None, _) => Vec::new(),
        };
        found.push(Found { table, count: count.unsigned_abs(), oldest, past });
    }
    Ok(found)
}

/// The days whose keys are needed: bodies within their limit for the one, waiting or kept messages for the other.
pub(crate) async fn needed_days(database: &mut Database, at: &Moment) -> Result<Needed> {
    let bodies = format!(
        "SELECT t.account, CAST(t.day AS BIGINT), CAST(NULL AS BIGINT) FROM bodies t WHERE NOT ({}) GROUP BY t.account, t.day",
        body_is_past(at)
    );
    let messages = format!(
        "SELECT t.account, t.created_at / {DAY}, CAST(NULL AS BIGINT) FROM messages t WHERE t.created_at < {} AND ({}) GROUP BY 1, 2",
        at.late_events(),
        needs_its_body("t", at.late())
    );
    let requests = format!(
        "SELECT t.account, t.received_at / {DAY}, t.closed_at FROM privacy_requests t \
         WHERE coalesce(t.closed_at, {late}) >= {late} UNION ALL \
         SELECT t.id, t.received_at / {DAY}, t.closed_at FROM privacy_requests t WHERE coalesce(t.closed_at, {late}) >= {late}",
        late = at.late_requests(),
    );
    let trust = format!(
        "SELECT CAST(NULL AS BYTEA), CAST(t.day AS BIGINT), CAST(NULL AS BIGINT) FROM sts_policies t WHERE t.until > {} \
         UNION SELECT CAST(NULL AS BYTEA), CAST(t.day AS BIGINT), CAST(NULL AS BIGINT) FROM tls_results t WHERE t.day >= {}",
        at.late(),
        reported_day(at)
    );
    let days = |lines: Vec<Figures>| {
        lines.into_iter().filter_map(|(account, day, _)| Some((account?, day))).collect::<BTreeSet<_>>()
    };
    Ok(Needed {
        content: days(database.figures(bodies).await?),
        event: days(database.figures(messages).await?),
        // A database of an older version has no such table.
        request: match database.tables().await?.iter().any(|name| name == "privacy_requests") {
            true => days(database.figures(requests).await?),
            false => BTreeSet::new(),
        },
        trust: match database.tables().await?.iter().any(|name| name == "tls_results") {
            true => database.figures(trust).await?.into_iter().map(|(_, day, _)| day).collect(),
            false => BTreeSet::new(),
        },
    })
}

/// Whether anything that the keys of an account's day seal was needed lately: a message of it was kept, or ended. That a
/// copy was handed to an archive leaves no time behind, hence the day on top.
pub(crate) async fn was_needed(
    database: &mut Database,
    account: &[u8],
    day: i64,
    at: &Moment,
) -> Result<bool> {
    let (from, to, lately) = (day * DAY, (day + 1) * DAY, at.late() - ARCHIVE);
    let sql = format!(
        "SELECT t.account, count(*), CAST(NULL AS BIGINT) FROM messages t WHERE t.created_at >= {from} AND t.created_at < {to} \
         AND (t.keep_until > {lately} OR coalesce(t.captured_until, 0) > {lately} OR EXISTS (SELECT 1 FROM events e \
         WHERE e.account = t.account AND e.header_hash = t.header_hash AND e.message = t.id AND e.at > {lately})) GROUP BY t.account"
    );
    Ok(database.figures(sql).await?.iter().any(|line| line.0.as_deref() == Some(account)))
}

impl Found {
    /// Judges it: what is past its limit, and what of that could still be opened.
    pub(crate) fn judged(self, keys: &Keys, at: &Moment) -> Item {
        let mut item = Item::new(Store::Database, self.table.name, self.table.category, self.table.kept)
            .since(self.oldest, at.now);
        item.count = self.count;
        for (key, count, _) in self.past {
            item.past += count.unsigned_abs();
            if keys.holds(key.as_deref().unwrap_or_default()) {
                item.readable += count.unsigned_abs();
            }
        }
        item
    }
}

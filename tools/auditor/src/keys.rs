//! The key store: a key that is there longer than what it seals may be kept should have been destroyed.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use anyhow::Result;
use aws_lc_rs::digest::{SHA256, digest};
use sqlx::SqliteConnection;

use crate::{
    database::{Database, open_file},
    limits::{CONTENT_DAYS, DAY, Moment},
    report::{Item, Report, Store},
    tables::{self, Needed},
};

/// A key, without its bytes.
struct Key {
    class: String,
    account: Vec<u8>,
    /// As of which it counts: its own, or, for a key that a clock ahead of its time made, that on which this was seen.
    day: i64,
    /// The day it is the key of.
    own_day: i64,
}

/// Every key there is, by its number.
pub(crate) struct Keys(BTreeMap<i64, Key>);

impl Keys {
    /// Whether there is a key of this number, as sealed values tell it.
    pub(crate) fn holds(&self, number: &[u8]) -> bool {
        <[u8; 8]>::try_from(number).is_ok_and(|number| self.0.contains_key(&i64::from_be_bytes(number)))
    }
}

/// An erasure that was asked for: its number, account, state, and when it becomes final.
type Erasure = (i64, Vec<u8>, String, i64);

/// `keys.db`.
pub(crate) struct Ring(SqliteConnection);

impl Ring {
    pub(crate) async fn open(folder: &Path) -> Result<Self> {
        Ok(Self(open_file(&folder.join("keys.db")).await?))
    }

    pub(crate) async fn keys(&mut self) -> Result<Keys> {
        let sql = "SELECT id, class, account, day FROM ring_keys";
        let rows: Vec<(i64, String, Vec<u8>, i64)> = sqlx::query_as(sql).fetch_all(&mut self.0).await?;
        let sql = "SELECT name, sealed FROM ring_marks WHERE name LIKE 'ahead %'";
        let marks: Vec<(String, Vec<u8>)> = sqlx::query_as(sql).fetch_all(&mut self.0).await?;
        let seen: BTreeMap<i64, i64> = marks.iter().filter_map(|(name, day)| ahead(name, day)).collect();
        let key = |(id, class, account, own_day)| {
            let day = seen.get(&own_day).copied().unwrap_or(own_day);
            (id, Key { class, account, day, own_day })
        };
        Ok(Keys(rows.into_iter().map(key).collect()))
    }

    /// Judges keys class by class, then the erasures that were asked for.
    pub(crate) async fn judge(
        &mut self,
        keys: &Keys,
        database: &mut Database,
        at: &Moment,
        report: &mut Report,
    ) -> Result<()> {
        let needed = tables::needed_days(database, at).await?;
        let sql = "SELECT account_hash FROM ring_graves";
        let graves: Vec<(Vec<u8>,)> = sqlx::query_as(sql).fetch_all(&mut self.0).await?;
        let graves: BTreeSet<Vec<u8>> = graves.into_iter().map(|(hash,)| hash).collect();
        let mut items: BTreeMap<&str, (Item, Option<i64>)> = BTreeMap::new();
        for key in keys.0.values() {
            let kept = match key.class.as_str() {
                "content" => "its day, and while content of it is kept".to_owned(),
                "event" => format!("its day and {} days", at.limits.events_days),
                "request" => format!("with its request, {} days after the answer", at.limits.request_days),
                "trust" => "its day, and while a policy or a result of it is kept".to_owned(),
                "login" => "until it is deleted".to_owned(),
                _ => "as long as the account".to_owned(),
            };
            let (item, oldest) = items.entry(&key.class).or_insert_with(|| {
                (Item::new(Store::Keys, &format!("{} keys", key.class), "system.authentication", kept), None)
            });
            item.count += 1;
            if matches!(key.class.as_str(), "content" | "event" | "request" | "trust") {
                let day = key.day * DAY;
                *oldest = Some(oldest.map_or(day, |oldest| oldest.min(day)));
            }
            if graves.contains(&hash(&key.account)) || is_past(key, &needed, database, at).await? {
                item.past += 1;
                item.readable += 1;
            }
        }
        report.items.extend(items.into_values().map(|(item, oldest)| item.since(oldest, at.now)));
        self.judge_erasures(at, report).await
    }

    /// An erasure whose time came and that is not done, though nothing holds it.
    async fn judge_erasures(&mut self, at: &Moment, report: &mut Report) -> Result<()> {
        let sql = "SELECT number, account, state, final_at FROM ring_erasures";
        let erasures: Vec<Erasure> = sqlx::query_as(sql).fetch_all(&mut self.0).await?;
        let sql = "SELECT account FROM ring_holds WHERE lifted_at IS NULL AND (until IS NULL OR until > ?)";
        let held: Vec<(Vec<u8>,)> = sqlx::query_as(sql).bind(at.now).fetch_all(&mut self.0).await?;
        let held: BTreeSet<Vec<u8>> = held.into_iter().map(|(account,)| account).collect();
        let open: Vec<&Erasure> = erasures.iter().filter(|erasure| erasure.2 != "done").collect();
        let late = |erasure: &&&Erasure| erasure.3 <= at.late() && !held.contains(&erasure.1);
        let mut item = Item::new(
            Store::Keys,
            "erasures under way",
            "user.unique_id",
            "until final, unless they are held",
        )
        .since(open.iter().map(|erasure| erasure.3).min(), at.now);
        item.count = open.len() as u64;
        item.past = open.iter().filter(late).count() as u64;
        report.items.push(item);
        Ok(())
    }
}

/// Whether a key should have been destroyed: its days are over, and nothing needs it or did lately. Beyond what anything
/// may need it is past in any case.
async fn is_past(key: &Key, needed: &Needed, database: &mut Database, at: &Moment) -> Result<bool> {
    // Nobody has said yet that it was made ahead of its time.
    if key.day * DAY > at.now + DAY {
        return Ok(true);
    }
    let end = (key.day + 1) * DAY;
    let events = i64::from(at.limits.events_days);
    if key.class == "request" {
        return Ok(end <= at.late() && !needed.request.contains(&(key.account.clone(), key.day)));
    }
    if key.class == "trust" {
        return Ok(end <= at.late() && !needed.trust.contains(&key.own_day));
    }
    let (over, longest, needed) = match key.class.as_str() {
        "content" => (end <= at.late(), CONTENT_DAYS, &needed.content),
        "event" => (end <= at.late_events(), events.max(CONTENT_DAYS), &needed.event),
        _ => return Ok(false),
    };
    if !over || end + longest * DAY <= at.late() {
        return Ok(over);
    }
    // Content is of its key's day; events are of the days in their rows.
    let of_day = if key.class == "content" { key.own_day } else { key.day };
    let is_needed = needed.contains(&(key.account.clone(), of_day));
    Ok(!is_needed && !tables::was_needed(database, &key.account, key.day, at).await?)
}

/// A mark: the day of keys, and the day as of which they count.
fn ahead(name: &str, day: &[u8]) -> Option<(i64, i64)> {
    let counts_as = <[u8; 4]>::try_from(day).ok()?;
    Some((name.strip_prefix("ahead ")?.parse().ok()?, i64::from(i32::from_be_bytes(counts_as))))
}

/// The hash by which an erased account is remembered.
fn hash(account: &[u8]) -> Vec<u8> {
    digest(&SHA256, &[b"waxseal erased account 1", account].concat()).as_ref().to_vec()
}

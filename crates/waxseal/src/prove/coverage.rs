//! Whether every place of the inventory that can tell of a customer has something of it in the proof: a canary, a value of
//! the instance's own making that is looked for as it is, or a reason why there is none.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use serde::Serialize;
use waxseal_model::{
    AccountId,
    data_class::{AtRest, Category, Erase, Subject},
};
use waxseal_privacy::inventory;
use waxseal_scan::Scanner;
use waxseal_store::{
    Store,
    proof::{Form, Value},
};

use super::{
    canary::{Canaries, Rests},
    dump::PROVING,
};

/// Shorter values are found by chance.
const TELLING: usize = 8;
/// Of a longer value so much from its middle is looked for.
const MOST: usize = 200;

/// A place and what of the customer is there.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Covered {
    pub(super) place: String,
    /// `None`: nothing, and nobody says why.
    pub(super) by: Option<String>,
}

/// What was found of a customer in the tables.
pub(super) struct Coverage {
    /// Every place.
    pub(super) places: Vec<Covered>,
    /// Which canaries stood where: readable, and sealed.
    pub(super) clear: BTreeSet<&'static str>,
    pub(super) sealed: BTreeSet<&'static str>,
    /// Those that stood readable in columns of which the inventory says that they rest in the clear, and in which.
    pub(super) declared_clear: BTreeMap<&'static str, BTreeSet<String>>,
    /// Values of the instance's own making, for the customer alone.
    pub(super) own: BTreeSet<Vec<u8>>,
    /// The customer's rows.
    pub(super) rows: u64,
}

#[derive(Default)]
struct Column {
    rows: u64,
    filled: u64,
    canaries: bool,
    own: bool,
    number: bool,
}

/// What the instance knows of domains, whoever writes to them.
const OF_NOBODY: &str =
    "a recipients' domain, of no account: it goes in its own time; searched for every canary";

/// Columns that hold nothing of a customer at the moment of the proof, or too little to look for, and why.
const EMPTY: &[(&str, &str)] = &[
    ("access_grants.noticed_at", "a time, of a notice to the owner, which is not set up"),
    ("access_grants.consented_at", "a time, of a consent, which is not asked for"),
    ("keys.ring_deletions.password", "a password, of a change, which is not made"),
    (
        "dkim_keys.selector",
        "seven letters, four of them random, which are found by chance; it opens, and goes with its key",
    ),
    ("keys.ring_holds.until", "a time, which this hold has not"),
    ("sts_policies.destination", OF_NOBODY),
    ("sts_policies.policy", OF_NOBODY),
    ("tls_results.destination", OF_NOBODY),
    ("tls_results.results", OF_NOBODY),
];

/// Words of the code, which say nothing by themselves and are the same for everybody.
fn is_word_of_the_code(column: &waxseal_store::retention::ClassifiedColumn) -> bool {
    column.class.at_rest == AtRest::Clear
        && matches!(
            column.class.category,
            Category::Settings | Category::Behaviour | Category::Preferences | Category::Operations
        )
}

/// Looks at all of it before the erasure. A value that somebody else has as well is not the customer's own.
pub(super) async fn of(store: &Store, account: AccountId, canaries: &Canaries) -> Result<Coverage> {
    let mut scanners = Vec::new();
    for (name, _, word) in canaries.all() {
        scanners.push((name, Scanner::new([word])?));
    }
    let mut columns: BTreeMap<String, Column> = BTreeMap::new();
    let (mut clear, mut sealed) = (BTreeSet::new(), BTreeSet::new());
    let mut declared_clear: BTreeMap<&'static str, BTreeSet<String>> = BTreeMap::new();
    let mut own: BTreeMap<Vec<u8>, BTreeSet<String>> = BTreeMap::new();
    let mut others: BTreeSet<Vec<u8>> = BTreeSet::new();
    let mut rows = 0;
    let look = |owner: Option<AccountId>, values: &[Value<'_>]| {
        if owner != Some(account) {
            let all = values.iter().filter_map(|value| value.opened.or(value.rest));
            others.extend(all.map(|value| middle(value).to_vec()));
            return;
        }
        rows += 1;
        for value in values {
            let name = format!("{}.{}", value.column.table, value.column.column);
            let column = columns.entry(name.clone()).or_default();
            column.rows += 1;
            column.number = value.form == Form::Number;
            let Some(rest) = value.rest.filter(|rest| !rest.is_empty()) else { continue };
            column.filled += 1;
            let mut planted = false;
            for (field, scanner) in &scanners {
                if scanner.count(rest).total() > 0 {
                    clear.insert(*field);
                    if value.column.class.at_rest == AtRest::Clear {
                        declared_clear.entry(*field).or_default().insert(name.clone());
                    }
                    planted = true;
                }
                if value.opened.is_some_and(|opened| scanner.count(opened).total() > 0) {
                    sealed.insert(*field);
                    planted = true;
                }
            }
            column.canaries |= planted;
            let made = value.opened.unwrap_or(rest);
            let goes = value.column.class.erase != Erase::Keep && value.form != Form::Number;
            if goes && !planted && made.len() >= TELLING {
                own.entry(middle(made).to_vec()).or_default().insert(name);
            }
        }
    };
    store.every_row(&PROVING, look).await?;
    own.retain(|value, _| !others.contains(value));
    for name in own.values().flatten() {
        columns.entry(name.clone()).or_default().own = true;
    }
    let mut places: Vec<Covered> = Store::data_map()
        .iter()
        .filter(|column| column.class.subject != Subject::Nobody)
        .map(|column| {
            let place = format!("{}.{}", column.table, column.column);
            let by = columns.get(&place).and_then(|found| judged(found, is_word_of_the_code(column)));
            let reason = EMPTY.iter().find(|(name, _)| *name == place).map(|(_, why)| (*why).to_owned());
            Covered { by: by.or(reason), place }
        })
        .collect();
    places.extend(elsewhere());
    let own = own.into_keys().collect();
    Ok(Coverage { places, clear, sealed, declared_clear, own, rows })
}

fn judged(column: &Column, is_word: bool) -> Option<String> {
    let by = match column {
        Column { canaries: true, .. } => "a canary",
        Column { own: true, .. } => "its own value, which is looked for as it is",
        Column { number: true, filled: 1.., .. } => "a number or a time, which goes with its row",
        Column { filled: 1.., .. } if is_word => "a word of the code, which goes with its row",
        _ => return None,
    };
    Some(by.to_owned())
}

/// The places that are not columns: why nothing has to be planted there, or that all of it is searched.
fn elsewhere() -> Vec<Covered> {
    inventory::places()
        .filter(|place| place.class.subject != Subject::Nobody)
        .map(|place| {
            let by = match (place.class.at_rest, place.class.erase) {
                (AtRest::Nowhere, _) => Some("nothing rests there; what was written is searched"),
                (_, Erase::WithFile) => {
                    Some("about who runs the instance; nobody's erasure; searched for every canary")
                }
                (_, Erase::LeadsNowhere) => Some("a number that leads nowhere; searched for every canary"),
                (_, Erase::DestroyKey) => Some("a pseudonym; searched for every canary and the account's id"),
                (AtRest::AsColumns, _) => Some("its columns"),
                _ => None,
            };
            let place = format!("{}: {}", place.kind.as_str(), place.name);
            Covered { place, by: by.map(str::to_owned) }
        })
        .collect()
}

/// Canaries that are not where they have to be, each with what is wrong.
pub(super) fn misplaced(canaries: &Canaries, coverage: &Coverage) -> Vec<String> {
    let wrong = |(field, rests, _): (&'static str, Rests, &str)| {
        let (clear, sealed) = (coverage.clear.contains(field), coverage.sealed.contains(field));
        let wrong = match rests {
            Rests::Sealed if clear => "it is readable",
            Rests::Sealed if !sealed => "it was planted and is nowhere",
            Rests::Clear if !clear => "it was planted and is nowhere",
            Rests::Nowhere if clear || sealed => "it was kept",
            Rests::Perhaps if clear => "it is readable",
            _ => return None,
        };
        Some(format!("{field}: {wrong}"))
    };
    canaries.all().filter_map(wrong).collect()
}

/// What is looked for of a value.
fn middle(value: &[u8]) -> &[u8] {
    let from = value.len().saturating_sub(MOST) / 2;
    value.get(from..).and_then(|rest| rest.get(..rest.len().min(MOST))).unwrap_or(value)
}

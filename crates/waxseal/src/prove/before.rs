//! Before the erasure: what was planted is where it has to be, sealed or readable; so that not finding it afterwards says
//! something.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use anyhow::{Result, ensure};
use waxseal_store::proof::{Attempts, Scratch, SealedObject};

use super::{
    canary::Rests,
    coverage,
    life::Customer,
    open,
    report::Report,
    stage::Stage,
    traces::{self, Traces},
};

/// What was taken down.
pub(super) struct Before {
    /// Everything sealed of the account.
    pub(super) objects: Vec<SealedObject>,
    /// How many of them the keys opened.
    pub(super) opened: Attempts,
    /// Canaries that rest readable in columns of which the inventory says so.
    pub(super) declared_clear: BTreeMap<&'static str, BTreeSet<String>>,
    /// What betrays it.
    pub(super) traces: Traces,
    /// Values that the instance made for it.
    pub(super) own: BTreeSet<Vec<u8>>,
    /// A copy of the keyring from before.
    pub(super) keyring: PathBuf,
}

/// Looks, and takes down.
pub(super) async fn look(
    report: &mut Report,
    stage: &Stage,
    scratch: Option<&Scratch>,
    erased: &Customer<'_>,
) -> Result<Before> {
    let canaries = erased.canaries;
    let store = open(stage).await?;
    let looked = async {
        let found = coverage::of(&store, erased.account, canaries).await?;
        let objects = store.sealed_objects(erased.account).await?;
        let attempts = store.try_every_key(&objects).await?;
        anyhow::Ok((found, objects, attempts))
    };
    let looked = looked.await;
    store.close().await;
    let (found, objects, attempts) = looked?;

    let misplaced = coverage::misplaced(canaries, &found);
    let told = match misplaced.is_empty() {
        true => {
            format!("{} canaries in {} rows, each where it has to be", canaries.all().count(), found.rows)
        }
        false => misplaced.join("; "),
    };
    report.check(
        "before: what was planted is sealed, readable or refused, as declared",
        misplaced.is_empty(),
        told,
    );
    let bare: Vec<&str> =
        found.places.iter().filter(|place| place.by.is_none()).map(|place| place.place.as_str()).collect();
    let told = match bare.is_empty() {
        true => format!("{} places, 0 without a canary, an own value or a reason", found.places.len()),
        false => format!("nothing of the customer is in {}", bare.join(", ")),
    };
    report.check("before: every place of the inventory is covered", bare.is_empty(), told);
    report.coverage.clone_from(&found.places);
    let opened_before = attempts;
    let Attempts { objects: all, keys, opened } = attempts;
    let told = format!("{opened} of {all} sealed values with {keys} keys");
    report.check("before: the keys open what is sealed", all > 0 && opened == all, told);
    in_files(report, stage, scratch, erased).await?;

    let keyring = stage.folder.join("keyring-before");
    std::fs::create_dir(&keyring)?;
    for name in ["keys.db", "keys.epoch", "master.key"] {
        let from = if name.starts_with("keys.") { stage.keys() } else { stage.data() };
        std::fs::copy(from.join(name), keyring.join(name))?;
    }
    ensure!(!stage.keys().join("keys.db-wal").exists(), "the keyring was not closed");
    let traces = Traces::of(canaries, erased.account);
    let (own, declared_clear) = (found.own, found.declared_clear);
    Ok(Before { objects, opened: opened_before, declared_clear, traces, own, keyring })
}

/// Files show what rests readable, and nothing else.
async fn in_files(
    report: &mut Report,
    stage: &Stage,
    scratch: Option<&Scratch>,
    erased: &Customer<'_>,
) -> Result<()> {
    let of = |clear: bool| {
        let all = erased.canaries.all().filter(move |(_, rests, _)| (*rests == Rests::Clear) == clear);
        all.map(|(_, _, word)| word.to_owned())
    };
    let database = match scratch {
        Some(scratch) => scratch.files().await?.map(|files| files.tables),
        None => None,
    };
    let whole = scratch.is_none() || database.is_some();
    let folders = traces::folders(&stage.folder, database);
    let sealed = Traces::words(of(false)).in_files(&folders).await?;
    let told =
        format!("{} hits in {} files of {} bytes{}", sealed.hits, sealed.files, sealed.bytes, sealed.told());
    report.check("before: no file shows what is sealed", sealed.hits == 0, told);
    if !whole {
        report.notes.push(
            "the database's own files and logs cannot be read from here: its tables are searched".into(),
        );
        return Ok(());
    }
    let all = of(true).count();
    if all == 0 {
        // That the search finds what is there is shown by the leaks that are planted.
        return Ok(());
    }
    let mut seen = 0;
    for word in of(true) {
        seen += usize::from(Traces::words([word]).in_files(&folders).await?.hits > 0);
    }
    report.check("before: files show what is readable", seen == all, format!("{seen} of {all} canaries"));
    Ok(())
}

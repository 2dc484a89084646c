//! What it is used for, and who else gets it: P7 to P9.

use anyhow::Result;
use waxseal_model::data_class::{AtRest, Subject};
use waxseal_store::Store;

use super::row::{Found, Instance, Row};

/// The rows.
pub(super) const ROWS: &[Row] = &[
    Row {
        row: "P7",
        promise: "Each personal field is used only for what it was collected for; anything else needs a recorded \
                  consent",
        mechanism: "personal values leave the store sealed; whoever opens one names actor and purpose; each column \
                    has its purpose",
        missing: Some("consent for other purposes, and a second guard in the database for each purpose"),
        check: Some(|instance| Box::pin(purposes(instance))),
    },
    Row::unbuilt(
        "P8",
        "Third parties that get personal data are registered, disclosures recorded, the minimum sent",
        "the register; no third party gets anything but recipients' servers, and the smart host if one is set",
    ),
    Row::unbuilt(
        "P9",
        "Lawful requests and abuse investigations go through a recorded, reviewed path",
        "that path",
    ),
];

async fn purposes(_: &Instance<'_>) -> Result<Found> {
    let map = Store::data_map();
    let personal = map.iter().filter(|column| column.class.subject != Subject::Nobody);
    let sealed = personal
        .clone()
        .filter(|column| {
            matches!(column.class.at_rest, AtRest::SealedByAccount | AtRest::SealedByDay | AtRest::KeyedHash)
        })
        .count();
    Found::all(format!(
        "{} personal columns, each with its purpose; {sealed} of them sealed or hashed, the rest ids, times and sizes",
        personal.count()
    ))
}

//! What it is used for, and who else gets it: P7 to P9.

use anyhow::{Result, ensure};
use waxseal_model::{Purpose, data_class::Subject};
use waxseal_store::Store;

use super::row::{Found, Instance, Row};

/// The rows.
pub(super) const ROWS: &[Row] = &[
    Row {
        row: "P7",
        promise: "Each personal field is used only for what it was collected for; anything else needs a recorded \
                  consent",
        mechanism: "personal values leave the store sealed; the compiler lets a purpose open its categories alone; the \
                    database lets a purpose's connections read its columns alone; to help with a message, the one thing \
                    that content is not collected for, takes the account's consent, which is in the audit trail",
        missing: None,
        check: Some(|instance| Box::pin(purposes(instance))),
    },
    Row::unbuilt(
        "P8",
        "Third parties that get personal data are registered, disclosures recorded, the minimum sent",
        "the register; mail goes to recipients' servers, to the smart host if one is set, and, where a customer asks for \
         copies, to the address that the customer names; nobody else gets anything",
    ),
    Row::unbuilt(
        "P9",
        "Lawful requests and abuse investigations go through a recorded, reviewed path",
        "that path",
    ),
];

async fn purposes(instance: &Instance<'_>) -> Result<Found> {
    let store = &instance.house.store;
    let map = Store::data_map();
    let columns = || map.iter().filter(|column| !column.table.starts_with("keys."));
    let (mut cells, mut closed) = (0, 0);
    for purpose in Purpose::ALL {
        for column in columns() {
            let declared = Store::is_declared_for(column, purpose);
            cells += 1;
            closed += u64::from(!declared);
            if store.purposes_are_held() {
                let (table, column) = (column.table, column.column);
                ensure!(
                    store.can_read(purpose, table, column).await? == declared,
                    "{purpose:?} and {table}.{column}: the database does not do as the inventory says"
                );
            }
        }
    }
    let personal = columns().filter(|column| column.class.subject != Subject::Nobody).count();
    let text = format!(
        "{personal} personal columns, each with its purpose; {closed} of {cells} cells of purpose and column are closed"
    );
    let mut lacks = Vec::new();
    if !store.purposes_are_held() {
        lacks.push("roles for purposes: the user of `store.url` may not make roles (CREATEROLE)");
    }
    if !instance.house.config.access.needs_consent {
        lacks.push("consent to an operator's access: `access.needs_consent`");
    }
    let text = match store.purposes_are_held() {
        true => format!("{text}, each of them in the database"),
        false => text,
    };
    Ok(Found { text, lacks: (!lacks.is_empty()).then(|| lacks.join("; ")) })
}

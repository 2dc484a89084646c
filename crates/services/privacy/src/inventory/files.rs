//! Files, named from the data folder. Those of the key store have the same names where `keys.folder` is elsewhere.

use waxseal_model::data_class::{AtRest, Category, DataPurpose, Erase, Export, Retention, Subject};

use super::{Place, PlaceKind, SYSTEM, class};

/// A file of tables: what is in it has a class for each column.
const fn tables(name: &'static str, about: &'static str) -> Place {
    let rests = (AtRest::AsColumns, Export::No, Erase::AsColumns);
    let class = class(SYSTEM, DataPurpose::Operation, Retention::Instance, rests);
    Place { kind: PlaceKind::File, name, about, class }
}

/// A file that says nothing about anybody.
const fn system(name: &'static str, about: &'static str) -> Place {
    let rests = (AtRest::Clear, Export::No, Erase::Keep);
    let class = class(SYSTEM, DataPurpose::Operation, Retention::Instance, rests);
    Place { kind: PlaceKind::File, name, about, class }
}

/// A key of the instance.
const fn key(name: &'static str, about: &'static str, at_rest: AtRest) -> Place {
    let what = (Category::SystemAuthentication, Subject::Nobody);
    let class = class(what, DataPurpose::Operation, Retention::Instance, (at_rest, Export::No, Erase::Keep));
    Place { kind: PlaceKind::File, name, about, class }
}

/// A file of ids or pseudonyms.
const fn ids(name: &'static str, about: &'static str, retention: Retention, erase: Erase) -> Place {
    let what = (Category::UniqueId, Subject::CustomerAndRecipient);
    let class = class(what, DataPurpose::Operation, retention, (AtRest::Clear, Export::No, erase));
    Place { kind: PlaceKind::File, name, about, class }
}

/// A copy of what is kept, as a customer asked for it.
const fn copy(name: &'static str, about: &'static str) -> Place {
    let what = (Category::PrivateContent, Subject::CustomerAndRecipient);
    let rests = (AtRest::SealedByAccount, Export::No, Erase::DestroyKey);
    let class = class(what, DataPurpose::Account, Retention::Export, rests);
    Place { kind: PlaceKind::File, name, about, class }
}

/// A file that a customer uploaded.
const fn upload(name: &'static str, about: &'static str) -> Place {
    let what = (Category::Email, Subject::CustomerAndRecipient);
    let rests = (AtRest::SealedByAccount, Export::No, Erase::DestroyKey);
    let class = class(what, DataPurpose::Suppression, Retention::Import, rests);
    Place { kind: PlaceKind::File, name, about, class }
}

/// The list.
pub(super) const PLACES: &[Place] = &[
    tables("waxseal.db", "the database on SQLite: its tables"),
    tables("waxseal.db-wal", "what is not yet moved into the database's file"),
    tables("waxseal.db-shm", "SQLite's index of it"),
    tables("waxseal.db.restoring", "a database that is being restored"),
    tables("waxseal.db.restoring-*", "what goes with it"),
    tables(
        "keys.db",
        "the keyring: the tables `keys.…`, and the journal of erasures; with the other `keys.` files in `keys.folder`, if that is \
         set",
    ),
    tables("keys.db-wal", "what is not yet moved into the keyring's file"),
    tables("keys.db-shm", "SQLite's index of it"),
    tables("keys.restoring/**", "a keyring that is being restored from a copy"),
    key(
        "key-copies/copies.secret",
        "what copies of the keyring open with, unless `backup.keys_folder` is elsewhere: overwritten before keys are destroyed",
        AtRest::SealedByMaster,
    ),
    tables(
        "key-copies/*.keys",
        "copies of the keyring, sealed once more: they open until the next key is destroyed",
    ),
    tables("key-copies/.*.keys.partial", "one of them while it is made"),
    tables("*.db-journal", "SQLite's journal while a file is made or written anew"),
    key("keys.epoch", "the epoch key that the keys are wrapped under", AtRest::SealedByMaster),
    key("master.key", "the master key, if it is kept in a file here", AtRest::Clear),
    key("tls-key.pem", "the key of the certificate that Waxseal makes itself", AtRest::Clear),
    system("tls-cert.pem", "the certificate that Waxseal makes itself"),
    key("tls-*.new", "either of them while it is written", AtRest::Clear),
    system("waxseal.lock", "empty: whose the folder is; in `keys.folder` too"),
    system("reserve", "room that is set aside on the disk, with nothing in it"),
    system("keys.reserve", "room that is set aside for the keyring, with nothing in it"),
    system("control.sock", "the socket of the operator's commands"),
    system(".check", "empty: whether the folder can be written, for a moment; in `keys.folder` too"),
    ids(
        "sent.notes",
        "which messages were sent to their end and not yet settled, and when: ids and times",
        Retention::Message,
        Erase::LeadsNowhere,
    ),
    ids("sent.notes.new", "the same while it is written anew", Retention::Message, Erase::LeadsNowhere),
    ids(
        "audit/trail-*.jsonl",
        "the audit trail: kinds, counts, pseudonyms of accounts, names of operators; whom an erasure was about, sealed under \
         a key of the account",
        Retention::Operator,
        Erase::DestroyKey,
    ),
    system("audit/checkpoints.jsonl", "signed ends of the audit trail"),
    system("audit/reserve", "room for the audit trail on a full disk"),
    system("audit-anchors", "signed ends of the audit trail, once more"),
    system("reports/policy-*.json", "signed reports on the promises: states and figures"),
    system("reports/*.new", "one of them while it is written"),
    key("backup.key", "the key that backups are sealed under, if it is kept in a file here", AtRest::Clear),
    tables(
        "backups/**",
        "backups, unless `backup.folder` is elsewhere: the tables without any key, sealed once more",
    ),
    copy(
        "exports/*.export",
        "copies that customers asked for, sealed under the key they were shown bound to one of the account: neither opens \
         them alone",
    ),
    copy("exports/.*.export.partial", "one of them while it is made"),
    upload(
        "imports/*.import",
        "a file of suppressions until it is imported, sealed under a key of the account",
    ),
    upload("imports/.*.import.partial", "one of them while it is taken"),
    system(
        "policy-export/**",
        "a scratch folder of `policy verify`: an export about nobody, gone at its end",
    ),
    system(
        "policy-proof/**",
        "a scratch folder of `policy verify`: mail of its own to itself, gone at its end",
    ),
];

/// Whether the inventory knows a path, given from the data folder.
pub fn knows(path: &str) -> bool {
    PLACES.iter().any(|place| fits(place.name, path))
}

/// Whether it knows a path of a folder that holds keys alone, given from that folder.
pub fn knows_key(path: &str) -> bool {
    knows(path) && (path.starts_with("keys.") || ["waxseal.lock", ".check"].contains(&path))
}

/// Whether a path fits a name with `*` (anything in one folder) or a trailing `**` (anything below).
fn fits(name: &str, path: &str) -> bool {
    if let Some(folder) = name.strip_suffix("/**") {
        return path == folder || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
    }
    match name.split_once('*') {
        None => name == path,
        Some((before, after)) => path
            .strip_prefix(before)
            .and_then(|rest| rest.strip_suffix(after))
            .is_some_and(|middle| !middle.is_empty() && !middle.contains('/')),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_known_by_its_name_or_not_at_all() {
        for known in
            ["waxseal.db", "audit/trail-000017.jsonl", "policy-proof/data/keys.db", "keys.db-journal"]
        {
            assert!(knows(known), "{known}");
        }
        assert!(knows_key("keys.epoch") && knows_key("keys.restoring/whole") && !knows_key("waxseal.db"));
        for unknown in
            ["waxseal.db.bak", "audit/trail-1.jsonl.old", "audit/deep/trail-1.jsonl", "policy-proofs"]
        {
            assert!(!knows(unknown), "{unknown}");
        }
    }
}

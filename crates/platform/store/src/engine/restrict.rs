//! What connections of a purpose may read, in the words of the engines: made from the classes of the columns.

use std::fmt::Write as _;

use waxseal_model::{Purpose, data_class::DataClass};

use crate::entity::erase::tables;

/// Whether a connection of this purpose may read a column of this class: what rests sealed, for the purposes it may be
/// opened for; all else is ids, hashes and states, by which things are found.
pub(crate) fn may_read(class: &DataClass, purpose: Purpose) -> bool {
    let purposes = class.opened_for();
    purposes.is_empty() || purposes.contains(&purpose)
}

/// The word of a purpose in names of roles.
pub(crate) const fn word(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Delivery => "delivery",
        Purpose::CustomerAccess => "customer_access",
        Purpose::Authentication => "authentication",
        Purpose::Suppression => "suppression",
        Purpose::Signing => "signing",
        Purpose::Operation => "operation",
        Purpose::Export => "export",
        Purpose::Support => "support",
        Purpose::Request => "request",
    }
}

/// A table with the columns that a purpose may read, quoted, and whether that is all of them.
fn readable(purpose: Purpose) -> impl Iterator<Item = (&'static str, String, bool)> {
    tables().into_iter().map(move |table| {
        let columns = (table.classes)("");
        let all = columns.len();
        let may: Vec<String> = columns
            .iter()
            .filter(|column| may_read(&column.class, purpose))
            .map(|column| format!("\"{}\"", column.column))
            .collect();
        (table.name, may.join(", "), may.len() == all)
    })
}

/// SQLite: views of this connection alone that stand in front of the tables, without the columns that are not for it.
pub(crate) fn sqlite(purpose: Purpose) -> Vec<String> {
    readable(purpose)
        .filter(|(_, _, all)| !all)
        .map(|(table, columns, _)| {
            format!("CREATE TEMP VIEW \"{table}\" AS SELECT {columns} FROM main.\"{table}\"")
        })
        .collect()
}

/// The role of a purpose on PostgreSQL.
pub(crate) fn role(purpose: Purpose) -> String {
    format!("waxseal_{}", word(purpose))
}

/// PostgreSQL: a role for each purpose, with rights to its columns and to nothing else.
pub(crate) fn postgres() -> String {
    let mut sql = String::new();
    // Writing to a String does not fail.
    for purpose in Purpose::ALL {
        let role = role(purpose);
        let _ = writeln!(
            sql,
            "DO $$ BEGIN \
               BEGIN CREATE ROLE {role} NOLOGIN; \
               EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END; \
               EXECUTE format('GRANT USAGE ON SCHEMA %I TO {role}', current_schema()); \
               EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA %I FROM {role}', current_schema()); \
               IF NOT pg_has_role(session_user, '{role}', 'MEMBER') THEN \
                 EXECUTE format('GRANT {role} TO %I', session_user); END IF; \
             END $$;"
        );
        for (table, columns, _) in readable(purpose) {
            let _ = writeln!(sql, "GRANT SELECT ({columns}) ON \"{table}\" TO {role};");
        }
    }
    sql
}

//! The places of data that are not columns: files, fields of the audit trail and of the log, labels of metrics, what is in memory, and what
//! passes by. Columns are classified in the store; both together are the whole inventory.

mod files;
mod log_fields;
mod memory;
mod metric_labels;
mod passing;
mod trail_fields;

use waxseal_model::data_class::{
    AtRest, Category, DataClass, DataPurpose, Erase, Export, Ground, Retention, Subject,
};

pub use self::files::{knows as knows_file, knows_key as knows_key_file};

/// What kind of place it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PlaceKind {
    /// A file, named from the data folder.
    File,
    /// A field of the audit trail's entries that is about somebody.
    TrailField,
    /// A field of what is logged.
    LogField,
    /// A label of a metric.
    MetricLabel,
    /// Something the process keeps in memory.
    Memory,
    /// Something that passes, in or out, and of which nothing stays here.
    Passing,
}

impl PlaceKind {
    /// Its word in the map.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::TrailField => "trail field",
            Self::LogField => "log field",
            Self::MetricLabel => "metric label",
            Self::Memory => "memory",
            Self::Passing => "passing",
        }
    }
}

/// A place where data rests or passes.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// What kind of place.
    pub kind: PlaceKind,
    /// Its name; in a file's, `*` stands for anything but a folder.
    pub name: &'static str,
    /// What stands there.
    pub about: &'static str,
    /// Its class.
    pub class: DataClass,
}

/// Every place that is not a column.
pub fn places() -> impl Iterator<Item = &'static Place> {
    [
        files::PLACES,
        trail_fields::PLACES,
        log_fields::PLACES,
        metric_labels::PLACES,
        memory::PLACES,
        passing::PLACES,
    ]
    .into_iter()
    .flatten()
}

/// The names of the places of one kind.
pub fn names(kind: PlaceKind) -> impl Iterator<Item = &'static str> {
    places().filter(move |place| place.kind == kind).map(|place| place.name)
}

/// Whether something may be logged under this name.
pub fn is_log_field(name: &str) -> bool {
    log_fields::PLACES.iter().any(|place| place.name == name)
}

/// A class whose ground follows from purpose and subject.
const fn class(
    (category, subject): (Category, Subject),
    purpose: DataPurpose,
    retention: Retention,
    (at_rest, export, erase): (AtRest, Export, Erase),
) -> DataClass {
    let ground = Ground::of(purpose, subject);
    DataClass { category, subject, purpose, ground, retention, export, erase, at_rest }
}

/// What says nothing about anybody.
const SYSTEM: (Category, Subject) = (Category::Operations, Subject::Nobody);

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_place_is_listed_once() {
        let all: Vec<_> = places().map(|place| (place.kind.as_str(), place.name)).collect();
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
    }

    #[test]
    fn what_is_about_somebody_has_a_ground_and_an_end() {
        for Place { name, class, .. } in places() {
            let personal = class.subject != Subject::Nobody;
            assert_eq!(personal, class.ground != Ground::NotPersonal, "{name}");
            if personal {
                assert!(class.erase != Erase::Keep && class.retention != Retention::Instance, "{name}");
            }
        }
    }
}

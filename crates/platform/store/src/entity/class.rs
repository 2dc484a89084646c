//! The vocabulary with which entities classify their columns.

use sea_orm::{EntityTrait, IdenStatic, Iterable};
use waxseal_model::data_class::{
    AtRest, Category, DataClass, DataPurpose, Erase, Export, Ground, Retention, Subject,
};

use super::erase::EraseRule;
use crate::retention::ClassifiedColumn;

/// An entity whose columns all have a class.
pub(crate) trait Classified: EntityTrait {
    /// What becomes of its rows when their account is erased: every table has exactly one rule.
    const ERASE: EraseRule<Self::Column>;

    /// The class of a column.
    fn class(column: Self::Column) -> DataClass;

    /// All columns with their classes.
    fn classes(prefix: &'static str) -> Vec<ClassifiedColumn> {
        let table = Self::default();
        Self::Column::iter()
            .map(|column| ClassifiedColumn {
                table: qualified(prefix, table.table_name()),
                column: column.as_str(),
                class: Self::class(column),
            })
            .collect()
    }
}

fn qualified(prefix: &'static str, table: &'static str) -> &'static str {
    match (prefix, table) {
        ("", table) => table,
        ("keys", "ring_deletions") => "keys.ring_deletions",
        ("keys", "ring_erasures") => "keys.ring_erasures",
        ("keys", "ring_graves") => "keys.ring_graves",
        ("keys", "ring_holds") => "keys.ring_holds",
        ("keys", "ring_keys") => "keys.ring_keys",
        ("keys", "ring_marks") => "keys.ring_marks",
        ("keys", "ring_trail") => "keys.ring_trail",
        ("keys", "seaql_migrations") => "keys.seaql_migrations",
        (_, other) => other,
    }
}

/// What the columns of one table have in common.
pub(crate) struct Row {
    /// What the row is kept for.
    pub(crate) purpose: DataPurpose,
    /// How long.
    pub(crate) retention: Retention,
}

impl Row {
    /// Readable, and part of an export.
    pub(crate) const fn clear(&self, subject: Subject, category: Category) -> DataClass {
        self.class(subject, category, Export::Yes, Erase::DeleteRow, AtRest::Clear)
    }

    /// Readable, but of use to the system alone.
    pub(crate) const fn internal(&self, subject: Subject) -> DataClass {
        self.class(subject, Category::Operations, Export::No, Erase::DeleteRow, AtRest::Clear)
    }

    /// A number that stands for somebody, of use to the system alone.
    pub(crate) const fn reference(&self, subject: Subject) -> DataClass {
        self.class(subject, Category::UniqueId, Export::No, Erase::DeleteRow, AtRest::Clear)
    }

    /// Nothing about anybody; stays as long as the instance.
    pub(crate) const fn impersonal(&self) -> DataClass {
        self.class(Subject::Nobody, Category::Operations, Export::No, Erase::Keep, AtRest::Clear)
    }

    /// A hash to look things up by.
    pub(crate) const fn hashed(&self, subject: Subject) -> DataClass {
        self.class(subject, Category::UniqueId, Export::No, Erase::DeleteRow, AtRest::KeyedHash)
    }

    /// Sealed under the account's key, and part of an export.
    pub(crate) const fn sealed_by_account(&self, subject: Subject, category: Category) -> DataClass {
        self.class(subject, category, Export::Yes, Erase::DestroyKeyAndDeleteRow, AtRest::SealedByAccount)
    }

    /// A secret: sealed under the account's key, never exported.
    pub(crate) const fn secret(&self, subject: Subject, category: Category) -> DataClass {
        self.class(subject, category, Export::No, Erase::DestroyKeyAndDeleteRow, AtRest::SealedByAccount)
    }

    /// Sealed under the account's key of the day, and part of an export.
    pub(crate) const fn sealed_by_day(&self, subject: Subject, category: Category) -> DataClass {
        self.class(subject, category, Export::Yes, Erase::DestroyKeyAndDeleteRow, AtRest::SealedByDay)
    }

    /// Sealed under the instance's key of the day: of no account, and in no export.
    pub(crate) const fn sealed_by_instance(&self, subject: Subject, category: Category) -> DataClass {
        self.class(subject, category, Export::No, Erase::DestroyKeyAndDeleteRow, AtRest::SealedByDay)
    }

    /// A key, wrapped under the master key; never exported.
    pub(crate) const fn wrapped(&self, subject: Subject) -> DataClass {
        let category = Category::SystemAuthentication;
        self.class(subject, category, Export::No, Erase::DestroyKeyAndDeleteRow, AtRest::SealedByMaster)
    }

    const fn class(
        &self,
        subject: Subject,
        category: Category,
        export: Export,
        erase: Erase,
        at_rest: AtRest,
    ) -> DataClass {
        let Self { purpose, retention } = *self;
        let ground = Ground::of(purpose, subject);
        DataClass { category, subject, purpose, ground, retention, export, erase, at_rest }
    }
}

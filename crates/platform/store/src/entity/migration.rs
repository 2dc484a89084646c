//! The list of applied migrations, which the migration library keeps in both files.

use sea_orm_migration::seaql_migrations::{Column, Entity};
use waxseal_model::data_class::{DataClass, DataPurpose, Retention};

use crate::entity::{
    class::{Classified, Row},
    erase::EraseRule,
};

const ROW: Row = Row { purpose: DataPurpose::Operation, retention: Retention::Instance };

impl Classified for Entity {
    const ERASE: EraseRule<Column> = EraseRule::Stays;

    fn class(column: Column) -> DataClass {
        match column {
            Column::Version | Column::AppliedAt => ROW.impersonal(),
        }
    }
}

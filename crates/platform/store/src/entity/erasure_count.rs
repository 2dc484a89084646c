//! How many rows an erasure under way has deleted, written with the deletion itself: a count survives a kill.
//!
//! Where `kept_until` is set it counts messages whose content others still wait for, until then at most.

use sea_orm::entity::prelude::*;
use waxseal_model::data_class::{DataClass, DataPurpose, Retention};

use crate::entity::{
    class::{Classified, Row},
    erase::EraseRule,
};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "erasure_counts")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub erasure: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub store: String,
    pub rows: i64,
    pub kept_until: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

const ROW: Row = Row { purpose: DataPurpose::Erasure, retention: Retention::Instance };

impl Classified for Entity {
    const ERASE: EraseRule<Column> = EraseRule::Stays;

    fn class(column: Column) -> DataClass {
        match column {
            // The erasure's number in the journal, a table's name, a number, a time.
            Column::Erasure | Column::Store | Column::Rows | Column::KeptUntil => ROW.impersonal(),
        }
    }
}

//! Where a reader of the event log stopped.

use sea_orm::entity::prelude::*;
use waxseal_model::data_class::{DataClass, DataPurpose, Retention};

use crate::entity::{
    class::{Classified, Row},
    erase::EraseRule,
};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "reader_cursors")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub reader: String,
    pub seq: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

const ROW: Row = Row { purpose: DataPurpose::Operation, retention: Retention::Instance };

impl Classified for Entity {
    const ERASE: EraseRule<Column> = EraseRule::Stays;

    fn class(column: Column) -> DataClass {
        match column {
            Column::Reader | Column::Seq => ROW.impersonal(),
        }
    }
}

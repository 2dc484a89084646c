//! A key, wrapped under the key of its epoch. `account` and `day` tell whose and of which day it is.

use sea_orm::entity::prelude::*;
use waxseal_model::data_class::{DataClass, DataPurpose, Retention, Subject};

use crate::entity::{
    class::{Classified, Row},
    erase::EraseRule,
};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "ring_keys")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub class: String,
    pub account: Vec<u8>,
    pub day: i32,
    pub wrapped: Vec<u8>,
    pub epoch: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

const ROW: Row = Row { purpose: DataPurpose::Operation, retention: Retention::Owner };

impl Classified for Entity {
    const ERASE: EraseRule<Column> = EraseRule::RowsOf(Column::Account);

    fn class(column: Column) -> DataClass {
        match column {
            Column::Id | Column::Class | Column::Epoch => ROW.internal(Subject::Nobody),
            Column::Account => ROW.reference(Subject::Customer),
            Column::Day => ROW.internal(Subject::Customer),
            Column::Wrapped => ROW.wrapped(Subject::Customer),
        }
    }
}

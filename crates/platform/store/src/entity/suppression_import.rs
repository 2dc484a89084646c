//! A file of suppressions that is imported. What stands in it is not here: the file lies sealed until it is done.

use sea_orm::entity::prelude::*;
use waxseal_model::data_class::{DataClass, DataPurpose, Retention, Subject};

use crate::entity::{
    class::{Classified, Row},
    erase::EraseRule,
};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "suppression_imports")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub account: Vec<u8>,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Vec<u8>,
    pub domain: Vec<u8>,
    pub kind: String,
    pub state: String,
    pub created_at: i64,
    pub finished_at: Option<i64>,
    pub bytes: i64,
    pub done: i64,
    pub line: i64,
    pub rows: i64,
    pub added: i64,
    pub refused: i64,
    pub problems: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

const ROW: Row = Row { purpose: DataPurpose::Suppression, retention: Retention::Import };

impl Classified for Entity {
    const ERASE: EraseRule<Column> = EraseRule::RowsOf(Column::Account);

    fn class(column: Column) -> DataClass {
        match column {
            Column::Account | Column::Id | Column::Domain => ROW.reference(Subject::Customer),
            // Numbers of bytes, lines and rows, and reasons that name nothing of a row.
            Column::Kind
            | Column::State
            | Column::CreatedAt
            | Column::FinishedAt
            | Column::Bytes
            | Column::Done
            | Column::Line
            | Column::Rows
            | Column::Added
            | Column::Refused
            | Column::Problems => ROW.internal(Subject::Customer),
        }
    }
}

//! An export that was asked for and is kept for a time. Whom it is about is not kept, nor is its key.

use sea_orm::entity::prelude::*;
use waxseal_model::data_class::{DataClass, DataPurpose, Retention, Subject};

use crate::entity::{
    class::{Classified, Row},
    erase::EraseRule,
};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "exports")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub account: Vec<u8>,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Vec<u8>,
    pub kind: String,
    pub state: String,
    pub asked_at: i64,
    pub expires_at: i64,
    pub bytes: i64,
    pub rows: i64,
    pub messages: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

const ROW: Row = Row { purpose: DataPurpose::Account, retention: Retention::Export };

impl Classified for Entity {
    const ERASE: EraseRule<Column> = EraseRule::RowsOf(Column::Account);

    fn class(column: Column) -> DataClass {
        match column {
            Column::Account | Column::Id => ROW.reference(Subject::Customer),
            // They tell of the copies: a copy does not tell of copies.
            Column::Kind
            | Column::State
            | Column::AskedAt
            | Column::ExpiresAt
            | Column::Bytes
            | Column::Rows
            | Column::Messages => ROW.internal(Subject::Customer),
        }
    }
}

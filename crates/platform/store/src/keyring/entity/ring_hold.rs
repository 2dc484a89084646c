//! A legal hold: data that must not be erased yet.

use sea_orm::entity::prelude::*;
use waxseal_model::data_class::{Category, DataClass, DataPurpose, Retention, Subject};

use crate::entity::{
    class::{Classified, Row},
    erase::EraseRule,
};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "ring_holds")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub number: i64,
    pub id: Vec<u8>,
    pub account: Vec<u8>,
    pub recipient_hash: Option<Vec<u8>>,
    pub reason: Vec<u8>,
    pub added_at: i64,
    pub until: Option<i64>,
    pub lifted_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

const ROW: Row = Row { purpose: DataPurpose::Erasure, retention: Retention::Owner };

impl Classified for Entity {
    const ERASE: EraseRule<Column> = EraseRule::RowsOf(Column::Account);

    fn class(column: Column) -> DataClass {
        match column {
            Column::Number | Column::Id => ROW.internal(Subject::Nobody),
            Column::Account => ROW.reference(Subject::Customer),
            Column::RecipientHash => ROW.hashed(Subject::Recipient),
            // The operator's own record, which may be about a case that its subject is not to know of: no export has it.
            Column::Reason => ROW.secret(Subject::CustomerAndRecipient, Category::Account),
            Column::AddedAt | Column::Until | Column::LiftedAt => ROW.internal(Subject::Customer),
        }
    }
}

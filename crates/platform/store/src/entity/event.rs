//! The event log. `seq` is the order of commits; it never goes back and is never used twice.

use sea_orm::entity::prelude::*;
use waxseal_model::data_class::{Category, DataClass, DataPurpose, Retention, Subject};

use crate::entity::{
    class::{Classified, Row},
    erase::EraseRule,
};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "events")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub seq: i64,
    pub id: Vec<u8>,
    pub at: i64,
    pub kind: String,
    pub severity: Option<String>,
    pub account: Vec<u8>,
    pub domain: Vec<u8>,
    pub message: Option<Vec<u8>>,
    pub recipient_hash: Option<Vec<u8>>,
    pub header_hash: Option<Vec<u8>>,
    pub details: Vec<u8>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

const ROW: Row = Row { purpose: DataPurpose::Log, retention: Retention::Events };

impl Classified for Entity {
    const ERASE: EraseRule<Column> = EraseRule::RowsOf(Column::Account);

    fn class(column: Column) -> DataClass {
        match column {
            Column::Seq => ROW.internal(Subject::Nobody),
            Column::Id | Column::At | Column::Kind | Column::Severity => {
                ROW.clear(Subject::Recipient, Category::Behaviour)
            }
            Column::Account | Column::Domain | Column::Message => {
                ROW.clear(Subject::Customer, Category::UniqueId)
            }
            Column::RecipientHash => ROW.hashed(Subject::Recipient),
            Column::HeaderHash => ROW.hashed(Subject::CustomerAndRecipient),
            Column::Details => ROW.sealed_by_day(Subject::CustomerAndRecipient, Category::Email),
        }
    }
}

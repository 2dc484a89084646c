//! A captured message of a sandbox domain, for one recipient.

use sea_orm::entity::prelude::*;
use waxseal_model::data_class::{Category, DataClass, DataPurpose, Retention, Subject};

use crate::entity::{
    class::{Classified, Row},
    erase::EraseRule,
};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "inbox_items")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub account: Vec<u8>,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Vec<u8>,
    pub domain: Vec<u8>,
    pub message: Vec<u8>,
    pub recipient_hash: Vec<u8>,
    pub envelope: Vec<u8>,
    pub captured_at: i64,
    pub expires_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

const ROW: Row = Row { purpose: DataPurpose::Delivery, retention: Retention::Message };

impl Classified for Entity {
    const ERASE: EraseRule<Column> = EraseRule::RowsOf(Column::Account);

    fn class(column: Column) -> DataClass {
        match column {
            Column::Account | Column::Id | Column::Domain | Column::Message => {
                ROW.clear(Subject::Customer, Category::UniqueId)
            }
            Column::RecipientHash => ROW.hashed(Subject::Recipient),
            Column::Envelope => ROW.sealed_by_day(Subject::CustomerAndRecipient, Category::Email),
            Column::CapturedAt | Column::ExpiresAt => ROW.clear(Subject::Recipient, Category::Behaviour),
        }
    }
}

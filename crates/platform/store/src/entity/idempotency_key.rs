//! What makes a repeated call the same call, for a day.

use sea_orm::entity::prelude::*;
use waxseal_model::data_class::{Category, DataClass, DataPurpose, Retention, Subject};

use crate::entity::{
    class::{Classified, Row},
    erase::EraseRule,
};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "idempotency_keys")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub account: Vec<u8>,
    #[sea_orm(primary_key, auto_increment = false)]
    pub key_hash: Vec<u8>,
    pub request_hash: Vec<u8>,
    pub answer: Vec<u8>,
    pub expires_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

const ROW: Row = Row { purpose: DataPurpose::Delivery, retention: Retention::OneDay };

impl Classified for Entity {
    const ERASE: EraseRule<Column> = EraseRule::RowsOf(Column::Account);

    fn class(column: Column) -> DataClass {
        match column {
            Column::Account => ROW.clear(Subject::Customer, Category::UniqueId),
            Column::KeyHash => ROW.hashed(Subject::Customer),
            Column::RequestHash => ROW.hashed(Subject::CustomerAndRecipient),
            Column::Answer => ROW.sealed_by_account(Subject::Customer, Category::UniqueId),
            Column::ExpiresAt => ROW.internal(Subject::Customer),
        }
    }
}

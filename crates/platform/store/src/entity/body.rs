//! The MIME of a message, sealed under the content key of the account's day.

use sea_orm::entity::prelude::*;
use waxseal_model::data_class::{Category, DataClass, DataPurpose, Retention, Subject};

use crate::entity::{
    class::{Classified, Row},
    erase::EraseRule,
};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "bodies")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub account: Vec<u8>,
    #[sea_orm(primary_key, auto_increment = false)]
    pub message: Vec<u8>,
    pub day: i32,
    pub mime: Vec<u8>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

const ROW: Row = Row { purpose: DataPurpose::Delivery, retention: Retention::Message };

impl Classified for Entity {
    const ERASE: EraseRule<Column> = EraseRule::RowsOf(Column::Account);

    fn class(column: Column) -> DataClass {
        match column {
            Column::Account | Column::Message => ROW.clear(Subject::Customer, Category::UniqueId),
            Column::Day => ROW.internal(Subject::Customer),
            Column::Mime => ROW.sealed_by_day(Subject::CustomerAndRecipient, Category::PrivateContent),
        }
    }
}

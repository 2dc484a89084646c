//! A copy of a delivered message that the customer's archive gets.
//!
//! `ready_at` is null until somebody got the message: there is nothing to hand over yet.

use sea_orm::entity::prelude::*;
use waxseal_model::data_class::{Category, DataClass, DataPurpose, Retention, Subject};

use crate::entity::{
    class::{Classified, Row},
    erase::EraseRule,
};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "archive_jobs")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub account: Vec<u8>,
    #[sea_orm(primary_key, auto_increment = false)]
    pub message: Vec<u8>,
    pub url: Vec<u8>,
    pub attempts: i32,
    pub released_at: Option<i64>,
    pub ready_at: Option<i64>,
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
            Column::Url => ROW.sealed_by_day(Subject::Customer, Category::Url),
            Column::Attempts | Column::ReleasedAt | Column::ReadyAt => ROW.internal(Subject::Customer),
        }
    }
}

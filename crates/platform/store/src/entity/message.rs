//! A stored message without its body.

use sea_orm::entity::prelude::*;
use waxseal_model::data_class::{Category, DataClass, DataPurpose, Retention, Subject};

use crate::entity::{
    class::{Classified, Row},
    erase::EraseRule,
};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "messages")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub account: Vec<u8>,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Vec<u8>,
    pub domain: Vec<u8>,
    pub created_at: i64,
    pub header_hash: Vec<u8>,
    pub template: Vec<u8>,
    pub options: String,
    pub size: i64,
    pub not_before: i64,
    pub give_up_at: i64,
    pub capture: bool,
    pub keep_until: i64,
    pub captured_until: Option<i64>,
    pub pending: i32,
    pub body_expires_at: Option<i64>,
    pub deleted: bool,
    pub archive: bool,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

const ROW: Row = Row { purpose: DataPurpose::Delivery, retention: Retention::Events };

impl Classified for Entity {
    const ERASE: EraseRule<Column> = EraseRule::RowsOf(Column::Account);

    fn class(column: Column) -> DataClass {
        match column {
            Column::Account | Column::Id | Column::Domain => ROW.clear(Subject::Customer, Category::UniqueId),
            Column::Options => ROW.clear(Subject::Customer, Category::Settings),
            Column::HeaderHash => ROW.hashed(Subject::CustomerAndRecipient),
            Column::Template => ROW.sealed_by_day(Subject::CustomerAndRecipient, Category::Email),
            Column::CreatedAt
            | Column::Size
            | Column::NotBefore
            | Column::GiveUpAt
            | Column::Capture
            | Column::KeepUntil
            | Column::CapturedUntil
            | Column::Pending
            | Column::BodyExpiresAt
            | Column::Deleted => ROW.clear(Subject::Customer, Category::Behaviour),
            Column::Archive => ROW.internal(Subject::Customer),
        }
    }
}

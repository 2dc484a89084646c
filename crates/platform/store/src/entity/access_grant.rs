//! An operator's sight of an account's content. It stays as long as the account: its owner can look it up.

use sea_orm::entity::prelude::*;
use waxseal_model::data_class::{Category, DataClass, DataPurpose, Retention, Subject};

use crate::entity::{
    class::{Classified, Row},
    erase::EraseRule,
};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "access_grants")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub number: i64,
    pub id: Vec<u8>,
    pub account: Vec<u8>,
    pub reason: Vec<u8>,
    pub opened_at: i64,
    pub expires_at: i64,
    pub second_operator: bool,
    pub confirmed_at: Option<i64>,
    pub closed_at: Option<i64>,
    pub openings: i64,
    pub noticed_at: Option<i64>,
    pub needs_consent: bool,
    pub consented_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

const ROW: Row = Row { purpose: DataPurpose::Account, retention: Retention::Account };

impl Classified for Entity {
    const ERASE: EraseRule<Column> = EraseRule::RowsOf(Column::Account);

    fn class(column: Column) -> DataClass {
        match column {
            Column::Number => ROW.reference(Subject::Customer),
            Column::Id | Column::Account => ROW.clear(Subject::Customer, Category::UniqueId),
            Column::OpenedAt
            | Column::ExpiresAt
            | Column::SecondOperator
            | Column::ConfirmedAt
            | Column::ClosedAt
            | Column::Openings
            | Column::NoticedAt
            | Column::NeedsConsent
            | Column::ConsentedAt => ROW.clear(Subject::Customer, Category::Operations),
            // An operator's words, who is told to name nobody in them.
            Column::Reason => ROW.sealed_by_account(Subject::Customer, Category::Account),
        }
    }
}

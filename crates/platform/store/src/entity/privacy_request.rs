//! What a person asked about their data, and how far the answer is. Of somebody who has no account, `account` is all
//! zeros, and the row has a key of its own; of an account, it is sealed under the account's key of requests of the day.

use sea_orm::entity::prelude::*;
use waxseal_model::data_class::{Category, DataClass, DataPurpose, Retention, Subject};

use crate::entity::{
    class::{Classified, Row},
    erase::EraseRule,
};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "privacy_requests")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub number: i64,
    pub id: Vec<u8>,
    pub account: Vec<u8>,
    pub kind: String,
    pub received_at: i64,
    pub due_at: i64,
    pub closed_at: Option<i64>,
    pub outcome: Option<String>,
    pub details: Vec<u8>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

const ROW: Row = Row { purpose: DataPurpose::Request, retention: Retention::Requests };
/// Who asks is a customer, or somebody that a customer wrote to.
const ANYBODY: Subject = Subject::CustomerAndRecipient;

impl Classified for Entity {
    const ERASE: EraseRule<Column> = EraseRule::RowsOf(Column::Account);

    fn class(column: Column) -> DataClass {
        match column {
            Column::Number => ROW.reference(ANYBODY),
            Column::Id | Column::Account => ROW.clear(ANYBODY, Category::UniqueId),
            Column::Kind | Column::ReceivedAt | Column::DueAt | Column::ClosedAt | Column::Outcome => {
                ROW.clear(ANYBODY, Category::Preferences)
            }
            Column::Details => ROW.sealed_by_day(ANYBODY, Category::Contact),
        }
    }
}

//! One recipient of a message that is not settled yet.
//!
//! `ready_at` is when the entry may be leased: its due time while it is free, the end of the lease
//! while it is held. One index on it makes a lease cost the same whether ten or a million wait.
//! `destination` is a keyed hash of the recipient's domain: it groups entries and says nothing.

use sea_orm::entity::prelude::*;
use waxseal_model::data_class::{Category, DataClass, DataPurpose, Retention, Subject};

use crate::entity::{
    class::{Classified, Row},
    erase::EraseRule,
};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "queue_entries")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Vec<u8>,
    pub account: Vec<u8>,
    pub domain: Vec<u8>,
    pub message: Vec<u8>,
    pub destination: Vec<u8>,
    pub envelope: Vec<u8>,
    pub attempts: i32,
    pub ready_at: i64,
    pub due_at: i64,
    pub give_up_at: i64,
    pub not_before: i64,
    pub accepted_at: i64,
    pub first_attempt_at: Option<i64>,
    pub capture: bool,
    pub lease: Option<Vec<u8>>,
    pub last_reply: Option<Vec<u8>>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

const ROW: Row = Row { purpose: DataPurpose::Delivery, retention: Retention::Message };

impl Classified for Entity {
    const ERASE: EraseRule<Column> = EraseRule::RowsOf(Column::Account);

    fn class(column: Column) -> DataClass {
        match column {
            Column::Id => ROW.clear(Subject::Recipient, Category::UniqueId),
            Column::Account | Column::Domain | Column::Message => {
                ROW.clear(Subject::Customer, Category::UniqueId)
            }
            Column::Destination => ROW.hashed(Subject::Recipient),
            Column::Capture
            | Column::Attempts
            | Column::DueAt
            | Column::GiveUpAt
            | Column::NotBefore
            | Column::AcceptedAt
            | Column::FirstAttemptAt => ROW.clear(Subject::Recipient, Category::Behaviour),
            Column::Envelope => ROW.sealed_by_day(Subject::CustomerAndRecipient, Category::Email),
            Column::ReadyAt | Column::Lease => ROW.internal(Subject::Nobody),
            Column::LastReply => ROW.sealed_by_day(Subject::Recipient, Category::Behaviour),
        }
    }
}

//! What an operator does not let leave for now. What is not named is not asked about; of whom nobody's account is named,
//! `account` is all zeros.
//!
//! `destination` is the hash that queue entries bear. `recipient_hash` is keyed with the account's pepper, and where no
//! account is named with the instance's key: names of recipients do not rest here.

use sea_orm::entity::prelude::*;
use waxseal_model::data_class::{DataClass, DataPurpose, Retention, Subject};

use crate::entity::{
    class::{Classified, Row},
    erase::EraseRule,
};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "queue_pauses")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub number: i64,
    pub account: Vec<u8>,
    pub domain: Option<Vec<u8>>,
    pub destination: Option<Vec<u8>>,
    pub recipient_hash: Option<Vec<u8>>,
    pub provider: Option<String>,
    pub reason: String,
    pub since: i64,
    pub until: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

const ROW: Row = Row { purpose: DataPurpose::Operation, retention: Retention::Pause };

impl Classified for Entity {
    const ERASE: EraseRule<Column> = EraseRule::RowsOf(Column::Account);

    fn class(column: Column) -> DataClass {
        match column {
            Column::Account | Column::Domain => ROW.reference(Subject::Customer),
            Column::Destination | Column::RecipientHash => ROW.hashed(Subject::Recipient),
            // An operator's words, in which no address may stand.
            Column::Number | Column::Provider | Column::Reason | Column::Since | Column::Until => {
                ROW.internal(Subject::Nobody)
            }
        }
    }
}

//! The erasure journal: what was asked to be erased, how far it is, and what was erased, for good.
//!
//! It lies beside the keys and not in the database, so that it outlives a restored one.

use sea_orm::entity::prelude::*;
use waxseal_model::data_class::{DataClass, DataPurpose, Retention, Subject};

use crate::entity::{
    class::{Classified, Row},
    erase::EraseRule,
};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "ring_erasures")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub number: i64,
    pub id: Vec<u8>,
    pub kind: String,
    pub account: Vec<u8>,
    pub account_hash: Vec<u8>,
    pub subject_hash: Option<Vec<u8>>,
    pub pseudonym: Vec<u8>,
    pub state: String,
    pub asked_at: i64,
    pub final_at: i64,
    pub done_at: Option<i64>,
    pub sequence: Option<i64>,
    pub keys: String,
    pub certificate: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

const ROW: Row = Row { purpose: DataPurpose::Erasure, retention: Retention::Instance };

impl Classified for Entity {
    const ERASE: EraseRule<Column> = EraseRule::Blanked(Column::Account);

    fn class(column: Column) -> DataClass {
        match column {
            Column::Number
            | Column::Id
            | Column::Kind
            | Column::State
            | Column::AskedAt
            | Column::FinalAt
            | Column::DoneAt
            | Column::Sequence
            | Column::Keys
            | Column::Certificate => ROW.impersonal(),
            // A hash of a random number that is nowhere any more; a name that nobody can make again.
            Column::AccountHash | Column::Pseudonym => ROW.impersonal(),
            Column::Account => ROW.reference(Subject::Customer),
            // Under the account's pepper, of a login under the instance's key: it finds what a restored database
            // brings back.
            Column::SubjectHash => ROW.hashed(Subject::CustomerAndRecipient),
        }
    }
}

//! What a recipients' domain asked of TLS when it was asked last (MTA-STS), and until when that holds.
//!
//! It is of no account: it is found by the hash that queue entries bear, and sealed under the instance's key of `day`, on
//! which it was fetched.

use sea_orm::entity::prelude::*;
use waxseal_model::data_class::{Category, DataClass, DataPurpose, Retention, Subject};

use crate::entity::{
    class::{Classified, Row},
    erase::EraseRule,
};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sts_policies")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub destination: Vec<u8>,
    pub day: i32,
    pub policy: Vec<u8>,
    pub until: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

const ROW: Row = Row { purpose: DataPurpose::Delivery, retention: Retention::Policy };

impl Classified for Entity {
    const ERASE: EraseRule<Column> = EraseRule::InTime;

    fn class(column: Column) -> DataClass {
        match column {
            Column::Destination => ROW.hashed(Subject::Recipient),
            Column::Policy => ROW.sealed_by_instance(Subject::Recipient, Category::Operations),
            Column::Day | Column::Until => ROW.internal(Subject::Nobody),
        }
    }
}

//! How connections to a recipients' domain went on a day, which it wants to be told (TLS-RPT), and when that is due.
//!
//! It is of no account: sessions of all accounts are counted together. Sealed under the instance's key of that day.

use sea_orm::entity::prelude::*;
use waxseal_model::data_class::{Category, DataClass, DataPurpose, Retention, Subject};

use crate::entity::{
    class::{Classified, Row},
    erase::EraseRule,
};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tls_results")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub day: i32,
    #[sea_orm(primary_key, auto_increment = false)]
    pub destination: Vec<u8>,
    pub results: Vec<u8>,
    pub due_at: i64,
    pub attempts: i32,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

const ROW: Row = Row { purpose: DataPurpose::Delivery, retention: Retention::Report };

impl Classified for Entity {
    const ERASE: EraseRule<Column> = EraseRule::InTime;

    fn class(column: Column) -> DataClass {
        match column {
            Column::Destination => ROW.hashed(Subject::Recipient),
            Column::Results => ROW.sealed_by_instance(Subject::Recipient, Category::Operations),
            Column::Day | Column::DueAt | Column::Attempts => ROW.internal(Subject::Nobody),
        }
    }
}

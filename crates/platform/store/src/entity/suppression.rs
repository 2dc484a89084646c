//! An address that a domain does not write to, found by its keyed hash.

use sea_orm::entity::prelude::*;
use waxseal_model::data_class::{Category, DataClass, DataPurpose, Retention, Subject};

use crate::entity::{
    class::{Classified, Row},
    erase::EraseRule,
};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "suppressions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub account: Vec<u8>,
    #[sea_orm(primary_key, auto_increment = false)]
    pub domain: Vec<u8>,
    #[sea_orm(primary_key, auto_increment = false)]
    pub kind: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub address_hash: Vec<u8>,
    pub address: Vec<u8>,
    pub details: Vec<u8>,
    pub created_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

const ROW: Row = Row { purpose: DataPurpose::Suppression, retention: Retention::Owner };

impl Classified for Entity {
    const ERASE: EraseRule<Column> = EraseRule::RowsOf(Column::Account);

    fn class(column: Column) -> DataClass {
        match column {
            Column::Account | Column::Domain => ROW.clear(Subject::Customer, Category::UniqueId),
            Column::Kind | Column::CreatedAt => ROW.clear(Subject::Recipient, Category::Preferences),
            Column::AddressHash => ROW.hashed(Subject::Recipient),
            Column::Address => ROW.sealed_by_account(Subject::Recipient, Category::Email),
            Column::Details => ROW.sealed_by_account(Subject::Recipient, Category::Preferences),
        }
    }
}

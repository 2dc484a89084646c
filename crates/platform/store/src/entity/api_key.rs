//! An API key. The secret has 256 random bits, so its plain SHA-256 cannot be guessed back.

use sea_orm::entity::prelude::*;
use waxseal_model::data_class::{Category, DataClass, DataPurpose, Retention, Subject};

use crate::entity::{
    class::{Classified, Row},
    erase::EraseRule,
};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "api_keys")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Vec<u8>,
    pub account: Vec<u8>,
    pub domain: Option<Vec<u8>>,
    pub secret_hash: Vec<u8>,
    pub label: Vec<u8>,
    pub created_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

const ROW: Row = Row { purpose: DataPurpose::Account, retention: Retention::Owner };

impl Classified for Entity {
    const ERASE: EraseRule<Column> = EraseRule::RowsOf(Column::Account);

    fn class(column: Column) -> DataClass {
        match column {
            Column::Id | Column::Account | Column::Domain => ROW.clear(Subject::Customer, Category::UniqueId),
            Column::CreatedAt => ROW.clear(Subject::Customer, Category::Settings),
            Column::SecretHash => ROW.hashed(Subject::Customer),
            Column::Label => ROW.sealed_by_account(Subject::Customer, Category::Settings),
        }
    }
}

//! A DKIM key of a domain; both halves rest sealed, and so does the selector that its record is found by.

use sea_orm::entity::prelude::*;
use waxseal_model::data_class::{Category, DataClass, DataPurpose, Retention, Subject};

use crate::entity::{
    class::{Classified, Row},
    erase::EraseRule,
};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "dkim_keys")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Vec<u8>,
    pub account: Vec<u8>,
    pub domain: Vec<u8>,
    pub selector: Vec<u8>,
    pub algorithm: String,
    pub private_key: Vec<u8>,
    pub public_key: Vec<u8>,
    pub active: bool,
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
            Column::Algorithm | Column::Active | Column::CreatedAt => {
                ROW.clear(Subject::Customer, Category::Settings)
            }
            Column::Selector | Column::PublicKey => {
                ROW.sealed_by_account(Subject::Customer, Category::Settings)
            }
            Column::PrivateKey => ROW.secret(Subject::Customer, Category::SystemAuthentication),
        }
    }
}

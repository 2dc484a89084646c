//! A relay of an account or of one of its domains, or that there is to be none.
//!
//! A row has the id of whose relay it is. What is said to log in stands twice: as a login, which people may see, and together
//! with its password, which delivery alone opens.

use sea_orm::entity::prelude::*;
use waxseal_model::data_class::{Category, DataClass, DataPurpose, Retention, Subject};

use crate::entity::{
    class::{Classified, Row},
    erase::EraseRule,
};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "relays")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Vec<u8>,
    pub account: Vec<u8>,
    pub domain: Option<Vec<u8>>,
    pub url: Option<Vec<u8>>,
    pub login: Option<Vec<u8>>,
    pub credentials: Option<Vec<u8>>,
    pub share: i32,
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
            Column::Share | Column::CreatedAt => ROW.clear(Subject::Customer, Category::Settings),
            Column::Url => ROW.sealed_by_account(Subject::Customer, Category::Url),
            Column::Login => ROW.sealed_by_account(Subject::Customer, Category::Username),
            Column::Credentials => ROW.secret(Subject::Customer, Category::Credentials),
        }
    }
}

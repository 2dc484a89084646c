//! An account. Its name and addresses rest sealed.

use sea_orm::entity::prelude::*;
use waxseal_model::data_class::{Category, DataClass, DataPurpose, Retention, Subject};

use crate::entity::{
    class::{Classified, Row},
    erase::EraseRule,
};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "accounts")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Vec<u8>,
    pub created_at: i64,
    pub profile: Vec<u8>,
    pub disabled: bool,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

const ROW: Row = Row { purpose: DataPurpose::Account, retention: Retention::Account };

impl Classified for Entity {
    const ERASE: EraseRule<Column> = EraseRule::RowsOf(Column::Id);

    fn class(column: Column) -> DataClass {
        match column {
            Column::Id => ROW.clear(Subject::Customer, Category::UniqueId),
            Column::CreatedAt | Column::Disabled => ROW.clear(Subject::Customer, Category::Settings),
            Column::Profile => ROW.sealed_by_account(Subject::Customer, Category::Account),
        }
    }
}

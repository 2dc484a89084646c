//! An account whose keys were all destroyed: no key is made for it again.

use sea_orm::entity::prelude::*;
use waxseal_model::data_class::{DataClass, DataPurpose, Retention};

use crate::entity::class::{Classified, Row};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "ring_graves")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub account: Vec<u8>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

const ROW: Row = Row { purpose: DataPurpose::Operation, retention: Retention::Instance };

impl Classified for Entity {
    fn class(column: Column) -> DataClass {
        match column {
            // A random number that nothing refers to any more.
            Column::Account => ROW.impersonal(),
        }
    }
}

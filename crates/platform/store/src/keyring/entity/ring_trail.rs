//! Where the audit trail ended when its last group was written, sealed under the master key: a trail that ends earlier
//! was cut or set back.

use sea_orm::entity::prelude::*;
use waxseal_model::data_class::{DataClass, DataPurpose, Retention};

use crate::entity::{
    class::{Classified, Row},
    erase::EraseRule,
};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "ring_trail")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    pub sealed: Vec<u8>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

const ROW: Row = Row { purpose: DataPurpose::Operation, retention: Retention::Instance };

impl Classified for Entity {
    const ERASE: EraseRule<Column> = EraseRule::Stays;

    fn class(column: Column) -> DataClass {
        match column {
            Column::Name | Column::Sealed => ROW.impersonal(),
        }
    }
}

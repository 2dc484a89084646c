//! An account whose keys were all destroyed, by the hash of its id: no key is made for it again.

use sea_orm::entity::prelude::*;
use waxseal_model::data_class::{DataClass, DataPurpose, Retention};

use crate::entity::{
    class::{Classified, Row},
    erase::EraseRule,
};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "ring_graves")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub account_hash: Vec<u8>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

const ROW: Row = Row { purpose: DataPurpose::Erasure, retention: Retention::Instance };

impl Classified for Entity {
    const ERASE: EraseRule<Column> = EraseRule::Stays;

    fn class(column: Column) -> DataClass {
        match column {
            // The hash of a random number that is nowhere any more.
            Column::AccountHash => ROW.impersonal(),
        }
    }
}

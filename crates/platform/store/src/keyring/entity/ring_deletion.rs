//! What was deleted one by one, ended or replaced: for as long as a backup from before can be restored.

use sea_orm::entity::prelude::*;
use waxseal_model::data_class::{Category, DataClass, DataPurpose, Retention, Subject};

use crate::entity::{
    class::{Classified, Row},
    erase::EraseRule,
};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "ring_deletions")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub number: i64,
    pub kind: String,
    pub account: Vec<u8>,
    pub id: Vec<u8>,
    pub profile: Option<Vec<u8>>,
    pub password: Option<Vec<u8>>,
    pub at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

const ROW: Row = Row { purpose: DataPurpose::Erasure, retention: Retention::Backups };

impl Classified for Entity {
    const ERASE: EraseRule<Column> = EraseRule::RowsOf(Column::Account);

    fn class(column: Column) -> DataClass {
        match column {
            Column::Number | Column::Kind | Column::At => ROW.internal(Subject::Customer),
            Column::Account => ROW.reference(Subject::Customer),
            // The row's own id, of several one after another; of a suppression what it is found by, a keyed hash in it.
            Column::Id => ROW.reference(Subject::CustomerAndRecipient),
            // The values that are in force. They rest under the keys under which they rest in their own tables.
            Column::Profile => ROW.secret(Subject::Customer, Category::Account),
            Column::Password => ROW.secret(Subject::Customer, Category::Password),
        }
    }
}

//! A sending domain, found by the keyed hash of its name.

use sea_orm::entity::prelude::*;
use waxseal_model::data_class::{Category, DataClass, DataPurpose, Retention, Subject};

use crate::entity::{
    class::{Classified, Row},
    erase::EraseRule,
};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "domains")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Vec<u8>,
    pub account: Vec<u8>,
    pub name: Vec<u8>,
    pub kind: String,
    pub state: String,
    pub require_tls: bool,
    pub skip_verification: bool,
    pub message_ttl_secs: i64,
    pub return_path_key: Vec<u8>,
    pub created_at: i64,
    pub name_hash: Vec<u8>,
    pub details: Option<Vec<u8>>,
    pub tend_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

const ROW: Row = Row { purpose: DataPurpose::Account, retention: Retention::Owner };

impl Classified for Entity {
    const ERASE: EraseRule<Column> = EraseRule::RowsOf(Column::Account);

    fn class(column: Column) -> DataClass {
        match column {
            Column::Id | Column::Account => ROW.clear(Subject::Customer, Category::UniqueId),
            Column::Name => ROW.sealed_by_account(Subject::Customer, Category::Url),
            Column::Details => ROW.sealed_by_account(Subject::Customer, Category::Settings),
            Column::NameHash => ROW.hashed(Subject::Customer),
            Column::Kind
            | Column::State
            | Column::RequireTls
            | Column::SkipVerification
            | Column::MessageTtlSecs
            | Column::TendAt
            | Column::CreatedAt => ROW.clear(Subject::Customer, Category::Settings),
            Column::ReturnPathKey => ROW.secret(Subject::Customer, Category::SystemAuthentication),
        }
    }
}

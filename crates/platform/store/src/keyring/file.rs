//! The keyring's file: opening, schema, and whether the master key fits it.

mod schema;

use std::path::Path;

use sea_orm::{DatabaseConnection, EntityTrait, IntoActiveModel};
use sea_orm_migration::prelude::*;
use waxseal_model::Random;

use super::{entity::ring_mark, master::Master};
use crate::{
    engine::sqlite,
    error::OpenError,
    migration::column::{bytes, counter, int, long, table, text, unique},
};

const MARK: &str = "master";
const MARK_VALUE: &[u8] = b"waxseal keyring";

/// Opens or makes the file and brings its schema up to date.
pub(crate) async fn open(path: &Path) -> Result<DatabaseConnection, OpenError> {
    let db = sqlite::connect(path, sqlite::Use::Alone).await?;
    Migrator::up(&db, None).await.map_err(|error| OpenError::Database(error.to_string()))?;
    Ok(db)
}

/// Brings an empty file to the schema after these migrations; `false` if they are not the first ones known.
pub(crate) async fn up(db: &DatabaseConnection, applied: &[String]) -> Result<bool, OpenError> {
    let known = Migrator::migrations();
    let mut first: Vec<&str> = known.iter().take(applied.len()).map(|step| step.name()).collect();
    first.sort_unstable();
    if applied.is_empty() || first != applied {
        return Ok(false);
    }
    // Named in full: the migration library has a `TryFrom` of its own.
    let steps = <u32 as TryFrom<usize>>::try_from(applied.len()).unwrap_or(u32::MAX);
    Migrator::up(db, Some(steps)).await.map_err(|error| OpenError::Database(error.to_string()))?;
    Ok(true)
}

/// Whether the file was made with this master key; a new file is marked with it.
pub(crate) async fn check_master(
    db: &DatabaseConnection,
    master: &Master,
    random: &dyn Random,
) -> Result<(), OpenError> {
    let failed = |error: DbErr| OpenError::Database(error.to_string());
    let known = ring_mark::Entity::find_by_id(MARK).one(db).await.map_err(failed)?;
    match known {
        Some(mark) if master.wrapping().open(MARK.as_bytes(), &mark.sealed).is_some() => Ok(()),
        Some(_) => Err(OpenError::MasterKey(
            "it is not the one that keys.db was made with; nothing can be read without the right one, \
             so put the right key back (or start with an empty data folder)"
                .into(),
        )),
        None => {
            let sealed = master
                .wrapping()
                .seal(random, MARK.as_bytes(), MARK_VALUE)
                .ok_or_else(|| OpenError::MasterKey("sealing failed".into()))?;
            let mark = ring_mark::Model { name: MARK.to_owned(), sealed }.into_active_model();
            ring_mark::Entity::insert(mark).exec_without_returning(db).await.map_err(failed)?;
            Ok(())
        }
    }
}

/// The keyring's migrations.
struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(First),
            Box::new(Graves),
            Box::new(EpochColumn),
            Box::new(schema::Erasures),
            Box::new(super::trail::Trail),
            Box::new(super::deletions::Deletions),
        ]
    }
}

/// Accounts for which no key is made again.
struct Graves;

impl MigrationName for Graves {
    fn name(&self) -> &str {
        "k0002_graves"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Graves {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(table("ring_graves", [bytes("account")], &["account"])).await
    }
}

/// Which epoch a key is wrapped under; 0 is the master key itself.
struct EpochColumn;

impl MigrationName for EpochColumn {
    fn name(&self) -> &str {
        "k0002_epochs"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for EpochColumn {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut epoch = long("epoch").default(0).to_owned();
        manager.alter_table(Table::alter().table("ring_keys").add_column(&mut epoch).to_owned()).await
    }
}

/// The first schema of the keyring.
struct First;

impl MigrationName for First {
    fn name(&self) -> &str {
        "k0001_first"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for First {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(table(
                "ring_keys",
                [counter("id"), text("class"), bytes("account"), int("day"), bytes("wrapped")],
                &[],
            ))
            .await?;
        manager.create_index(unique("ring_keys_name", "ring_keys", &["class", "account", "day"])).await?;
        manager.create_table(table("ring_marks", [text("name"), bytes("sealed")], &["name"])).await
    }
}

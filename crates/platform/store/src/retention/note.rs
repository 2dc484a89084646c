//! Facts of the instance itself.

use std::time::Duration;

use sea_orm::{
    DbErr, EntityTrait, IntoActiveModel,
    sea_query::{Expr, ExprTrait, OnConflict},
};
use waxseal_model::{Timestamp, clock::Boot};

use crate::{
    entity::instance_note,
    error::StoreError,
    open::Store,
    rows::time,
    writer::{Effects, Tx},
};

const CLOCK: &str = "clock";
const BOOT: &str = "clock noted in the boot";
const UP: &str = "clock noted after";
const PAUSE: &str = "purging paused at";

impl Store {
    /// The wall-clock time noted last by [`Store::note_clock`], to see a jump across a restart.
    pub async fn noted_clock(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.note(CLOCK).await?.map(time))
    }

    /// The start of the machine in which that was noted, and how long ago it was then.
    pub async fn noted_boot(&self) -> Result<Option<Boot>, StoreError> {
        let (id, up) = (self.note(BOOT).await?, self.note(UP).await?);
        Ok(id.zip(up).map(|(id, up)| Boot { id, up: Duration::from_micros(up.unsigned_abs()) }))
    }

    /// Notes the wall-clock time, and how long the machine runs.
    pub async fn note_clock(&self, now: Timestamp) -> Result<(), StoreError> {
        let boot = self.inner.clock.boot();
        let up = boot.and_then(|boot| i64::try_from(boot.up.as_micros()).ok());
        // First without: a crash between them leaves a time that says less, and none that says something wrong.
        self.write_note(BOOT, None).await?;
        self.write_note(CLOCK, Some(now.as_micros())).await?;
        self.write_note(UP, up).await?;
        self.write_note(BOOT, boot.map(|boot| boot.id)).await
    }

    /// Since when (by the wall clock) purging is paused, if it is: it stays so across restarts.
    pub async fn purging_paused(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.note(PAUSE).await?.map(time))
    }

    /// Notes that purging is paused, or that it goes on.
    pub async fn note_purging_paused(&self, since: Option<Timestamp>) -> Result<(), StoreError> {
        self.write_note(PAUSE, since.map(Timestamp::as_micros)).await
    }

    /// The value of a note.
    pub(crate) async fn note(&self, name: &'static str) -> Result<Option<i64>, StoreError> {
        let row = instance_note::Entity::find_by_id(name).one(&self.inner.readers).await?;
        Ok(row.map(|row| row.value))
    }

    /// Writes or removes a note.
    pub(crate) async fn write_note(&self, name: &'static str, value: Option<i64>) -> Result<(), StoreError> {
        self.inner
            .writer
            .write(Effects::default(), move |tx| {
                Box::pin(async move {
                    let Some(value) = value else {
                        instance_note::Entity::delete_by_id(name).exec(tx).await?;
                        return Ok(());
                    };
                    Ok(put_note(tx, name, value).await?)
                })
            })
            .await
    }
}

/// Writes a note in a transaction.
pub(crate) async fn put_note(tx: &Tx, name: &'static str, value: i64) -> Result<(), DbErr> {
    insert(tx, name, value, replacing()).await
}

/// Writes a note whose name is made as it is needed.
pub(crate) async fn insert_note(tx: &Tx, name: &str, value: i64) -> Result<(), DbErr> {
    insert(tx, name, value, replacing()).await
}

/// Moves a note on, in the transaction of that which it tells of. It never goes back.
pub(crate) async fn advance_note(tx: &Tx, name: &str, value: i64) -> Result<(), StoreError> {
    let known = Expr::col((instance_note::Entity, instance_note::Column::Value));
    Ok(insert(tx, name, value, replacing().action_and_where(known.lt(value)).to_owned()).await?)
}

fn replacing() -> OnConflict {
    OnConflict::column(instance_note::Column::Name).update_column(instance_note::Column::Value).to_owned()
}

async fn insert(tx: &Tx, name: &str, value: i64, there: OnConflict) -> Result<(), DbErr> {
    let row = instance_note::Model { name: name.to_owned(), value }.into_active_model();
    instance_note::Entity::insert(row).on_conflict(there).exec_without_returning(tx).await?;
    Ok(())
}

//! Facts of the instance itself.

use sea_orm::{EntityTrait, IntoActiveModel, sea_query::OnConflict};
use waxseal_model::Timestamp;

use crate::{entity::instance_note, error::StoreError, open::Store, rows::time, writer::Effects};

const CLOCK: &str = "clock";
const PAUSE: &str = "purging paused at";

impl Store {
    /// The wall-clock time noted last by [`Store::note_clock`], to see a jump across a restart.
    pub async fn noted_clock(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.note(CLOCK).await?.map(time))
    }

    /// Notes the wall-clock time.
    pub async fn note_clock(&self, now: Timestamp) -> Result<(), StoreError> {
        self.write_note(CLOCK, Some(now.as_micros())).await
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
                    let row = instance_note::Model { name: name.to_owned(), value }.into_active_model();
                    instance_note::Entity::insert(row)
                        .on_conflict(
                            OnConflict::column(instance_note::Column::Name)
                                .update_column(instance_note::Column::Value)
                                .to_owned(),
                        )
                        .exec_without_returning(tx)
                        .await?;
                    Ok(())
                })
            })
            .await
    }
}

//! Facts of the instance itself.

use sea_orm::{EntityTrait, IntoActiveModel, sea_query::OnConflict};
use waxseal_model::Timestamp;

use crate::{entity::instance_note, error::StoreError, open::Store, rows::time, writer::Effects};

const CLOCK: &str = "clock";

impl Store {
    /// The wall-clock time noted last by [`Store::note_clock`], to see a jump across a restart.
    pub async fn noted_clock(&self) -> Result<Option<Timestamp>, StoreError> {
        let row = instance_note::Entity::find_by_id(CLOCK).one(&self.inner.readers).await?;
        Ok(row.map(|row| time(row.value)))
    }

    /// Notes the wall-clock time.
    pub async fn note_clock(&self, now: Timestamp) -> Result<(), StoreError> {
        self.write_note(CLOCK, now.as_micros()).await
    }

    /// Writes a note.
    pub(crate) async fn write_note(&self, name: &'static str, value: i64) -> Result<(), StoreError> {
        let row = instance_note::Model { name: name.to_owned(), value }.into_active_model();
        self.inner
            .writer
            .write(Effects::default(), move |tx| {
                Box::pin(async move {
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

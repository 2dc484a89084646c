//! What operators changed of what providers get, while the server runs: numbers under a provider's name, and nothing
//! about anybody. They lie with the notes of the instance.

use std::collections::BTreeMap;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use waxseal_model::Timestamp;

use crate::{
    entity::instance_note::{Column, Entity},
    error::StoreError,
    open::Store,
    retention::insert_note,
    rows::time,
    writer::Effects,
};

/// What these notes are called: this, the provider, a field.
const PREFIX: &str = "shaping:";

/// What an operator said that a provider gets; where nothing is said the table counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ShapingOverride {
    /// Connections at once.
    pub connections: Option<u32>,
    /// Messages over one connection.
    pub messages_per_connection: Option<u32>,
    /// Messages in a minute.
    pub messages_per_minute: Option<u32>,
    /// From then on the table counts again.
    pub until: Option<Timestamp>,
}

impl ShapingOverride {
    fn fields(&self) -> [(&'static str, Option<i64>); 4] {
        [
            ("connections", self.connections.map(i64::from)),
            ("messages_per_connection", self.messages_per_connection.map(i64::from)),
            ("messages_per_minute", self.messages_per_minute.map(i64::from)),
            ("until", self.until.map(Timestamp::as_micros)),
        ]
    }

    fn read(&mut self, field: &str, value: i64) {
        let number = u32::try_from(value).ok();
        match field {
            "connections" => self.connections = number,
            "messages_per_connection" => self.messages_per_connection = number,
            "messages_per_minute" => self.messages_per_minute = number,
            "until" => self.until = Some(time(value)),
            _ => {}
        }
    }
}

impl Store {
    /// What operators changed, by provider; also what is over.
    pub async fn shaping_overrides(&self) -> Result<BTreeMap<String, ShapingOverride>, StoreError> {
        let rows: Vec<(String, i64)> = Entity::find()
            .select_only()
            .columns([Column::Name, Column::Value])
            .filter(Column::Name.starts_with(PREFIX))
            .into_tuple()
            .all(&self.inner.readers)
            .await?;
        let mut overrides = BTreeMap::<String, ShapingOverride>::new();
        for (name, value) in rows {
            let named = name.strip_prefix(PREFIX).and_then(|rest| rest.split_once(':'));
            if let Some((provider, field)) = named {
                overrides.entry(provider.to_owned()).or_default().read(field, value);
            }
        }
        Ok(overrides)
    }

    /// Puts this in the place of what was said of the provider before; `None`: the table counts again. A provider is called
    /// as in the table: with letters, digits and hyphens.
    pub async fn set_shaping_override(
        &self,
        provider: &str,
        said: Option<ShapingOverride>,
    ) -> Result<(), StoreError> {
        let prefix = format!("{PREFIX}{provider}:");
        let fields = said.unwrap_or_default().fields();
        self.inner
            .writer
            .write(Effects::default(), move |tx| {
                Box::pin(async move {
                    Entity::delete_many().filter(Column::Name.starts_with(&prefix)).exec(tx).await?;
                    for (field, value) in fields {
                        if let Some(value) = value {
                            insert_note(tx, &format!("{prefix}{field}"), value).await?;
                        }
                    }
                    Ok(())
                })
            })
            .await
    }
}

//! A line of an export as a row of this instance.

use std::{collections::BTreeMap, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sea_orm::{ActiveModelTrait, ActiveValue, IdenStatic, Iterable, Value};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use waxseal_model::{
    AccountId, EventId, MessageId, Timestamp,
    data_class::{AtRest, Export},
    event::EventDetails,
    options::DeliveryOptions,
};

use super::{ImportError, MakeDkim, day_of};
use crate::{
    account::AccountProfile,
    domain::DkimAlgorithm,
    entity::class::Classified,
    event_log::header_hash,
    export::form::{Form, form, place},
    message::Envelope,
    open::Store,
    queue::HELD,
    relay::RelayLogin,
    request::RequestDetails,
    rows::RowId,
    seal::{DataKey, Pepper},
    suppression::{SuppressionDetails, address_hash},
    vault::Slot,
};

/// The members of a line.
struct Line<'a> {
    table: &'static str,
    members: BTreeMap<String, &'a RawValue>,
}

impl Line<'_> {
    fn wrong(&self, column: &'static str) -> ImportError {
        ImportError::Line { table: self.table, column }
    }

    fn get<T: DeserializeOwned>(&self, column: &'static str) -> Result<T, ImportError> {
        let raw = self.members.get(column).ok_or_else(|| self.wrong(column))?;
        serde_json::from_str(raw.get()).map_err(|_| self.wrong(column))
    }

    fn is_null(&self, column: &str) -> bool {
        self.members.get(column).is_some_and(|raw| raw.get() == "null")
    }

    fn time(&self, column: &'static str) -> Result<Timestamp, ImportError> {
        let time: jiff::Timestamp = self.get::<String>(column)?.parse().map_err(|_| self.wrong(column))?;
        Ok(Timestamp::from_micros(time.as_microsecond()))
    }

    fn message(&self, column: &'static str) -> Result<MessageId, ImportError> {
        self.get::<String>(column)?.parse().map_err(|_| self.wrong(column))
    }

    /// A value that rests in the clear.
    fn plain(&self, column: &'static str, form: Form) -> Result<Option<Value>, ImportError> {
        if self.is_null(column) {
            return Ok(None);
        }
        Ok(Some(match form {
            Form::Id => {
                let id: EventId = self.get::<String>(column)?.parse().map_err(|_| self.wrong(column))?;
                Value::from(id.to_row())
            }
            Form::Time => Value::from(self.time(column)?.as_micros()),
            Form::Number => Value::from(self.get::<i64>(column)?),
            Form::Flag => Value::from(self.get::<bool>(column)?),
            Form::Json => {
                self.get::<DeliveryOptions>(column)?;
                Value::from(self.raw(column)?.to_owned())
            }
            Form::Base64 => {
                let bytes = STANDARD.decode(self.get::<String>(column)?).map_err(|_| self.wrong(column))?;
                Value::from(bytes)
            }
            Form::Text | Form::File => Value::from(self.get::<String>(column)?),
        }))
    }

    fn raw(&self, column: &'static str) -> Result<&str, ImportError> {
        self.members.get(column).map(|raw| raw.get()).ok_or_else(|| self.wrong(column))
    }

    /// What is to be sealed: JSON is read to see that it can be, and kept as it is.
    fn opened(&self, column: &'static str, form: Form) -> Result<Vec<u8>, ImportError> {
        if form != Form::Json {
            return Ok(self.get::<String>(column)?.into_bytes());
        }
        match (self.table, column) {
            ("accounts", _) => drop(self.get::<AccountProfile>(column)?),
            ("suppressions", _) => drop(self.get::<SuppressionDetails>(column)?),
            ("privacy_requests", _) => drop(self.get::<RequestDetails>(column)?),
            (_, "envelope") => drop(self.get::<Envelope>(column)?),
            _ => drop(self.get::<EventDetails>(column)?),
        }
        Ok(self.raw(column)?.as_bytes().to_vec())
    }
}

impl Store {
    /// The row of a line; `None` if nothing can be made of it here.
    pub(super) async fn row_of<E: Classified>(
        &self,
        table: &'static str,
        account: AccountId,
        line: &[u8],
        make_dkim: &MakeDkim,
    ) -> Result<Option<E::ActiveModel>, ImportError> {
        let members =
            serde_json::from_slice(line).map_err(|_| ImportError::Line { table, column: "a line" })?;
        let line = Line { table, members };
        let without = ["idempotency_keys", "archive_jobs"].contains(&table)
            || (table == "suppressions" && line.is_null("address"));
        if without {
            return Ok(None);
        }
        let own = if table == "accounts" { "id" } else { "account" };
        let named: AccountId = line.get::<String>(own)?.parse().map_err(|_| line.wrong(own))?;
        if named != account {
            return Err(line.wrong(own));
        }
        let pepper = self.inner.keyring.pepper(account).await?;
        let mut row = <E::ActiveModel as ActiveModelTrait>::default();
        let mut sealed = Vec::new();
        for column in E::Column::iter() {
            let (class, name) = (E::class(column), column.as_str());
            if matches!(class.at_rest, AtRest::SealedByAccount | AtRest::SealedByDay) {
                sealed.push(column);
            } else if class.export == Export::Yes {
                let value = line.plain(name, form::<E>(column))?;
                self.set::<E>(&mut row, &line, column, value)?;
            } else if let Some(value) = self.made(&line, name, &pepper)? {
                self.set::<E>(&mut row, &line, column, value)?;
            }
        }
        if table == "dkim_keys" {
            let kind: String = line.get("algorithm")?;
            let kind = DkimAlgorithm::parse(&kind).ok_or_else(|| line.wrong("algorithm"))?;
            let make = Arc::clone(make_dkim);
            // Finding primes takes a core for a while.
            let made = tokio::task::spawn_blocking(move || make(kind)).await;
            let (private, public) = made.ok().flatten().ok_or(ImportError::Dkim)?;
            let key = self.inner.keyring.account_key(account).await?;
            let id = self.place_of::<E>(&row, table);
            let private = zeroize::Zeroizing::new(private);
            let selector = line.opened("selector", Form::Text)?;
            let parts = [("private_key", &*private), ("public_key", &public), ("selector", &selector)];
            for (name, opened) in parts {
                let value = self.inner.seal(&key, Slot::new(table, name), account, &id, opened)?;
                self.put::<E>(&mut row, &line, name, Value::from(value))?;
            }
            return Ok(Some(row));
        }
        if table == "access_grants" && line.is_null("closed_at") {
            let now = self.inner.clock.now();
            if line.time("expires_at")? > now {
                // Whoever ran the other instance asked for it there: nobody looks under it here.
                self.put::<E>(&mut row, &line, "closed_at", Value::from(now.as_micros()))?;
            }
        }
        if sealed.is_empty() {
            return Ok(Some(row));
        }
        let place = self.place_of::<E>(&row, table);
        let key = self.sealing(&line, account).await?;
        for column in sealed {
            let name = column.as_str();
            let opened = match (table, name) {
                // Of a length and form that no password has.
                ("smtp_credentials", "password_hash") => b"none: taken over without its password".to_vec(),
                ("domains", "return_path_key") => self.chance().to_vec(),
                // Nobody gets in by it: the relay refuses, and mail waits until its password is set again.
                ("relays", "credentials") if !line.is_null("login") => {
                    RelayLogin { user: line.get("login")?, password: String::new() }.to_bytes()
                }
                ("relays", "credentials") => {
                    self.set::<E>(&mut row, &line, column, None)?;
                    continue;
                }
                _ if line.is_null(name) => {
                    self.set::<E>(&mut row, &line, column, None)?;
                    continue;
                }
                _ => line.opened(name, form::<E>(column))?,
            };
            let opened = zeroize::Zeroizing::new(opened);
            let value = self.inner.seal(&key, Slot::new(table, name), account, &place, &opened)?;
            self.set::<E>(&mut row, &line, column, Some(Value::from(value)))?;
        }
        Ok(Some(row))
    }

    /// What an export does not hold: hashes are made of what it does hold, the rest is new. `None`: the database's.
    fn made(
        &self,
        line: &Line<'_>,
        column: &'static str,
        pepper: &Pepper,
    ) -> Result<Option<Option<Value>>, ImportError> {
        let of_message = |details: EventDetails| {
            let id = details.message.message_id;
            (!id.is_empty()).then(|| Value::from(header_hash(pepper, &id)))
        };
        Ok(match (line.table, column) {
            ("events", "seq") | ("access_grants" | "privacy_requests", _) => None,
            ("events", "recipient_hash") => {
                let recipient = line.get::<EventDetails>("details")?.recipient;
                Some(recipient.map(|address| Value::from(address_hash(pepper, &address))))
            }
            ("events", _) => Some(of_message(line.get("details")?)),
            // No copy leaves by being taken over.
            ("messages", "archive") => Some(Some(Value::from(false))),
            ("messages", _) => {
                let details: EventDetails = line.get("template")?;
                Some(Some(Value::from(header_hash(pepper, &details.message.message_id))))
            }
            ("inbox_items", _) => {
                let envelope: Envelope = line.get("envelope")?;
                Some(Some(Value::from(address_hash(pepper, &envelope.recipient))))
            }
            ("suppressions", _) => {
                Some(Some(Value::from(address_hash(pepper, &line.get::<String>("address")?))))
            }
            ("domains", _) => {
                let name: String = line.get("name")?;
                Some(Some(Value::from(self.inner.keyring.name_hash(&name))))
            }
            ("smtp_credentials", _) => {
                let login: String = line.get("login")?;
                Some(Some(Value::from(self.inner.keyring.login_hash(&login.to_lowercase()))))
            }
            ("api_keys", _) => Some(Some(Value::from(self.chance().to_vec()))),
            ("queue_entries", "destination") => {
                let envelope: Envelope = line.get("envelope")?;
                let destination = self.inner.keyring.destination_hash(envelope.recipient_domain());
                Some(Some(Value::from(destination)))
            }
            // Nothing leaves by being taken over.
            ("queue_entries", "ready_at") => Some(Some(Value::from(HELD.as_micros()))),
            ("queue_entries", _) => Some(None),
            _ => return Err(line.wrong(column)),
        })
    }

    async fn sealing(&self, line: &Line<'_>, account: AccountId) -> Result<Arc<DataKey>, ImportError> {
        let ring = &self.inner.keyring;
        Ok(match line.table {
            "accounts" => ring.profile_key(account).await?,
            "smtp_credentials" => ring.login_key(account).await?,
            "messages" => ring.event_key(account, line.time("created_at")?.day()).await?,
            "queue_entries" => ring.event_key(account, line.time("accepted_at")?.day()).await?,
            "privacy_requests" => ring.request_key(account, line.time("received_at")?.day()).await?,
            "events" => ring.event_key(account, line.time("at")?.day()).await?,
            // Its key lives as long as the body does.
            "inbox_items" => ring.content_key(account, day_of(line.message("message")?)).await?,
            _ => ring.account_key(account).await?,
        })
    }

    fn chance(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        self.inner.random.fill(&mut bytes);
        bytes
    }

    /// What the sealed values of a row are bound to.
    fn place_of<E: Classified>(&self, row: &E::ActiveModel, table: &str) -> Vec<u8> {
        let named = |name: &str| E::Column::iter().find(|column| column.as_str() == name);
        let mut bytes = Vec::new();
        for column in place(table).iter().filter_map(|name| named(name)) {
            match row.get(column) {
                ActiveValue::Set(Value::Bytes(Some(value))) => bytes.extend(value),
                ActiveValue::Set(Value::String(Some(value))) => bytes.extend(value.into_bytes()),
                _ => {}
            }
        }
        bytes
    }

    fn put<E: Classified>(
        &self,
        row: &mut E::ActiveModel,
        line: &Line<'_>,
        name: &'static str,
        value: Value,
    ) -> Result<(), ImportError> {
        let column = E::Column::iter().find(|column| column.as_str() == name);
        self.set::<E>(row, line, column.ok_or_else(|| line.wrong(name))?, Some(value))
    }

    /// Sets a column. A number of 64 bits becomes one of 32 where the column has them; a null is of its kind.
    fn set<E: Classified>(
        &self,
        row: &mut E::ActiveModel,
        line: &Line<'_>,
        column: E::Column,
        value: Option<Value>,
    ) -> Result<(), ImportError> {
        use sea_orm::{ColumnTrait as _, sea_query::ColumnType};
        let name = column.as_str();
        let kind = column.def().get_column_type().clone();
        let value = match (value, kind) {
            (Some(Value::BigInt(Some(number))), ColumnType::Integer) => {
                Value::from(i32::try_from(number).map_err(|_| line.wrong(name))?)
            }
            (Some(value), _) => value,
            (None, ColumnType::BigInteger) => Value::BigInt(None),
            (None, ColumnType::Text | ColumnType::String(_)) => Value::String(None),
            (None, _) => Value::Bytes(None),
        };
        row.try_set(column, value).map_err(|_| line.wrong(name))
    }
}

//! A row as a line of JSON: an object with a member for each exported column.

use std::sync::Arc;

use sea_orm::{IdenStatic, Iterable, ModelTrait, Value};
use waxseal_model::{
    AccountId, EventId, MessageId, Sealed, comparable,
    data_class::{AtRest, Export},
    event::EventDetails,
};
use zeroize::Zeroizing;

use super::{
    form::{Form, form, place},
    page::ExportedRow,
    scope::Scope,
};
use crate::{
    content::Content,
    entity::class::Classified,
    erasure::recipient::canonical,
    error::StoreError,
    message::Envelope,
    open::Store,
    request::RequestDetails,
    rows::{RowId, from_json, time, to_json},
    vault::Slot,
};

impl Store {
    /// The row, unless it is not about whom the export is about, or its key is destroyed.
    pub(super) async fn exported<E: Classified>(
        &self,
        scope: &Scope,
        row: &E::Model,
    ) -> Result<Option<ExportedRow>, StoreError>
    where
        E::Model: Sync,
    {
        let table = E::default().table_name();
        let mut line = Line::default();
        let mut content = None;
        for column in E::Column::iter() {
            let class = E::class(column);
            if class.export != Export::Yes {
                continue;
            }
            let name = column.as_str();
            let corrupt = || StoreError::Corrupt { table, column: name };
            let mut value = row.get(column);
            if matches!(class.at_rest, AtRest::SealedByAccount | AtRest::SealedByDay)
                && let Value::Bytes(Some(sealed)) = &value
            {
                // An erased recipient's suppression has no address left to open.
                if sealed.is_empty() {
                    line.add(name, b"null");
                    continue;
                }
                let slot = Slot::new(table, name);
                let opened = match self.inner.open(slot, scope.account(), &place_of::<E>(row), sealed).await {
                    Err(StoreError::Erased) => return Ok(None),
                    outcome => outcome?,
                };
                match form::<E>(column) {
                    Form::Json => {
                        let Some(json) = seen_by(scope, table, name, &opened)? else { return Ok(None) };
                        line.add(name, &json);
                        continue;
                    }
                    Form::File => {
                        let bytes = bytes_of::<E>(row, "message");
                        let id = MessageId::from_row(&bytes, table, "message")?;
                        let mime = Sealed::new(opened.to_vec());
                        let openings = Arc::clone(&self.inner.openings);
                        content = Some((id, Content::new(scope.account(), mime, openings)));
                        continue;
                    }
                    Form::Base64 => value = Value::Bytes(Some(opened.to_vec())),
                    _ => {
                        let text = String::from_utf8(opened.to_vec()).map_err(|_| corrupt())?;
                        value = Value::String(Some(text));
                    }
                }
            }
            line.add(name, &plain(form::<E>(column), value).ok_or_else(corrupt)?);
        }
        Ok(Some(ExportedRow { line: Sealed::new(line.end()), content }))
    }
}

/// A line under way.
#[derive(Default)]
struct Line(Vec<u8>);

impl Line {
    fn add(&mut self, name: &str, json: &[u8]) {
        self.0.extend_from_slice(if self.0.is_empty() { b"{\"" } else { b",\"" });
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b"\":");
        self.0.extend_from_slice(json);
    }

    fn end(mut self) -> Vec<u8> {
        self.0.extend_from_slice(b"}\n");
        self.0
    }
}

/// A value that rests in the clear, or a text that was opened, as JSON.
fn plain(form: Form, value: Value) -> Option<Vec<u8>> {
    let json = match (form, value) {
        (
            _,
            Value::Bytes(None)
            | Value::BigInt(None)
            | Value::Int(None)
            | Value::Bool(None)
            | Value::String(None),
        ) => serde_json::Value::Null,
        (Form::Id, Value::Bytes(Some(bytes))) => EventId::from_row(&bytes, "", "").ok()?.to_string().into(),
        (Form::Base64, Value::Bytes(Some(bytes))) => {
            use base64::{Engine as _, engine::general_purpose::STANDARD};
            STANDARD.encode(bytes).into()
        }
        (Form::Time, Value::BigInt(Some(micros))) => time(micros).to_jiff().to_string().into(),
        (Form::Number, Value::BigInt(Some(number))) => number.into(),
        (Form::Number, Value::Int(Some(number))) => number.into(),
        (Form::Flag, Value::Bool(Some(flag))) => flag.into(),
        (Form::Text, Value::String(Some(text))) => text.into(),
        (Form::Json, Value::String(Some(text))) => return Some(text.into_bytes()),
        _ => return None,
    };
    serde_json::to_vec(&json).ok()
}

/// Opened JSON as whom the export is about may see it; `None` if it is about somebody else. Of a message to several,
/// the others are taken out of what is told of it.
fn seen_by(
    scope: &Scope,
    table: &'static str,
    column: &'static str,
    opened: &Zeroizing<Vec<u8>>,
) -> Result<Option<Vec<u8>>, StoreError> {
    let Some(address) = scope.person() else { return Ok(Some(opened.to_vec())) };
    match (table, column) {
        ("events" | "messages", _) => {
            let mut details: EventDetails = from_json(opened, table, column)?;
            super::scope::without_others(&mut details, address);
            to_json(&details, table, column).map(Some)
        }
        ("privacy_requests", _) => {
            let details: RequestDetails = from_json(opened, table, column)?;
            Ok((comparable(&details.from) == address).then(|| opened.to_vec()))
        }
        ("queue_entries", "envelope") => {
            let envelope: Envelope = from_json(opened, table, column)?;
            Ok((canonical(&envelope.recipient) == address).then(|| opened.to_vec()))
        }
        _ => Ok(Some(opened.to_vec())),
    }
}

/// What the row's sealed values are bound to.
fn place_of<E: Classified>(row: &E::Model) -> Vec<u8> {
    place(E::default().table_name()).iter().flat_map(|name| bytes_of::<E>(row, name)).collect()
}

fn bytes_of<E: Classified>(row: &E::Model, name: &str) -> Vec<u8> {
    let column = E::Column::iter().find(|column| column.as_str() == name);
    match column.map(|column| row.get(column)) {
        Some(Value::Bytes(Some(bytes))) => bytes,
        Some(Value::String(Some(text))) => text.into_bytes(),
        _ => Vec::new(),
    }
}

impl Scope {
    /// The account whose rows they are.
    pub(crate) const fn account(&self) -> AccountId {
        self.account
    }
}

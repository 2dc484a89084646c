//! Parameters as one JSON object: a value is a text, a number, a boolean, or a list of such; objects
//! (`recipient-variables`) stay JSON text.

use std::fmt;

use serde::{
    Deserialize,
    de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::field::{Field, FormError, MAX_NAME};

/// Deepest nesting of lists and objects.
const MAX_DEPTH: usize = 64;

/// The fields of a JSON body.
pub(crate) fn fields(body: &[u8], max_fields: usize) -> Result<Vec<Field>, FormError> {
    if depth(body) > MAX_DEPTH {
        return Err(FormError::Json);
    }
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let pairs = Pairs { max: max_fields }.deserialize(&mut deserializer).map_err(|_| FormError::Json)?;
    deserializer.end().map_err(|_| FormError::Json)?;
    let mut fields = Vec::new();
    for (name, value) in pairs {
        if name.len() > MAX_NAME {
            return Err(FormError::LongName);
        }
        for bytes in values(value.get(), max_fields)? {
            if fields.len() >= max_fields {
                return Err(FormError::TooMany);
            }
            fields.push(Field::named(&name, bytes));
        }
    }
    Ok(fields)
}

/// The objects of a JSON list, each as its fields. More than `max_rows` are refused.
pub(crate) fn rows(body: &[u8], max_fields: usize, max_rows: usize) -> Result<Vec<Vec<Field>>, FormError> {
    if depth(body) > MAX_DEPTH {
        return Err(FormError::Json);
    }
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let rows = Items { max: max_rows }.deserialize(&mut deserializer).map_err(|_| FormError::Json)?;
    deserializer.end().map_err(|_| FormError::Json)?;
    rows.into_iter().map(|row| fields(row.get().as_bytes(), max_fields)).collect()
}

fn values(raw: &str, max: usize) -> Result<Vec<Vec<u8>>, FormError> {
    if raw.starts_with('[') {
        let mut deserializer = serde_json::Deserializer::from_str(raw);
        let items = Items { max }.deserialize(&mut deserializer).map_err(|_| FormError::Json)?;
        return items.iter().filter_map(|item| single(item.get()).transpose()).collect();
    }
    Ok(single(raw)?.into_iter().collect())
}

fn single(raw: &str) -> Result<Option<Vec<u8>>, FormError> {
    match raw {
        "null" => Ok(None),
        text if text.starts_with('"') => {
            let text = String::deserialize(&mut serde_json::Deserializer::from_str(text));
            text.map(|text| Some(text.into_bytes())).map_err(|_| FormError::Json)
        }
        other => Ok(Some(other.as_bytes().to_vec())),
    }
}

/// How deep lists and objects are nested.
fn depth(body: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0usize, 0);
    let (mut in_text, mut escaped) = (false, false);
    for byte in body {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// The members of an object, at most so many, values unread.
struct Pairs {
    max: usize,
}

impl<'de> DeserializeSeed<'de> for Pairs {
    type Value = Vec<(String, &'de RawValue)>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Pairs {
    type Value = Vec<(String, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = map.next_entry()? {
            if pairs.len() >= self.max {
                return Err(A::Error::custom("too many members"));
            }
            pairs.push(pair);
        }
        Ok(pairs)
    }
}

/// The items of a list, at most so many, unread.
struct Items {
    max: usize,
}

impl<'de> DeserializeSeed<'de> for Items {
    type Value = Vec<&'de RawValue>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Items {
    type Value = Vec<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            if items.len() >= self.max {
                return Err(A::Error::custom("too many items"));
            }
            items.push(item);
        }
        Ok(items)
    }
}

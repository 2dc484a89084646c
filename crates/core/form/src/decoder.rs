//! One decoder for all forms: chosen by content type, and by the first byte where that says nothing.

use crate::{
    field::{Field, FormError},
    json,
    multipart::Multipart,
    urlencoded::Urlencoded,
};

/// Largest JSON body in bytes: files do not come as JSON.
const MAX_JSON: usize = 8 * 1024 * 1024;

/// Takes a body in pieces of any size and gives its fields.
pub struct Decoder {
    kind: Kind,
    max_fields: usize,
}

enum Kind {
    Multipart(Box<Multipart>),
    /// Not multipart: the first byte that is no space tells JSON from urlencoded.
    Unseen,
    Urlencoded(Urlencoded),
    Json(Vec<u8>),
}

impl Decoder {
    /// A decoder of a body with this `Content-Type`, for at most so many fields.
    pub fn new(content_type: Option<&str>, max_fields: usize) -> Result<Self, FormError> {
        let content_type = content_type.unwrap_or_default();
        let is_multipart =
            content_type.get(..10).is_some_and(|start| start.eq_ignore_ascii_case("multipart/"));
        let kind = if is_multipart {
            Kind::Multipart(Box::new(Multipart::new(content_type, max_fields)?))
        } else {
            Kind::Unseen
        };
        Ok(Self { kind, max_fields })
    }

    /// Takes the next piece.
    pub fn push(&mut self, piece: &[u8]) -> Result<(), FormError> {
        let mut piece = piece;
        if matches!(self.kind, Kind::Unseen) {
            piece = piece.trim_ascii_start();
            let Some(first) = piece.first() else { return Ok(()) };
            self.kind = if matches!(first, b'{' | b'[') {
                Kind::Json(Vec::new())
            } else {
                Kind::Urlencoded(Urlencoded::new(self.max_fields))
            };
        }
        match &mut self.kind {
            Kind::Multipart(decoder) => decoder.push(piece),
            Kind::Urlencoded(decoder) => decoder.push(piece),
            Kind::Json(body) if body.len() + piece.len() > MAX_JSON => Err(FormError::Json),
            Kind::Json(body) => {
                body.extend_from_slice(piece);
                Ok(())
            }
            Kind::Unseen => Ok(()),
        }
    }

    /// The fields of each object of a JSON list, when all pieces were taken; of any other body its own.
    pub fn finish_rows(self, max_rows: usize) -> Result<Vec<Vec<Field>>, FormError> {
        match self.kind {
            Kind::Json(body) if body.starts_with(b"[") => json::rows(&body, self.max_fields, max_rows),
            kind => Self { kind, ..self }.finish().map(|fields| vec![fields]),
        }
    }

    /// Whether it is a JSON list, as far as it came.
    pub fn is_list(&self) -> bool {
        matches!(&self.kind, Kind::Json(body) if body.starts_with(b"["))
    }

    /// The fields, when all pieces were taken.
    pub fn finish(self) -> Result<Vec<Field>, FormError> {
        match self.kind {
            Kind::Multipart(decoder) => decoder.finish(),
            Kind::Unseen => Ok(Vec::new()),
            Kind::Urlencoded(decoder) => decoder.finish(),
            Kind::Json(body) => json::fields(&body, self.max_fields),
        }
    }
}

/// The fields of a query string.
pub fn parse_query(query: &str, max_fields: usize) -> Result<Vec<Field>, FormError> {
    let mut decoder = Urlencoded::new(max_fields);
    decoder.push(query.as_bytes())?;
    decoder.finish()
}

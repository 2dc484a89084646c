//! From a request to its form: the decoder is chosen by content type, and by sniffing where there is none.

use std::collections::HashSet;

use axum::{
    extract::Request,
    http::{HeaderMap, header},
};

use super::{
    Field, Form, FormError, disposition, json,
    multipart::Multipart,
    urlencoded::{Urlencoded, pairs},
};
use crate::{
    body::{self, Sink},
    error::ApiError,
    state::Api,
};

/// Largest JSON body in bytes: files do not come as JSON.
const MAX_JSON: usize = 8 * 1024 * 1024;

/// Reads the form of a request. Values in the query count where the body does not have the name.
pub(crate) async fn read(api: &Api, request: Request) -> Result<Form, ApiError> {
    let (parts, body) = request.into_parts();
    let max = api.limits.fields;
    let query = pairs(parts.uri.query().unwrap_or_default(), max).map_err(refused)?;
    let content_type = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let mut decoder = match Decoder::new(content_type, max) {
        Ok(decoder) => decoder,
        Err(error) => {
            body::discard(&api.limits, body).await;
            return Err(refused(error));
        }
    };
    let held = body::read(api, &parts.headers, body, &mut decoder).await?;
    let mut fields = decoder.finish().map_err(refused)?;
    let from_body: HashSet<String> = fields.iter().map(|field| field.name.clone()).collect();
    let missing = |field: &Field| !from_body.contains(&field.name);
    fields.extend(query.into_iter().filter(missing));
    let charset = content_type.and_then(|value| disposition::parameter(value, "charset"));
    let charset = charset.or_else(|| declared_charset(&fields));
    Ok(Form::new(fields, charset, held))
}

/// The media type of a request, in lower case, without parameters; empty if there is none.
pub(crate) fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn refused(error: FormError) -> ApiError {
    ApiError::bad_request(error.to_string())
}

/// The `_charset_` field (RFC 7578, 4.6).
fn declared_charset(fields: &[Field]) -> Option<String> {
    let field = fields.iter().find(|field| field.name == "_charset_")?;
    std::str::from_utf8(&field.bytes).ok().filter(|label| label.len() <= 40).map(str::to_owned)
}

/// A decoder of whatever the body is.
pub(super) enum Decoder {
    Multipart(Box<Multipart>),
    /// Not multipart: the first byte that is no space tells JSON from urlencoded.
    Unseen {
        max_fields: usize,
    },
    Urlencoded(Urlencoded),
    Json {
        body: Vec<u8>,
        max_fields: usize,
    },
}

impl Decoder {
    pub(super) fn new(content_type: Option<&str>, max_fields: usize) -> Result<Self, FormError> {
        let content_type = content_type.unwrap_or_default();
        let is_multipart =
            content_type.get(..10).is_some_and(|start| start.eq_ignore_ascii_case("multipart/"));
        if is_multipart {
            return Ok(Self::Multipart(Box::new(Multipart::new(content_type, max_fields)?)));
        }
        Ok(Self::Unseen { max_fields })
    }

    pub(super) fn finish(self) -> Result<Vec<Field>, FormError> {
        match self {
            Self::Multipart(decoder) => decoder.finish(),
            Self::Unseen { .. } => Ok(Vec::new()),
            Self::Urlencoded(decoder) => decoder.finish(),
            Self::Json { body, max_fields } => json::fields(&body, max_fields),
        }
    }
}

impl Sink for Decoder {
    fn push(&mut self, piece: &[u8]) -> Result<(), FormError> {
        if let Self::Unseen { max_fields } = *self {
            let Some(first) = piece.iter().find(|byte| !byte.is_ascii_whitespace()) else {
                return Ok(());
            };
            *self = if matches!(first, b'{' | b'[') {
                Self::Json { body: Vec::new(), max_fields }
            } else {
                Self::Urlencoded(Urlencoded::new(max_fields))
            };
        }
        match self {
            Self::Multipart(decoder) => decoder.push(piece),
            Self::Urlencoded(decoder) => decoder.push(piece),
            Self::Json { body, .. } if body.len() + piece.len() > MAX_JSON => Err(FormError::Json),
            Self::Json { body, .. } => {
                body.extend_from_slice(piece);
                Ok(())
            }
            Self::Unseen { .. } => Ok(()),
        }
    }
}

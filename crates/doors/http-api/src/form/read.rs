//! From a request to its form: the decoder is chosen by content type, and by sniffing where there is none.

use std::collections::HashSet;

use axum::{
    body::HttpBody as _,
    extract::Request,
    http::{HeaderMap, header},
};

use waxseal_form::{Decoder, Field, FormError, parameter, parse_query};

use super::Form;
use crate::{
    body::{self, Held},
    error::ApiError,
    state::Api,
};

/// Most bytes that the parameters of a look-up take, names included: what a query has room for.
const MOST_PARAMETERS: usize = 64 * 1024;

/// Reads the form of a request. Values in the query count where the body does not have the name.
pub(crate) async fn read(api: &Api, request: Request) -> Result<Form, ApiError> {
    let (parts, body) = request.into_parts();
    let max = api.limits.fields;
    let query = query(api, parts.uri.query())?;
    let content_type = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let mut decoder = Decoder::new(content_type, max).map_err(refused)?;
    let held = body::read(api, &parts.headers, body, &mut decoder).await?;
    Ok(form(decoder.finish().map_err(refused)?, query, content_type, held))
}

/// The fields of a body, and those of the query that it does not have.
fn form(mut fields: Vec<Field>, query: Vec<Field>, content_type: Option<&str>, held: Held) -> Form {
    let from_body: HashSet<String> = fields.iter().map(|field| field.name.clone()).collect();
    let missing = |field: &Field| !from_body.contains(&field.name);
    fields.extend(query.into_iter().filter(missing));
    let charset = content_type.and_then(|value| parameter(value, "charset"));
    let charset = charset.or_else(|| declared_charset(&fields));
    Form::new(fields, charset, held)
}

/// The file of a form, in whatever field it comes, of so many bytes at most; with the memory that it takes. `None` if there is
/// none.
pub(crate) async fn file(
    api: &Api,
    request: Request,
    most: usize,
) -> Result<Option<(Vec<u8>, Held)>, ApiError> {
    let (parts, body) = request.into_parts();
    let content_type = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let mut decoder = Decoder::new(content_type, api.limits.fields).map_err(refused)?;
    let held = body::read_file(api, &parts.headers, body, &mut decoder, most).await?;
    let mut fields = decoder.finish().map_err(refused)?;
    let is_named = |field: &Field| field.file_name.as_ref().is_some_and(|name| !name.is_empty());
    // Some clients give it no name.
    let found =
        fields.iter().position(is_named).or_else(|| fields.iter().position(|field| !field.bytes.is_empty()));
    let Some(found) = found else { return Ok(None) };
    let bytes = fields.swap_remove(found).bytes;
    if bytes.len() > most {
        return Err(ApiError::too_large(most));
    }
    Ok(Some((bytes, held)))
}

/// What a request brings: one thing, or a list of them.
pub(crate) enum Rows {
    One(Form),
    /// A JSON list, its objects as forms.
    Many(Vec<Form>),
}

/// Reads the form of a request, or the JSON list of `most` forms at most that comes in its place.
pub(crate) async fn rows(api: &Api, request: Request, most: usize) -> Result<Rows, ApiError> {
    let (parts, body) = request.into_parts();
    let max = api.limits.fields;
    let query = query(api, parts.uri.query())?;
    let content_type = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let mut decoder = Decoder::new(content_type, max).map_err(refused)?;
    let held = body::read(api, &parts.headers, body, &mut decoder).await?;
    if !decoder.is_list() {
        return Ok(Rows::One(form(decoder.finish().map_err(refused)?, query, content_type, held)));
    }
    // One more than that, so that whoever asks for too much is told so.
    let rows = decoder.finish_rows(most + 1).map_err(refused)?;
    // The first one keeps the memory of all accounted for.
    let mut held = Some(held);
    let row = |fields| Form::new(fields, None, held.take().unwrap_or_default());
    Ok(Rows::Many(rows.into_iter().map(row).collect()))
}

/// The parameters of a look-up or a deletion, in order: they come in the query, or in a body as a form does.
pub(crate) async fn parameters(api: &Api, request: Request) -> Result<Vec<Field>, ApiError> {
    if request.body().is_end_stream() {
        return query(api, request.uri().query());
    }
    let fields = read(api, request).await?.into_fields();
    if fields.iter().map(|field| field.name.len() + field.bytes.len()).sum::<usize>() > MOST_PARAMETERS {
        return Err(ApiError::bad_request(format!(
            "the parameters are longer than {MOST_PARAMETERS} bytes in all"
        )));
    }
    Ok(fields)
}

/// The fields of a query.
fn query(api: &Api, query: Option<&str>) -> Result<Vec<Field>, ApiError> {
    parse_query(query.unwrap_or_default(), api.limits.fields).map_err(refused)
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

//! `/openapi.json`: what is implemented, made from the table of routes.

mod parameters;

use axum::{http::StatusCode, response::Response};
use serde_json::{Map, Value, json};

use crate::{
    error::json_response,
    routes::{self, Route, Scope},
};

/// `GET /openapi.json`
pub(crate) async fn document() -> Response {
    json_response(StatusCode::OK, &describe(&routes::all()))
}

/// The document of these routes (OpenAPI 3.0.3).
fn describe(routes: &[Route]) -> Value {
    let mut paths = Map::new();
    for route in routes {
        let operations = paths.entry(route.path).or_insert_with(|| json!({}));
        operations[route.method.as_str().to_ascii_lowercase()] = operation(route);
    }
    json!({
        "openapi": "3.0.3",
        "info": {
            "title": "Waxseal",
            "description": "Email over HTTP, compatible with the Mailgun API.",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "MIT OR Apache-2.0" },
        },
        "paths": paths,
        "components": {
            "securitySchemes": {
                "key": { "type": "http", "scheme": "basic", "description": "User `api`, an API key as password." },
            },
            "schemas": {
                "Message": {
                    "type": "object",
                    "properties": { "message": { "type": "string" } },
                    "required": ["message"],
                },
            },
        },
    })
}

fn operation(route: &Route) -> Value {
    let mut parameters: Vec<Value> = segments(route.path)
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
        .collect();
    parameters.extend(parameters::query(route).iter().map(|(name, description)| {
        json!({ "name": name, "in": "query", "description": description, "schema": { "type": "string" } })
    }));
    let mut operation = json!({
        "summary": route.summary,
        "parameters": parameters,
        "responses": responses(route.scope),
    });
    if route.scope != Scope::Public {
        operation["security"] = json!([{ "key": [] }]);
    }
    let form = parameters::form(route);
    if !form.is_empty() {
        operation["requestBody"] = request_body(form);
    }
    operation
}

fn request_body(form: &[(&str, &str, bool)]) -> Value {
    let properties: Map<String, Value> = form
        .iter()
        .map(|(name, description, file)| {
            let schema = if *file {
                json!({ "type": "string", "format": "binary", "description": description })
            } else {
                json!({ "type": "string", "description": description })
            };
            ((*name).to_owned(), schema)
        })
        .collect();
    let schema = json!({ "schema": { "type": "object", "properties": properties } });
    json!({ "content": { "multipart/form-data": schema, "application/x-www-form-urlencoded": schema } })
}

fn responses(scope: Scope) -> Value {
    let refusal = json!({
        "description": "Refused: the message says why.",
        "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Message" } } },
    });
    let mut responses = json!({ "200": { "description": "Done." } });
    if scope != Scope::Public {
        responses["400"] = refusal.clone();
        responses["401"] = json!({ "description": "No valid key: the text is Forbidden." });
        responses["404"] = refusal;
    }
    responses
}

/// The names in braces.
fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
}

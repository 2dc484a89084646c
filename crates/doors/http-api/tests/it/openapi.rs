//! The description says what the router does.

use axum::{
    body::Body,
    http::{Method, Request},
};
use serde_json::Value;

use crate::world::World;

/// Method and path of every operation described.
pub(crate) async fn operations(world: &World) -> Vec<(Method, String)> {
    let document = world.get("/openapi.json").await.json();
    let paths = document["paths"].as_object().expect("paths").clone();
    let mut found = Vec::new();
    for (path, operations) in paths {
        for method in operations.as_object().expect("operations").keys() {
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).expect("a method");
            found.push((method, path.clone()));
        }
    }
    found
}

#[tokio::test]
async fn every_operation_described_is_routed_and_needs_what_it_says() {
    let world = World::new().await;
    let document = world.get("/openapi.json").await.json();
    let all = operations(&world).await;
    assert!(all.len() >= 20);
    for (method, path) in all {
        let filled = path.replace(['{', '}'], "");
        let request = Request::builder().method(&method).uri(&filled).body(Body::empty()).expect("request");
        let answer = world.send(request).await;
        let operation = &document["paths"][&path][method.as_str().to_lowercase()];
        if operation.get("security").is_some() {
            assert_eq!(answer.line(), "401 Forbidden", "{method} {path}");
        } else {
            let expected = if path.contains('{') { 404 } else { 200 };
            assert_eq!(answer.status, expected, "{method} {path}");
        }
        assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()));
    }
}

#[tokio::test]
async fn path_parameters_are_described() {
    let world = World::new().await;
    let document = world.get("/openapi.json").await.json();
    for (path, operations) in document["paths"].as_object().expect("paths") {
        for operation in operations.as_object().expect("operations").values() {
            let named: Vec<&str> = operation["parameters"]
                .as_array()
                .expect("parameters")
                .iter()
                .filter(|parameter| parameter["in"] == "path")
                .filter_map(|parameter| parameter["name"].as_str())
                .collect();
            let in_path = path.matches('{').count();
            assert_eq!(named.len(), in_path, "{path}");
        }
    }
    assert_eq!(document["openapi"], Value::from("3.0.3"));
}

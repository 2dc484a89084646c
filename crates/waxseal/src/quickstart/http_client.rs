//! Calls the HTTP API as an application does.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, bail};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http_body_util::{BodyExt as _, Full};
use hyper::{Method, Request, StatusCode, body::Bytes, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use waxseal_net::{Net, Source};

/// A call.
pub(crate) struct Call<'a> {
    pub(crate) method: Method,
    pub(crate) path: &'a str,
    /// API key.
    pub(crate) key: &'a str,
    pub(crate) headers: &'a [(&'a str, &'a str)],
    pub(crate) content_type: &'a str,
    pub(crate) body: Vec<u8>,
}

/// Posts a form; hands back the answer's `id`.
pub(crate) async fn post(
    net: &Net,
    address: SocketAddr,
    path: &str,
    key: &str,
    fields: &[(&str, &str)],
) -> Result<String> {
    let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let content_type = "application/x-www-form-urlencoded";
    let call = Call { method: Method::POST, path, key, headers: &[], content_type, body: form.into_bytes() };
    let (status, answer) = send(net, address, call).await?;
    if status != StatusCode::OK {
        bail!("the API answered {status}: {}", answer["message"]);
    }
    Ok(answer["id"].as_str().context("the API's answer has no id")?.to_owned())
}

/// Makes a call; the answer's status and JSON (null if it is none).
pub(crate) async fn send(net: &Net, address: SocketAddr, call: Call<'_>) -> Result<(StatusCode, Value)> {
    let stream = net.connector.connect(address, Source::Turn(0)).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let mut request = Request::builder()
        .method(call.method)
        .uri(call.path)
        .header(header::HOST, address.to_string())
        .header(header::AUTHORIZATION, format!("Basic {}", STANDARD.encode(format!("api:{}", call.key))))
        .header(header::CONTENT_TYPE, call.content_type);
    for (name, value) in call.headers {
        request = request.header(*name, *value);
    }
    let response = sender.send_request(request.body(Full::new(Bytes::from(call.body)))?).await?;
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    Ok((status, serde_json::from_slice(&body).unwrap_or_default()))
}

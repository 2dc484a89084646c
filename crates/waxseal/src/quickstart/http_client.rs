//! Sends one message as an application does: one POST to the HTTP API.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, bail};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, StatusCode, body::Bytes, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use waxseal_net::{Net, Source};

/// Posts a form; hands back the answer's `id`.
pub(super) async fn post(
    net: &Net,
    address: SocketAddr,
    path: &str,
    key: &str,
    fields: &[(&str, &str)],
) -> Result<String> {
    let stream = net.connector.connect(address, Source::Turn(0)).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let request = Request::post(path)
        .header(header::HOST, address.to_string())
        .header(header::AUTHORIZATION, format!("Basic {}", STANDARD.encode(format!("api:{key}"))))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Full::new(Bytes::from(form)))?;
    let response = sender.send_request(request).await?;
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    let answer: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
    if status != StatusCode::OK {
        bail!("the API answered {status}: {}", answer["message"]);
    }
    Ok(answer["id"].as_str().context("the API's answer has no id")?.to_owned())
}

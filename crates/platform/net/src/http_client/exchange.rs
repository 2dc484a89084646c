//! One request and its answer on a connection of its own.

use bytes::Bytes;
use http::{HeaderValue, Request, header, request::Builder};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::task::JoinHandle;

use super::{ANSWER_BYTES, HttpAnswer, HttpError, HttpPost, HttpUrl};
use crate::stream::Stream;

/// Bytes of an answer's header block.
const HEADER_BYTES: usize = 64 * 1024;
/// Headers of an answer.
const HEADERS: usize = 100;
const USER_AGENT: &str = concat!("Waxseal/", env!("CARGO_PKG_VERSION"));

/// Posts and reads the answer. The connection ends with it.
pub(super) async fn post(stream: Stream, post: &HttpPost<'_>) -> Result<HttpAnswer, HttpError> {
    exchange(stream, request(post)?).await
}

/// Asks and reads the answer. The connection ends with it.
pub(super) async fn get(stream: Stream, url: &HttpUrl) -> Result<HttpAnswer, HttpError> {
    let request = begin(Request::get(url.target()), url).body(Full::default());
    exchange(stream, request.map_err(|_| HttpError::Header)?).await
}

async fn exchange(stream: Stream, request: Request<Full<Bytes>>) -> Result<HttpAnswer, HttpError> {
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(HEADER_BYTES)
        .max_headers(HEADERS)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(broken)?;
    let _driver = Driver(tokio::spawn(async move {
        // How the exchange ended is heard from the request.
        drop(connection.await);
    }));
    let response = sender.send_request(request).await.map_err(broken)?;
    let status = response.status().as_u16();
    let media_type = media_type(response.headers().get(header::CONTENT_TYPE));
    let (body, truncated) = read(response.into_body()).await?;
    Ok(HttpAnswer { status, media_type, body, truncated })
}

fn media_type(header: Option<&HeaderValue>) -> String {
    let text = header.and_then(|value| value.to_str().ok()).unwrap_or_default();
    text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn begin(request: Builder, url: &HttpUrl) -> Builder {
    request
        .header(header::HOST, url.host_header())
        .header(header::USER_AGENT, USER_AGENT)
        .header(header::CONNECTION, "close")
}

fn request(post: &HttpPost<'_>) -> Result<Request<Full<Bytes>>, HttpError> {
    let mut request =
        begin(Request::post(post.url.target()), post.url).header(header::CONTENT_TYPE, post.content_type);
    for (name, value) in &post.headers {
        let value = HeaderValue::from_str(value).map_err(|_| HttpError::Header)?;
        request = request.header(name, value);
    }
    request.body(Full::new(post.body.clone())).map_err(|_| HttpError::Header)
}

/// The beginning of a body, and whether there is more.
async fn read(mut body: Incoming) -> Result<(Vec<u8>, bool), HttpError> {
    let mut read = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(broken)?.into_data() else { continue };
        let room = ANSWER_BYTES - read.len();
        if data.len() > room {
            read.extend_from_slice(&data[..room]);
            return Ok((read, true));
        }
        read.extend_from_slice(&data);
    }
    Ok((read, false))
}

fn broken(_: hyper::Error) -> HttpError {
    // What hyper says may quote the other side.
    HttpError::Broken
}

/// The task that moves the bytes; it ends with the call.
struct Driver(JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

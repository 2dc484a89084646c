//! HTTP calls as a client makes them, one connection each.

use std::net::SocketAddr;

use anyhow::Result;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// A call to be made.
pub struct Call<'a> {
    address: SocketAddr,
    method: Method,
    path: &'a str,
    key: Option<&'a str>,
    headers: Vec<(&'a str, String)>,
    body: Vec<u8>,
}

/// What came back.
pub struct Answer {
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: Bytes,
}

impl<'a> Call<'a> {
    /// A GET.
    pub const fn get(address: SocketAddr, path: &'a str) -> Self {
        Self { address, method: Method::GET, path, key: None, headers: Vec::new(), body: Vec::new() }
    }

    /// A DELETE.
    pub const fn delete(address: SocketAddr, path: &'a str) -> Self {
        let method = Method::DELETE;
        Self { address, method, path, key: None, headers: Vec::new(), body: Vec::new() }
    }

    /// A POST of a form.
    pub fn post(address: SocketAddr, path: &'a str, fields: &[(&str, &str)]) -> Self {
        let pairs: Vec<String> =
            fields.iter().map(|(name, value)| format!("{}={}", escaped(name), escaped(value))).collect();
        let headers = vec![("content-type", "application/x-www-form-urlencoded".to_owned())];
        let body = pairs.join("&").into_bytes();
        Self { address, method: Method::POST, path, key: None, headers, body }
    }

    /// A POST of a form with one file.
    pub fn file(address: SocketAddr, path: &'a str, content: &str) -> Self {
        let headers = vec![("content-type", "multipart/form-data; boundary=file".to_owned())];
        let part = "Content-Disposition: form-data; name=\"file\"; filename=\"file\"";
        let body = format!("--file\r\n{part}\r\n\r\n{content}\r\n--file--\r\n").into_bytes();
        Self { address, method: Method::POST, path, key: None, headers, body }
    }

    /// With this API key.
    #[must_use]
    pub const fn key(mut self, key: &'a str) -> Self {
        self.key = Some(key);
        self
    }

    /// With this header.
    #[must_use]
    pub fn header(mut self, name: &'a str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// Makes the call.
    pub async fn send(self) -> Result<Answer> {
        let stream = TcpStream::connect(self.address).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let mut request = Request::builder()
            .method(self.method)
            .uri(self.path)
            .header(header::HOST, self.address.to_string());
        if let Some(key) = self.key {
            request = request
                .header(header::AUTHORIZATION, format!("Basic {}", STANDARD.encode(format!("api:{key}"))));
        }
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        let response = sender.send_request(request.body(Full::new(Bytes::from(self.body)))?).await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.into_body().collect().await?.to_bytes();
        Ok(Answer { status, headers, body })
    }
}

impl Answer {
    /// The body as JSON; `null` if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

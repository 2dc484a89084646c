//! A form with files, as applications post it (RFC 7578).

/// The form.
#[derive(Clone)]
pub(super) struct Form {
    body: Vec<u8>,
}

/// Stands in no canary.
const BOUNDARY: &str = "waxseal-proof-0123456789";

impl Form {
    /// An empty one.
    pub(super) const fn new() -> Self {
        Self { body: Vec::new() }
    }

    /// With a field more.
    pub(super) fn field(mut self, name: &str, value: &str) -> Self {
        let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
        self.body.extend_from_slice(head.as_bytes());
        self.body.extend_from_slice(value.as_bytes());
        self.body.extend_from_slice(b"\r\n");
        self
    }

    /// With a file more.
    pub(super) fn file(mut self, name: &str, filename: &str, content: &[u8]) -> Self {
        let head = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{filename}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        );
        self.body.extend_from_slice(head.as_bytes());
        self.body.extend_from_slice(content);
        self.body.extend_from_slice(b"\r\n");
        self
    }

    /// Tells it from other forms, so that each is a call of its own.
    pub(super) fn mark(&self) -> String {
        let sum = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &self.body);
        hex::encode(sum.as_ref().get(..8).unwrap_or_default())
    }

    /// Its media type and its bytes.
    pub(super) fn finish(mut self) -> (String, Vec<u8>) {
        self.body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
        (format!("multipart/form-data; boundary={BOUNDARY}"), self.body)
    }
}

//! What makes a repeated call the same call.

use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use waxseal_model::{MessageId, Timestamp};
use waxseal_store::{domain::Domain, message::Idempotency};

use crate::{
    error::SendError,
    request::{Content, File, Parts, SendRequest},
};

/// Hashes of the caller's key and of the request. The request is hashed as it was understood, not as it
/// was sent: a client that repeats a multipart form picks another boundary.
pub(crate) struct Repeatable {
    pub(crate) key_hash: [u8; 32],
    pub(crate) request_hash: [u8; 32],
}

impl Repeatable {
    /// The hashes of a request that has an idempotency key.
    pub(crate) fn of(request: &SendRequest) -> Result<Option<Self>, SendError> {
        Self::new(request.idempotency.as_deref(), || request_hash(request))
    }

    /// The hashes of a call that sends a stored message again, if it has an idempotency key.
    pub(crate) fn resending(
        key: Option<&str>,
        domain: &Domain,
        id: MessageId,
        to: &[String],
    ) -> Result<Option<Self>, SendError> {
        Self::new(key, || {
            let mut hash = FieldHash::new();
            hash.bytes(&domain.id.to_bytes());
            hash.bytes(b"resend");
            hash.bytes(&id.to_bytes());
            hash.list(to);
            hash.finish()
        })
    }

    fn new(key: Option<&str>, request_hash: impl FnOnce() -> [u8; 32]) -> Result<Option<Self>, SendError> {
        let Some(key) = key else { return Ok(None) };
        if key.is_empty() || key.len() > LONGEST_KEY {
            let text = format!("Idempotency-Key must have 1 to {LONGEST_KEY} characters");
            return Err(SendError::Invalid(text));
        }
        let mut hash = FieldHash::new();
        hash.bytes(key.as_bytes());
        let key_hash = hash.finish();
        Ok(Some(Self { key_hash, request_hash: request_hash() }))
    }

    /// What the store keeps for a day.
    pub(crate) fn with_answer(&self, answer: &str, now: Timestamp) -> Idempotency {
        Idempotency {
            key_hash: self.key_hash,
            request_hash: self.request_hash,
            answer: answer.to_owned(),
            expires_at: now + LIFETIME,
        }
    }
}

fn request_hash(request: &SendRequest) -> [u8; 32] {
    let mut hash = FieldHash::new();
    hash.bytes(&request.domain.id.to_bytes());
    match &request.content {
        Content::Parts(parts) => hash_parts(&mut hash, parts),
        Content::Mime { mime, to, headers, mail_from } => {
            hash.bytes(b"mime");
            hash.bytes(mime);
            hash.list(to);
            hash.pairs(headers);
            hash.optional(mail_from.as_deref());
        }
    }
    hash.pairs(&request.options);
    hash.pairs(&request.variables);
    hash.optional(request.recipient_variables.as_deref());
    hash.pairs(&request.template);
    hash.finish()
}

fn hash_parts(hash: &mut FieldHash, parts: &Parts) {
    let Parts { from, to, cc, bcc, subject, text, html, amp_html, headers, attachments, inline } = parts;
    hash.bytes(b"parts");
    [from, to, cc, bcc].iter().for_each(|list| hash.list(list));
    [subject, text, html, amp_html].iter().for_each(|text| hash.optional(text.as_deref()));
    hash.pairs(headers);
    hash.files(attachments);
    hash.files(inline);
}

/// A hash of a sequence of fields: each with its length, so that no two sequences read alike.
struct FieldHash(Context);

impl FieldHash {
    fn new() -> Self {
        Self(Context::new(&SHA256))
    }

    fn count(&mut self, count: usize) {
        self.0.update(&(count as u64).to_be_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.0.update(bytes);
    }

    fn optional(&mut self, text: Option<&str>) {
        self.count(usize::from(text.is_some()));
        self.bytes(text.unwrap_or_default().as_bytes());
    }

    fn list(&mut self, values: &[String]) {
        self.count(values.len());
        values.iter().for_each(|value| self.bytes(value.as_bytes()));
    }

    fn pairs(&mut self, pairs: &[(String, String)]) {
        self.count(pairs.len());
        for (name, value) in pairs {
            self.bytes(name.as_bytes());
            self.bytes(value.as_bytes());
        }
    }

    fn files(&mut self, files: &[File]) {
        self.count(files.len());
        for file in files {
            self.bytes(file.name.as_bytes());
            self.optional(file.content_type.as_deref());
            self.bytes(&file.bytes);
        }
    }

    fn finish(self) -> [u8; 32] {
        let mut hash = [0u8; 32];
        hash.copy_from_slice(self.0.finish().as_ref());
        hash
    }
}

const LONGEST_KEY: usize = 255;
const LIFETIME: Duration = Duration::from_secs(86_400);

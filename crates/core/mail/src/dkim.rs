//! DKIM signatures (RFC 6376): relaxed/relaxed, RSA-2048 and Ed25519 (RFC 8463).

mod canonical;
pub mod key;

use std::fmt;

use aws_lc_rs::{
    digest,
    rsa::KeyPair as RsaKeyPair,
    signature::{Ed25519KeyPair, RSA_PKCS1_SHA256},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use memchr::memmem;
use thiserror::Error;
use waxseal_model::Timestamp;

pub use key::{KeyPair, dns_record, from_pem, generate};

/// Why a key or a signature could not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DkimError {
    /// The private key is not PKCS#8 of its algorithm, or an RSA key of less than 2048 bits.
    #[error("the DKIM key cannot be read")]
    BadKey,
    /// An RSA key of less than 2048 or more than 4096 bits.
    #[error("the RSA key has less than 2048 or more than 4096 bits")]
    KeySize,
    /// Domain or selector hold what a DKIM signature cannot.
    #[error("the DKIM domain or selector is not a name")]
    BadName,
    /// The cryptographic library failed.
    #[error("the DKIM signature could not be made")]
    Crypto,
}

/// A signature algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// `rsa-sha256` with 2048 bits.
    Rsa2048,
    /// `ed25519-sha256`.
    Ed25519,
}

impl Algorithm {
    const fn tag(self) -> &'static str {
        match self {
            Self::Rsa2048 => "rsa-sha256",
            Self::Ed25519 => "ed25519-sha256",
        }
    }
}

enum Key {
    Rsa(Box<RsaKeyPair>),
    Ed25519(Ed25519KeyPair),
}

/// A key ready to sign for a domain. Reading a key takes longer than signing: make one and keep it.
pub struct Signer {
    domain: String,
    selector: String,
    algorithm: Algorithm,
    key: Key,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

impl Signer {
    /// Reads a private key (PKCS#8, DER). `domain` is in A-labels.
    pub fn new(domain: &str, selector: &str, algorithm: Algorithm, pkcs8: &[u8]) -> Result<Self, DkimError> {
        let name = |text: &str| {
            !text.is_empty()
                && text.len() <= 253
                && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'))
        };
        if !name(domain) || !name(selector) {
            return Err(DkimError::BadName);
        }
        let key = match algorithm {
            Algorithm::Rsa2048 => {
                let key = RsaKeyPair::from_pkcs8(pkcs8).map_err(|_| DkimError::BadKey)?;
                if key.public_modulus_len() < key::LEAST_MODULUS {
                    return Err(DkimError::BadKey);
                }
                Key::Rsa(Box::new(key))
            }
            Algorithm::Ed25519 => Key::Ed25519(
                Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8).map_err(|_| DkimError::BadKey)?,
            ),
        };
        Ok(Self { domain: domain.to_owned(), selector: selector.to_owned(), algorithm, key })
    }

    /// The domain it signs for.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The selector under which the public key is published.
    pub fn selector(&self) -> &str {
        &self.selector
    }

    fn signature(&self, digest: &digest::Digest) -> Result<String, DkimError> {
        match &self.key {
            Key::Rsa(key) => {
                let mut out = vec![0; key.public_modulus_len()];
                key.sign_digest(&RSA_PKCS1_SHA256, digest, &mut out).map_err(|_| DkimError::Crypto)?;
                Ok(STANDARD.encode(out))
            }
            // RFC 8463 §3: the digest is what PureEdDSA signs.
            Key::Ed25519(key) => {
                key.try_sign(digest.as_ref()).map(|out| STANDARD.encode(out)).map_err(|_| DkimError::Crypto)
            }
        }
    }
}

/// Fields to sign, and whether one more than there is: an added second one then breaks the signature.
const FIELDS: [(&str, bool); 26] = [
    ("subject", true),
    ("to", true),
    ("from", true),
    ("sender", true),
    ("date", true),
    ("reply-to", true),
    ("cc", true),
    ("message-id", true),
    ("in-reply-to", false),
    ("references", false),
    ("mime-version", false),
    ("content-type", false),
    ("content-transfer-encoding", false),
    ("content-id", false),
    ("content-description", false),
    ("resent-date", false),
    ("resent-from", false),
    ("resent-to", false),
    ("resent-cc", false),
    ("list-id", false),
    ("list-help", false),
    ("list-unsubscribe", false),
    ("list-unsubscribe-post", false),
    ("list-subscribe", false),
    ("list-post", false),
    ("list-archive", false),
];

/// Signs a message with each key and gives the `DKIM-Signature` fields to put before it. The body is
/// hashed once. `expires` becomes `x=`.
pub fn sign(
    signers: &[&Signer],
    mime: &[u8],
    now: Timestamp,
    expires: Option<Timestamp>,
) -> Result<Vec<u8>, DkimError> {
    if signers.is_empty() {
        return Ok(Vec::new());
    }
    let end = memmem::find(mime, b"\r\n\r\n").map_or(mime.len(), |at| at + 2);
    let (header, body) = mime.split_at(end);
    let body = body.strip_prefix(b"\r\n").unwrap_or(body);
    let body_hash = STANDARD.encode(canonical::body_hash(body));
    let chosen = choose(header);
    let mut out = Vec::with_capacity(1_200 * signers.len());
    for signer in signers {
        let unsigned = unsigned_field(signer, &chosen.names, &body_hash, now, expires);
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(&chosen.canonical);
        let mut own = Vec::with_capacity(unsigned.len());
        canonical::field(unsigned.as_bytes(), &mut own);
        // The signature's own field goes in without its line end (RFC 6376 §3.7).
        context.update(own.strip_suffix(b"\r\n").unwrap_or(&own));
        let signature = signer.signature(&context.finish())?;
        out.extend_from_slice(unsigned.as_bytes());
        for (index, chunk) in signature.as_bytes().chunks(72).enumerate() {
            if index > 0 {
                out.extend_from_slice(b"\r\n ");
            }
            out.extend_from_slice(chunk);
        }
        out.extend_from_slice(b"\r\n");
    }
    Ok(out)
}

/// What is signed of a header block.
struct Chosen {
    /// For `h=`.
    names: Vec<&'static str>,
    /// The fields in their canonical form, in that order.
    canonical: Vec<u8>,
}

fn choose(header: &[u8]) -> Chosen {
    let fields: Vec<&[u8]> = canonical::fields(header).collect();
    let mut chosen = Chosen { names: Vec::new(), canonical: Vec::with_capacity(header.len()) };
    for (name, oversign) in FIELDS {
        // Several fields of one name are signed from the last to the first (RFC 6376 §5.4.2).
        for field in fields.iter().rev().filter(|field| canonical::is_named(field, name)) {
            chosen.names.push(name);
            canonical::field(field, &mut chosen.canonical);
        }
        if oversign {
            chosen.names.push(name);
        }
    }
    chosen
}

/// The field with an empty `b=`, without line end.
fn unsigned_field(
    signer: &Signer,
    names: &[&str],
    body_hash: &str,
    now: Timestamp,
    expires: Option<Timestamp>,
) -> String {
    let expires = expires.map_or(String::new(), |at| format!(" x={};", at.as_secs()));
    let mut field = format!(
        "DKIM-Signature: v=1; a={}; c=relaxed/relaxed; d={};\r\n q=dns/txt; s={}; t={};{expires}\r\n h=",
        signer.algorithm.tag(),
        signer.domain,
        signer.selector,
        now.as_secs(),
    );
    let mut column = 3;
    for (index, name) in names.iter().enumerate() {
        if index > 0 {
            field.push(':');
        }
        if column + name.len() > 72 {
            field.push_str("\r\n ");
            column = 1;
        }
        field.push_str(name);
        column += name.len() + 1;
    }
    field.push_str(&format!(";\r\n bh={body_hash};\r\n b="));
    field
}

//! Making DKIM keys, and the DNS record that publishes one.

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der},
    rsa::{KeyPair as RsaKeyPair, KeySize},
    signature::{Ed25519KeyPair, KeyPair as _},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use rustls_pki_types::{PrivateKeyDer, pem::PemObject as _};
use zeroize::Zeroizing;

use super::{Algorithm, DkimError};

/// A new key pair. The private half is overwritten when it is dropped.
pub struct KeyPair {
    /// Private key: PKCS#8, DER. To be sealed before it rests anywhere.
    pub private_pkcs8: Zeroizing<Vec<u8>>,
    /// Public key as `p=` wants it: base64 of SubjectPublicKeyInfo (RSA) or of the 32 bytes (Ed25519).
    pub public: String,
}

/// Makes a key with the generator of the cryptographic library (keys are the one thing that a seeded
/// generator must never make). RSA takes some hundred milliseconds of computing: not for an async worker.
pub fn generate(algorithm: Algorithm) -> Result<KeyPair, DkimError> {
    match algorithm {
        Algorithm::Rsa2048 => rsa(&RsaKeyPair::generate(KeySize::Rsa2048).map_err(|_| DkimError::Crypto)?),
        Algorithm::Ed25519 => {
            let pair = Ed25519KeyPair::generate().map_err(|_| DkimError::Crypto)?;
            let private: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| DkimError::Crypto)?;
            Ok(key_pair(private.as_ref(), pair.public_key().as_ref()))
        }
    }
}

/// The RSA key of a PEM text: PKCS#1 or PKCS#8, of 2048 to 4096 bits.
pub fn from_pem(pem: &[u8]) -> Result<KeyPair, DkimError> {
    let bad = |_| DkimError::BadKey;
    let pair = match PrivateKeyDer::from_pem_slice(pem).map_err(|_| DkimError::BadKey)? {
        PrivateKeyDer::Pkcs1(key) => RsaKeyPair::from_der(key.secret_pkcs1_der()).map_err(bad)?,
        PrivateKeyDer::Pkcs8(key) => RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()).map_err(bad)?,
        _ => return Err(DkimError::BadKey),
    };
    if !(LEAST_MODULUS..=MOST_MODULUS).contains(&pair.public_modulus_len()) {
        return Err(DkimError::KeySize);
    }
    rsa(&pair)
}

fn rsa(pair: &RsaKeyPair) -> Result<KeyPair, DkimError> {
    let private: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| DkimError::Crypto)?;
    let public: PublicKeyX509Der<'_> = pair.public_key().as_der().map_err(|_| DkimError::Crypto)?;
    Ok(key_pair(private.as_ref(), public.as_ref()))
}

/// Bytes of the modulus of a key of 2048 bits, the least that signs (RFC 8301 section 3.2).
pub(super) const LEAST_MODULUS: usize = 256;
/// Bytes of the modulus of a key of 4096 bits, which verifiers take (RFC 8301 section 3.2); each signature with it is dear.
const MOST_MODULUS: usize = 512;

fn key_pair(private: &[u8], public: &[u8]) -> KeyPair {
    KeyPair { private_pkcs8: Zeroizing::new(private.to_vec()), public: STANDARD.encode(public) }
}

/// The text of the TXT record at `SELECTOR._domainkey.DOMAIN` (RFC 6376 §3.6.1).
pub fn dns_record(algorithm: Algorithm, public: &str) -> String {
    let kind = match algorithm {
        Algorithm::Rsa2048 => "rsa",
        Algorithm::Ed25519 => "ed25519",
    };
    format!("v=DKIM1; k={kind}; p={public}")
}

//! TLS for our own listeners: the operator's certificate, or a self-signed one that stays the same.

mod term;

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::ServerConfig;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use thiserror::Error;

pub use term::{certificate_end, versions};

/// File of the self-signed certificate in the data folder.
pub const SELF_SIGNED_CERTIFICATE: &str = "tls-cert.pem";
/// File of its private key (mode 0600).
pub const SELF_SIGNED_KEY: &str = "tls-key.pem";

/// Where a listener's certificate comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// PEM files of the operator: the chain, leaf first, and its key.
    Files {
        /// Certificate chain.
        certificate: PathBuf,
        /// Private key (PKCS#8, PKCS#1 or SEC1).
        key: PathBuf,
    },
    /// A self-signed certificate, made on first use and kept in `data_dir`.
    SelfSigned {
        /// Folder for both files; must exist.
        data_dir: PathBuf,
        /// Host names and IP addresses of a new certificate.
        names: Vec<String>,
    },
}

/// TLS for listeners cannot be set up.
#[derive(Debug, Error)]
pub enum ServerTlsError {
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// A file does not hold what it should.
    #[error("{path}: {reason}")]
    Pem {
        /// The file.
        path: String,
        /// What is missing or wrong.
        reason: String,
    },
    /// Certificate and key do not fit each other, or TLS refuses them.
    #[error("certificate and key: {0}")]
    Tls(#[from] rustls::Error),
    /// No self-signed certificate could be made for these names.
    #[error("making a self-signed certificate: {0}")]
    Make(#[from] rcgen::Error),
}

/// The configuration of a TLS listener: TLS 1.2 and later, no client certificates.
///
/// Reads files, so call it when starting, not per connection.
pub fn server_tls(identity: &Identity) -> Result<Arc<ServerConfig>, ServerTlsError> {
    let (certificate, key) = match identity {
        Identity::Files { certificate, key } => (certificate.clone(), key.clone()),
        Identity::SelfSigned { data_dir, names } => self_signed(data_dir, names)?,
    };
    let chain = read_chain(&certificate)?;
    let key = read_key(&key)?;
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    Ok(Arc::new(config))
}

fn self_signed(data_dir: &Path, names: &[String]) -> Result<(PathBuf, PathBuf), ServerTlsError> {
    let certificate = data_dir.join(SELF_SIGNED_CERTIFICATE);
    let key = data_dir.join(SELF_SIGNED_KEY);
    if !certificate.exists() || !key.exists() {
        let made = rcgen::generate_simple_self_signed(names)?;
        // The key first: a certificate on disk means that both are there.
        replace(&key, &made.signing_key.serialize_pem(), 0o600)?;
        replace(&certificate, &made.cert.pem(), 0o644)?;
    }
    Ok((certificate, key))
}

/// Writes beside the file and renames, so that a crash leaves the old file or the new one.
fn replace(path: &Path, content: &str, mode: u32) -> Result<(), ServerTlsError> {
    let beside = path.with_extension("new");
    let written = OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(mode)
        .open(&beside)
        .and_then(|mut file| file.write_all(content.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&beside, path));
    written.map_err(|source| file_error(path, source))
}

fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, ServerTlsError> {
    let text = fs::read(path).map_err(|source| file_error(path, source))?;
    let chain = CertificateDer::pem_slice_iter(&text)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| pem_error(path, &error.to_string()))?;
    if chain.is_empty() {
        return Err(pem_error(path, "holds no certificate; expected PEM with BEGIN CERTIFICATE"));
    }
    Ok(chain)
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, ServerTlsError> {
    let text = fs::read(path).map_err(|source| file_error(path, source))?;
    PrivateKeyDer::from_pem_slice(&text)
        .map_err(|_| pem_error(path, "holds no private key; expected PEM with BEGIN PRIVATE KEY"))
}

fn file_error(path: &Path, source: io::Error) -> ServerTlsError {
    ServerTlsError::File { path: path.display().to_string(), source }
}

fn pem_error(path: &Path, reason: &str) -> ServerTlsError {
    ServerTlsError::Pem { path: path.display().to_string(), reason: reason.into() }
}

#[cfg(test)]
mod tests;

//! TLS towards other servers: encrypt first, look at the certificate afterwards.
//!
//! Opportunistic TLS (RFC 7435) takes any certificate, so the handshake itself accepts all whose key
//! signs; then the chain is checked and the result noted. Who requires a good certificate drops the
//! connection before anything is sent on it.

use std::{path::Path, sync::Arc, time::Duration};

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature},
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject};
use thiserror::Error;
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};
use waxseal_model::Timestamp;

use crate::net::NetError;

/// What is known about the other side after a handshake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsPeer {
    /// `None`: the certificate is good for this name; otherwise why it is not.
    pub flaw: Option<Flaw>,
    /// What it showed, its own certificate first.
    pub(crate) chain: Arc<Vec<CertificateDer<'static>>>,
}

impl TlsPeer {
    /// Whether the certificate was checked and good.
    pub const fn is_verified(&self) -> bool {
        self.flaw.is_none()
    }
}

/// Why a certificate is not good. Certificates of strangers are not quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Flaw {
    /// None was shown.
    #[error("no certificate")]
    Missing,
    /// Its time is over.
    #[error("certificate expired")]
    Expired,
    /// Its time has not come.
    #[error("certificate not valid yet")]
    NotYet,
    /// Nobody knows who issued it.
    #[error("certificate of an unknown issuer")]
    UnknownIssuer,
    /// It is for another name.
    #[error("certificate for another name")]
    OtherName,
    /// It was revoked.
    #[error("certificate revoked")]
    Revoked,
    /// Anything else.
    #[error("certificate not valid")]
    Invalid,
    /// The DNS tells of others.
    #[error("the certificate is none that its TLSA records tell of")]
    Untold,
}

/// There is no TLS with this server.
#[derive(Debug, Error)]
pub enum ClientTlsError {
    /// The handshake took too long.
    #[error("the TLS handshake timed out")]
    TimedOut,
    /// The handshake failed.
    #[error("the TLS handshake failed: {0}")]
    Handshake(String),
    /// The host name cannot be a TLS server name.
    #[error("not a TLS server name")]
    Name,
}

/// The names of a server in a handshake; most have one for both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerNames<'a> {
    /// Under which it is asked for (SNI).
    pub asked: &'a str,
    /// For which its certificate is checked.
    pub checked: &'a str,
}

impl<'a> From<&'a str> for ServerNames<'a> {
    fn from(name: &'a str) -> Self {
        Self { asked: name, checked: name }
    }
}

/// Starts TLS on outgoing connections. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ClientTls {
    config: Arc<ClientConfig>,
    verifier: Arc<WebPkiServerVerifier>,
}

impl ClientTls {
    /// TLS with Mozilla's roots and those of the PEM file `extra_ca`.
    pub fn new(extra_ca: Option<&Path>) -> Result<Self, NetError> {
        let mut roots = RootCertStore::empty();
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        if let Some(path) = extra_ca {
            add_roots(&mut roots, path)?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .build()
            .map_err(|error| NetError::Tls(error.to_string()))?;
        let any = Arc::new(AnyCertificate { algorithms: algorithms(&provider) });
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| NetError::Tls(error.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(any)
            .with_no_client_auth();
        Ok(Self { config: Arc::new(config), verifier })
    }

    /// Makes the handshake with a server and checks its certificate as of `now`.
    pub(crate) async fn start(
        &self,
        stream: TcpStream,
        names: impl Into<ServerNames<'_>>,
        now: Timestamp,
        timeout: Duration,
    ) -> Result<(TlsStream<TcpStream>, TlsPeer), ClientTlsError> {
        let ServerNames { asked, checked } = names.into();
        let read = |name: &str| ServerName::try_from(name.to_owned()).map_err(|_| ClientTlsError::Name);
        let (asked, name) = (read(asked)?, read(checked)?);
        let handshake = TlsConnector::from(Arc::clone(&self.config)).connect(asked, stream);
        let stream = tokio::time::timeout(timeout, handshake)
            .await
            .map_err(|_| ClientTlsError::TimedOut)?
            .map_err(|error| ClientTlsError::Handshake(error.to_string()))?;
        let chain = Arc::new(stream.get_ref().1.peer_certificates().unwrap_or_default().to_vec());
        let flaw = self.check(&chain, &name, now);
        Ok((stream, TlsPeer { flaw, chain }))
    }

    fn check(&self, chain: &[CertificateDer<'_>], name: &ServerName<'_>, now: Timestamp) -> Option<Flaw> {
        let Some((leaf, rest)) = chain.split_first() else {
            return Some(Flaw::Missing);
        };
        self.verifier.verify_server_cert(leaf, rest, name, &[], unix(now)).err().map(|error| flaw(&error))
    }
}

pub(crate) fn unix(now: Timestamp) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(now.as_secs()).unwrap_or(0)))
}

/// What is wrong with a certificate.
pub(crate) fn flaw(error: &rustls::Error) -> Flaw {
    let rustls::Error::InvalidCertificate(error) = error else { return Flaw::Invalid };
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => Flaw::Expired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Flaw::NotYet,
        CertificateError::UnknownIssuer => Flaw::UnknownIssuer,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            Flaw::OtherName
        }
        CertificateError::Revoked => Flaw::Revoked,
        _ => Flaw::Invalid,
    }
}

fn add_roots(roots: &mut RootCertStore, path: &Path) -> Result<(), NetError> {
    let failed = |reason: String| NetError::Ca { path: path.display().to_string(), reason };
    let text = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
    let mut added = 0;
    for certificate in CertificateDer::pem_slice_iter(&text) {
        let certificate = certificate.map_err(|error| failed(error.to_string()))?;
        roots.add(certificate).map_err(|error| failed(error.to_string()))?;
        added += 1;
    }
    if added == 0 { Err(failed("holds no certificate".into())) } else { Ok(()) }
}

fn algorithms(provider: &CryptoProvider) -> WebPkiSupportedAlgorithms {
    provider.signature_verification_algorithms
}

/// Accepts every certificate, but only from somebody who has its key.
#[derive(Debug)]
struct AnyCertificate {
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests;

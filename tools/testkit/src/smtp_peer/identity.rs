//! Certificates for peers: made on the spot, good, expired or for another name.

use std::{io, path::Path, sync::Arc};

use rustls::ServerConfig;

/// A self-signed certificate with its key.
#[derive(Clone)]
pub struct Certificate {
    pem: String,
    config: Arc<ServerConfig>,
}

impl Certificate {
    /// A certificate for these host names.
    pub fn new(names: &[&str]) -> Self {
        Self::with(names, |_| {})
    }

    /// A certificate that ended long ago.
    pub fn expired(names: &[&str]) -> Self {
        Self::with(names, |params| {
            params.not_before = rcgen::date_time_ymd(2001, 1, 1);
            params.not_after = rcgen::date_time_ymd(2002, 1, 1);
        })
    }

    fn with(names: &[&str], change: impl FnOnce(&mut rcgen::CertificateParams)) -> Self {
        let names: Vec<String> = names.iter().map(|name| (*name).into()).collect();
        let mut params = rcgen::CertificateParams::new(names).expect("names for a certificate");
        change(&mut params);
        let key = rcgen::KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let key = rustls::pki_types::PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| {
                builder.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key)
            })
            .expect("a TLS server");
        Self { pem: certificate.pem(), config: Arc::new(config) }
    }

    /// Writes the certificate to a PEM file, to be trusted by the other side.
    pub fn write_to(&self, path: &Path) -> io::Result<()> {
        std::fs::write(path, &self.pem)
    }

    pub(crate) fn acceptor(&self) -> tokio_rustls::TlsAcceptor {
        tokio_rustls::TlsAcceptor::from(Arc::clone(&self.config))
    }
}

//! Certificates for peers: made on the spot, good, expired or for another name.

use std::{io, path::Path, sync::Arc};

use aws_lc_rs::digest::{SHA256, SHA512, digest};
use rcgen::PublicKeyData as _;
use rustls::{ServerConfig, pki_types::CertificateDer};

/// A self-signed certificate with its key.
#[derive(Clone)]
pub struct Certificate {
    pem: String,
    chain: Vec<CertificateDer<'static>>,
    keys: Vec<Vec<u8>>,
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

    /// A certificate for these host names, shown with that of its issuer.
    pub fn issued(names: &[&str]) -> Self {
        let mut params = rcgen::CertificateParams::default();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, "an issuer");
        let key = rcgen::KeyPair::generate().expect("a key");
        let issuer = params.self_signed(&key).expect("an issuer");
        let issuer_key = key.subject_public_key_info();
        let signer = rcgen::Issuer::new(params, key);
        let names: Vec<String> = names.iter().map(|name| (*name).into()).collect();
        let params = rcgen::CertificateParams::new(names).expect("names for a certificate");
        let key = rcgen::KeyPair::generate().expect("a key");
        let own = params.signed_by(&key, &signer).expect("a certificate");
        Self::of(vec![own, issuer], vec![key.subject_public_key_info(), issuer_key], &key)
    }

    fn with(names: &[&str], change: impl FnOnce(&mut rcgen::CertificateParams)) -> Self {
        let names: Vec<String> = names.iter().map(|name| (*name).into()).collect();
        let mut params = rcgen::CertificateParams::new(names).expect("names for a certificate");
        change(&mut params);
        let key = rcgen::KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        Self::of(vec![certificate], vec![key.subject_public_key_info()], &key)
    }

    fn of(shown: Vec<rcgen::Certificate>, keys: Vec<Vec<u8>>, key: &rcgen::KeyPair) -> Self {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let key = rustls::pki_types::PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let chain: Vec<_> = shown.iter().map(|certificate| certificate.der().clone()).collect();
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain.clone(), key))
            .expect("a TLS server");
        let pem = shown.first().expect("its own").pem();
        Self { pem, chain, keys, config: Arc::new(config) }
    }

    /// A TLSA record that tells of it: usage 2 of its issuer, all others of itself; selector 1 of the key, others of the
    /// whole; matching type 2 by SHA-512, 1 by SHA-256, others as it is.
    ///
    /// # Panics
    /// It has no issuer.
    pub fn tlsa(&self, usage: u8, selector: u8, matching: u8) -> String {
        let place = usize::from(usage == 2);
        let selected: &[u8] = if selector == 1 { &self.keys[place] } else { &self.chain[place] };
        let data = match matching {
            1 => digest(&SHA256, selected).as_ref().to_vec(),
            2 => digest(&SHA512, selected).as_ref().to_vec(),
            _ => selected.to_vec(),
        };
        let hex: String = data.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{usage} {selector} {matching} {hex}")
    }

    /// Writes the certificate to a PEM file, to be trusted by the other side.
    pub fn write_to(&self, path: &Path) -> io::Result<()> {
        std::fs::write(path, &self.pem)
    }

    pub(crate) fn acceptor(&self) -> tokio_rustls::TlsAcceptor {
        tokio_rustls::TlsAcceptor::from(Arc::clone(&self.config))
    }
}

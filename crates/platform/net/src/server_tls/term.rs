//! Until when the listeners' certificate holds, and which versions of TLS they speak.

use std::{sync::Arc, time::Duration};

use rustls::{
    CertificateError, RootCertStore,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier as _},
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use super::{Identity, ServerTlsError, read_chain, self_signed};

/// The versions of TLS that listeners speak: those that [`super::server_tls`] is built with.
pub fn versions() -> Vec<String> {
    rustls::DEFAULT_VERSIONS.iter().map(|version| format!("{:?}", version.version)).collect()
}

/// A time after every certificate's end that can be written: the year 9999 lies before it.
const AFTER_ALL: Duration = Duration::from_secs(300_000_000_000);

/// When the certificate of `identity` ends, in seconds since 1970. Makes a self-signed one if that is asked for and
/// there is none.
///
/// The verifier itself is asked, at a time after all certificates: what it says names the end.
pub fn certificate_end(identity: &Identity) -> Result<u64, ServerTlsError> {
    let path = match identity {
        Identity::Files { certificate, .. } => certificate.clone(),
        Identity::SelfSigned { data_dir, names } => self_signed(data_dir, names)?.0,
    };
    let chain = read_chain(&path)?;
    let unreadable = || ServerTlsError::Pem {
        path: path.display().to_string(),
        reason: "the certificate's end cannot be read".to_owned(),
    };
    let leaf: &CertificateDer<'_> = chain.first().ok_or_else(unreadable)?;
    let mut roots = RootCertStore::empty();
    roots.add(leaf.clone())?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|_| unreadable())?;
    let name = ServerName::try_from("localhost").map_err(|_| unreadable())?;
    match verifier.verify_server_cert(leaf, &[], &name, &[], UnixTime::since_unix_epoch(AFTER_ALL)) {
        Err(rustls::Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. })) => {
            Ok(not_after.as_secs())
        }
        _ => Err(unreadable()),
    }
}

//! DANE for SMTP (RFC 7672): TLSA records that the DNS vouches for, and certificates held against them.

use std::sync::Arc;

use hickory_resolver::proto::rr::{RData, RecordType};
use rustls::{
    RootCertStore,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier},
    server::ParsedCertificate,
};
use rustls_pki_types::{CertificateDer, ServerName};
use waxseal_model::Timestamp;
use waxseal_smtp::dane::{Association, Associations, Usage};

use crate::{
    client_tls::{Flaw, TlsPeer, flaw, unix},
    resolver::{LookupError, Resolver},
};

/// What the TLSA records of a server ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tlsa {
    /// TLS, with any certificate: there are records, and none that SMTP can use (RFC 7672 section 2.2).
    AnyCertificate,
    /// TLS, with a certificate that they tell of.
    Certificate(Associations),
}

impl Resolver {
    /// What the TLSA records of a server on `port` ask for: those of the first name in `names` that has any that the DNS
    /// vouches for, and that name, the TLSA base domain (RFC 7672 section 2.2.3). `None`: nothing. An error means that nobody knows, and the server must not be used (RFC 7672
    /// section 2.1.2).
    pub async fn tlsa(&self, names: &[String], port: u16) -> Result<Option<(String, Tlsa)>, LookupError> {
        for name in names {
            match self.vouched(&format!("_{port}._tcp.{name}"), RecordType::TLSA).await {
                Ok(found) if found.is_vouched() => {
                    let records = found.records().filter_map(|data| match data {
                        RData::TLSA(tlsa) => Some(Association::new(
                            tlsa.cert_usage.into(),
                            tlsa.selector.into(),
                            tlsa.matching.into(),
                            &tlsa.cert_data,
                        )),
                        _ => None,
                    });
                    let records: Vec<_> = records.collect();
                    if records.is_empty() {
                        continue;
                    }
                    let usable = Associations::new(records.into_iter().flatten());
                    let tlsa = match usable.is_empty() {
                        true => Tlsa::AnyCertificate,
                        false => Tlsa::Certificate(usable),
                    };
                    return Ok(Some((name.clone(), tlsa)));
                }
                Ok(_) | Err(LookupError::NoRecord | LookupError::NoSuchName) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }
}

/// Why what a server showed is not what its TLSA records tell of; `None`: it is. An issuer's certificate has to have led to
/// the server's for one of `names`, and to be good as of `now` (RFC 7672 section 3.1.2 and 3.2).
pub fn mismatch(peer: &TlsPeer, told: &Associations, names: &[&str], now: Timestamp) -> Option<Flaw> {
    let Some((own, rest)) = peer.chain.split_first() else { return Some(Flaw::Missing) };
    if told.of(Usage::EndEntity).any(|association| is_told_of(association, own)) {
        return None;
    }
    let mut issuers = RootCertStore::empty();
    for association in told.of(Usage::TrustAnchor) {
        let whole = association.issuer().map(|der| CertificateDer::from(der.to_vec()));
        let shown = peer.chain.iter().filter(|shown| is_told_of(association, shown)).cloned();
        for issuer in whole.into_iter().chain(shown) {
            // One that cannot be read leads to nobody.
            let _ = issuers.add(issuer);
        }
    }
    if issuers.is_empty() {
        return Some(Flaw::Untold);
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(issuers), provider).build();
    let Ok(verifier) = verifier else { return Some(Flaw::Invalid) };
    let mut why = Flaw::Untold;
    for name in names {
        let Ok(name) = ServerName::try_from((*name).to_owned()) else { continue };
        match verifier.verify_server_cert(own, rest, &name, &[], unix(now)) {
            Ok(_) => return None,
            Err(error) => why = flaw(&error),
        }
    }
    Some(why)
}

fn is_told_of(association: &Association, certificate: &CertificateDer<'_>) -> bool {
    let Ok(parsed) = ParsedCertificate::try_from(certificate) else { return false };
    association.matches(certificate, &parsed.subject_public_key_info())
}

#[cfg(test)]
mod tests;

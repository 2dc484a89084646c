//! A certificate is taken because the DNS tells of it, or is not taken at all.

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};

use super::*;

const NOW: Timestamp = Timestamp::from_secs(1_795_000_000);
const NAMES: [&str; 2] = ["mx.b.example", "b.example"];

/// A server's certificate and that of its issuer.
struct Chain {
    own: CertificateDer<'static>,
    issuer: CertificateDer<'static>,
}

fn chain(name: &str, ends_in: i32) -> Chain {
    let mut params = CertificateParams::new(Vec::new()).expect("parameters");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::CommonName, "issuer");
    let key = KeyPair::generate().expect("a key");
    let issuer = params.self_signed(&key).expect("an issuer");
    let issuer_der = issuer.der().clone();
    let signer = Issuer::new(params, key);
    let mut params = CertificateParams::new(vec![name.into()]).expect("parameters");
    (params.not_before, params.not_after) = (date_time_ymd(2001, 1, 1), date_time_ymd(ends_in, 1, 1));
    let own = params.signed_by(&KeyPair::generate().expect("a key"), &signer).expect("a certificate");
    Chain { own: own.der().clone(), issuer: issuer_der }
}

fn shows(certificates: &[&CertificateDer<'static>]) -> TlsPeer {
    let chain: Vec<_> = certificates.iter().map(|&one| one.clone()).collect();
    TlsPeer { flaw: Some(Flaw::UnknownIssuer), chain: chain.into() }
}

fn told(usage: u8, selector: u8, data: &[u8]) -> Associations {
    Associations::new([Association::new(usage, selector, 0, data).expect("usable")])
}

fn key_of(certificate: &CertificateDer<'_>) -> Vec<u8> {
    ParsedCertificate::try_from(certificate).expect("a certificate").subject_public_key_info().to_vec()
}

#[test]
fn the_servers_own_certificate_counts_whatever_name_and_dates_it_has() {
    let Chain { own, issuer } = chain("other.example", 2002);
    let peer = shows(&[&own, &issuer]);
    for told in [told(3, 0, &own), told(3, 1, &key_of(&own))] {
        assert_eq!(mismatch(&peer, &told, &NAMES, NOW), None);
    }
    for told in [told(3, 0, &issuer), told(3, 1, &key_of(&issuer)), told(3, 0, b"x")] {
        assert_eq!(mismatch(&peer, &told, &NAMES, NOW), Some(Flaw::Untold), "only its own");
    }
    assert_eq!(mismatch(&shows(&[]), &told(3, 0, &own), &NAMES, NOW), Some(Flaw::Missing));
}

#[test]
fn an_issuer_vouches_for_a_name_and_a_time() {
    let issuer_of = |chain: &Chain| [told(2, 0, &chain.issuer), told(2, 1, &key_of(&chain.issuer))];
    for name in ["mx.b.example", "b.example", "*.b.example"] {
        let chain = chain(name, 2100);
        let peer = shows(&[&chain.own, &chain.issuer]);
        for told in issuer_of(&chain) {
            assert_eq!(mismatch(&peer, &told, &NAMES, NOW), None, "{name}");
        }
    }
    for (name, ends_in, why) in
        [("other.example", 2100, Flaw::OtherName), ("mx.b.example", 2002, Flaw::Expired)]
    {
        let chain = chain(name, ends_in);
        let peer = shows(&[&chain.own, &chain.issuer]);
        for told in issuer_of(&chain) {
            assert_eq!(mismatch(&peer, &told, &NAMES, NOW), Some(why));
        }
    }
    // One that is shown beside a certificate that it has not issued vouches for nothing.
    let (ours, others) = (chain("mx.b.example", 2100), chain("mx.b.example", 2100));
    let peer = shows(&[&others.own, &ours.issuer]);
    assert!(mismatch(&peer, &told(2, 0, &ours.issuer), &NAMES, NOW).is_some());
}

#[test]
fn an_issuer_that_stands_whole_in_the_dns_need_not_be_shown() {
    let chain = chain("mx.b.example", 2100);
    let peer = shows(&[&chain.own]);
    assert_eq!(mismatch(&peer, &told(2, 0, &chain.issuer), &NAMES, NOW), None);
    assert_eq!(mismatch(&peer, &told(2, 1, &key_of(&chain.issuer)), &NAMES, NOW), Some(Flaw::Untold));
}

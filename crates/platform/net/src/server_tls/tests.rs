//! The operator's certificate is used as it is; without one, a self-signed certificate stays the same.

use std::os::unix::fs::PermissionsExt;

use super::*;

fn self_signed_in(folder: &Path) -> Identity {
    Identity::SelfSigned { data_dir: folder.into(), names: vec!["localhost".into(), "127.0.0.1".into()] }
}

#[test]
fn a_self_signed_certificate_survives_restarts_and_its_key_is_private() {
    let folder = tempfile::tempdir().expect("folder");
    server_tls(&self_signed_in(folder.path())).expect("first start");
    let certificate = fs::read(folder.path().join(SELF_SIGNED_CERTIFICATE)).expect("certificate");
    server_tls(&self_signed_in(folder.path())).expect("second start");
    assert_eq!(fs::read(folder.path().join(SELF_SIGNED_CERTIFICATE)).expect("certificate"), certificate);
    let mode = fs::metadata(folder.path().join(SELF_SIGNED_KEY)).expect("key").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn an_operator_brings_certificate_and_key() {
    let folder = tempfile::tempdir().expect("folder");
    server_tls(&self_signed_in(folder.path())).expect("files to use");
    let identity = Identity::Files {
        certificate: folder.path().join(SELF_SIGNED_CERTIFICATE),
        key: folder.path().join(SELF_SIGNED_KEY),
    };
    server_tls(&identity).expect("operator's files");
}

#[test]
fn wrong_files_are_named() {
    let folder = tempfile::tempdir().expect("folder");
    server_tls(&self_signed_in(folder.path())).expect("files to use");
    let key = folder.path().join(SELF_SIGNED_KEY);
    let swapped = Identity::Files { certificate: key.clone(), key: key.clone() };
    let error = server_tls(&swapped).expect_err("a key is no certificate");
    assert!(
        error.to_string().ends_with("tls-key.pem: holds no certificate; expected PEM with BEGIN CERTIFICATE")
    );
    let missing = Identity::Files { certificate: folder.path().join("absent.pem"), key };
    assert!(server_tls(&missing).expect_err("missing").to_string().contains("absent.pem"));
}

#[test]
fn the_end_of_a_certificate_is_known() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("chain.pem");
    let key = rcgen::KeyPair::generate().expect("a key");
    let mut parameters = rcgen::CertificateParams::new(vec!["mail.example.org".into()]).expect("names");
    parameters.not_after = rcgen::date_time_ymd(2031, 5, 7);
    let certificate = parameters.self_signed(&key).expect("a certificate");
    fs::write(&path, certificate.pem()).expect("written");
    let identity = Identity::Files { certificate: path, key: folder.path().join("key.pem") };
    assert_eq!(certificate_end(&identity).expect("an end"), 1_935_878_400);
    assert!(certificate_end(&self_signed_in(folder.path())).expect("an end") > 1_935_878_400);
    assert_eq!(versions().len(), 2, "{:?}", versions());
}

//! Signatures hold where others check them, and break when the message is changed.

use waxseal_mail::dkim::{self, Algorithm, Signer};
use waxseal_model::Timestamp;

use crate::verifiers::{self, Published};

const NOW: Timestamp = Timestamp::from_secs(1_770_726_896);

fn signer(algorithm: Algorithm, selector: &str) -> (Signer, Published) {
    let pair = dkim::generate(algorithm).unwrap();
    let signer = Signer::new("example.org", selector, algorithm, &pair.private_pkcs8).unwrap();
    let record = dkim::dns_record(algorithm, &pair.public);
    (signer, Published { name: format!("{selector}._domainkey.example.org"), record })
}

fn messages() -> Vec<(&'static str, Vec<u8>)> {
    let head = "From: a@example.org\r\nTo: b@example.net\r\nSubject: Hello\r\nDate: Tue, 10 Feb 2026 12:34:56 +0000\r\n";
    let long = format!("{head}\r\n{}", "a line of text  with two spaces \r\n".repeat(40_000));
    let many = "Subject:   folded\r\n\t over   lines \r\nFrom:a@example.org\r\nList-Unsubscribe: <https://x>\r\n\
                X-A: 1\r\nlist-id:<l>\r\nCC: c@example.org\r\nList-Unsubscribe: <mailto:u@example.org>\r\n";
    vec![
        ("short", format!("{head}\r\nHello\r\n").into_bytes()),
        ("empty lines at the end", format!("{head}\r\nHello\r\n\r\n\r\n").into_bytes()),
        ("a last line of blanks", format!("{head}\r\nHello\r\n\r\n \t\r\n\r\n").into_bytes()),
        ("blanks", format!("{head}\r\n \t Hello \t  world\t\r\n\r\n  x\r\n").into_bytes()),
        ("no body", format!("{head}\r\n").into_bytes()),
        ("blank body", format!("{head}\r\n\r\n\r\n").into_bytes()),
        ("no line end", format!("{head}\r\nHello").into_bytes()),
        (
            "UTF-8",
            format!("{head}X: ü\r\nReply-To: =?UTF-8?Q?=C3=BC?= <r@example.org>\r\n\r\nGrüße\r\n")
                .into_bytes(),
        ),
        ("odd fields", format!("{many}\r\nHello\r\n").into_bytes()),
        ("long", long.into_bytes()),
    ]
}

fn sign(signers: &[&Signer], mime: &[u8]) -> Vec<u8> {
    let mut signed = dkim::sign(signers, mime, NOW, None).unwrap();
    let long = signed.split(|byte| *byte == b'\n').map(<[u8]>::len).max();
    assert!(long < Some(90), "a line of {long:?} bytes");
    signed.extend_from_slice(mime);
    signed
}

#[test]
fn mail_auth_takes_both_signatures_of_every_message() {
    let (rsa, rsa_key) = signer(Algorithm::Rsa2048, "r1");
    let (ed, ed_key) = signer(Algorithm::Ed25519, "e1");
    let keys = [rsa_key, ed_key];
    for (name, mime) in messages() {
        // mail-auth 0.13 takes a last line of blanks for one that counts; RFC 6376 §3.4.4 and the others do not.
        if name == "a last line of blanks" {
            continue;
        }
        let signed = sign(&[&rsa, &ed], &mime);
        assert_eq!(verifiers::mail_auth(&signed, &keys), ["pass", "pass"], "{name}");
    }
}

#[test]
fn dkimpy_takes_both_signatures_of_every_message() {
    let (rsa, rsa_key) = signer(Algorithm::Rsa2048, "r1");
    let (ed, ed_key) = signer(Algorithm::Ed25519, "e1");
    let keys = [rsa_key, ed_key];
    for (name, mime) in messages() {
        let signed = sign(&[&rsa, &ed], &mime);
        let Some(results) = verifiers::dkimpy(&signed, &keys) else {
            return crate::skip::note("missing: Python with dkimpy and PyNaCl");
        };
        assert_eq!(results, ["pass", "pass"], "{name}");
    }
}

#[test]
fn opendkim_takes_the_signatures_of_every_message() {
    for algorithm in [Algorithm::Rsa2048, Algorithm::Ed25519] {
        let (signer, key) = signer(algorithm, "s1");
        for (name, mime) in messages() {
            // Its test mode reads whole lines, as SMTP brings them.
            if name == "no line end" {
                continue;
            }
            let Some(verdict) = verifiers::opendkim(&sign(&[&signer], &mime), &key) else {
                return crate::skip::note("missing: opendkim");
            };
            assert!(verdict, "{name} {algorithm:?}");
        }
    }
}

#[test]
fn a_changed_message_fails_everywhere() {
    let (rsa, key) = signer(Algorithm::Rsa2048, "r1");
    let keys = [key];
    let (_, mime) = messages().remove(0);
    let signed = String::from_utf8(sign(&[&rsa], &mime)).unwrap();
    for (what, changed) in [
        ("body", signed.replace("\r\n\r\nHello", "\r\n\r\nHullo")),
        ("subject", signed.replace("Subject: Hello", "Subject: Hullo")),
        ("second subject", format!("Subject: Other\r\n{signed}")),
        ("second sender", format!("From: evil@example.com\r\n{signed}")),
        ("second recipient", signed.replace("To: b", "To: evil@example.com\r\nTo: b")),
        ("a reply address", format!("Reply-To: evil@example.com\r\n{signed}")),
        ("a copy", format!("Cc: evil@example.com\r\n{signed}")),
        ("a sender", format!("Sender: evil@example.com\r\n{signed}")),
    ] {
        assert_ne!(changed, signed, "{what}");
        assert_ne!(verifiers::mail_auth(changed.as_bytes(), &keys), ["pass"], "{what}");
        if let Some(results) = verifiers::dkimpy(changed.as_bytes(), &keys) {
            assert_ne!(results, ["pass"], "{what}");
        }
        if let Some(verdict) = verifiers::opendkim(changed.as_bytes(), &keys[0]) {
            assert!(!verdict, "{what}");
        }
    }
}

#[test]
fn an_expiry_is_signed_too() {
    let (rsa, key) = signer(Algorithm::Rsa2048, "r1");
    let (_, mime) = messages().remove(0);
    let far = Timestamp::from_secs(4_000_000_000);
    let mut signed = dkim::sign(&[&rsa], &mime, NOW, Some(far)).unwrap();
    assert!(String::from_utf8_lossy(&signed).contains(" t=1770726896; x=4000000000;"));
    signed.extend_from_slice(&mime);
    assert_eq!(verifiers::mail_auth(&signed, &[key]), ["pass"]);
}

#[test]
fn a_key_is_published_with_its_kind() {
    let (_, key) = signer(Algorithm::Rsa2048, "r1");
    assert!(key.record.starts_with("v=DKIM1; k=rsa; p=MIIBIjANBgkqh"), "{}", key.record);
    let (_, key) = signer(Algorithm::Ed25519, "e1");
    assert_eq!(key.record.len(), "v=DKIM1; k=ed25519; p=".len() + 44);
}

#[test]
fn what_is_no_key_or_name_is_refused() {
    let pair = dkim::generate(Algorithm::Ed25519).unwrap();
    for (domain, selector) in [("", "s"), ("a.b", ""), ("a.b; x=1", "s"), ("a.b", "s\r\nX: y"), ("ä.b", "s")]
    {
        let made = Signer::new(domain, selector, Algorithm::Ed25519, &pair.private_pkcs8);
        assert_eq!(made.err(), Some(dkim::DkimError::BadName));
    }
    for (algorithm, key) in [(Algorithm::Rsa2048, &pair.private_pkcs8[..]), (Algorithm::Ed25519, b"x")] {
        assert_eq!(Signer::new("a.b", "s", algorithm, key).err(), Some(dkim::DkimError::BadKey));
    }
}

//! The program checks what a real instance certified, and finds what was left.

use std::{
    fs,
    io::Write as _,
    path::Path,
    process::{Command, Output},
};

/// A certificate as an instance printed it, the instance's key, and the account's id.
const CERTIFICATE: &str = include_str!("certificate.json");
const KEY: &str = include_str!("key.txt");
const ACCOUNT: &str = include_str!("account.txt");

fn verify(folder: &Path, certificate: &str, more: &[&str]) -> (bool, String) {
    let path = folder.join("certificate.json");
    fs::write(&path, certificate).expect("written");
    let ended = Command::new(env!("CARGO_BIN_EXE_waxseal-verifier")).arg(&path).args(more).output();
    let Output { status, stdout, stderr } = ended.expect("it starts");
    (status.success(), String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned())
}

#[test]
fn a_certificate_holds_as_it_was_printed_and_in_no_other_way() {
    let folder = tempfile::tempdir().expect("a folder");
    let (key, account) = (KEY.trim(), ACCOUNT.trim());
    let check = |text: &str, more: &[&str]| verify(folder.path(), text, more);
    let (holds, said) = check(CERTIFICATE, &["--key", key, "--account", account]);
    assert!(holds && said.contains("it is about this account"), "{said}");
    let value: serde_json::Value = serde_json::from_str(CERTIFICATE).expect("JSON");
    let indented = serde_json::to_string_pretty(&value).expect("JSON");
    assert!(check(&indented, &["--key", key]).0, "line breaks change nothing");

    for (name, _) in value.as_object().expect("an object") {
        let mut edited = value.clone();
        edited[name] = "something else".into();
        assert!(!check(&edited.to_string(), &["--key", key]).0, "{name} was edited");
        // Whoever reads the first of two members reads the false one.
        let doubled = CERTIFICATE.replacen('{', &format!("{{\"{name}\":\"false\","), 1);
        let (holds, said) = check(&doubled, &["--key", key]);
        assert!(!holds && said.contains("is there twice"), "{name}: {said}");
    }
    let doubled = CERTIFICATE.replacen("\"hits\":", "\"hits\":7,\"hits\":", 1);
    assert_ne!(doubled, CERTIFICATE);
    assert!(!check(&doubled, &["--key", key]).0, "within a list as well");
    let other = key.replace(|c: char| c.is_ascii_digit(), "a");
    assert!(!check(CERTIFICATE, &["--key", &other]).0, "another instance's key");
    let (holds, said) = check(CERTIFICATE, &["--key", "00"]);
    assert!(!holds && said.contains("--key: the public key: expected 64 hex digits"), "{said}");
    let (holds, said) = check(CERTIFICATE, &["--key", key, "--word", "left.over@owner.example"]);
    assert!(!holds && said.contains("--word: say where to look for it, with --scan"), "{said}");
    let other = "7zzzzzzzzzzzzzzzzzzzzzzzzz";
    let (holds, said) = check(CERTIFICATE, &["--account", other]);
    assert!(!holds && said.contains("another account"), "{said}");
}

const MD5: &str = "0f4ee5a3709dab1149b5d87ffd124a47";
const SHA1: &str = "cee0c0313ccc7476e58e118bc8b50bc7f5cbf5dc";
const SHA256: &str = "cadd20d4eeaf3d51c85262951deac2ede7a3ed71760e9ca375956a8c50695313";

/// What leaks of a word and of the account's id.
fn leaks(account: &str) -> Vec<(&'static str, Vec<u8>)> {
    let word = "left.over@owner.example";
    let gzipped = {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gzip.write_all(b"before left.over@owner.example after").expect("packed");
        gzip.finish().expect("packed")
    };
    let base64 = |bytes: &[u8]| data_encoding::BASE64.encode(bytes).into_bytes();
    // The digests of the address in lower case, made with md5sum, sha1sum and sha256sum.
    let sum = |hex: &str| data_encoding::HEXLOWER.decode(hex.as_bytes()).expect("hex");
    let sums = [("md5", MD5), ("sha-1", SHA1), ("sha-256", SHA256)];
    let mut leaks: Vec<(&'static str, Vec<u8>)> = Vec::new();
    for (form, hex) in sums {
        leaks.extend([(form, sum(hex)), (form, hex.into()), (form, base64(&sum(hex)))]);
    }
    leaks.extend([
        ("plain", b"to: Left.Over@Owner.example".to_vec()),
        ("utf-16", word.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ("hex", data_encoding::HEXUPPER.encode(word.as_bytes()).into_bytes()),
        ("base64 0", base64(word.as_bytes())),
        ("base64 1", base64(format!("x{word}").as_bytes())),
        ("base64 2", base64(format!("xy{word} and more").as_bytes())),
        ("json", b"left.over\\u0040owner.example".to_vec()),
        ("percent", b"left.over%40owner.example".to_vec()),
        ("html", b"left.over&#64;owner.example".to_vec()),
        ("quoted-printable", b"left.ov=\r\ner=40owner.example".to_vec()),
        ("broken", b"left.over@ow\r\nner.example".to_vec()),
        ("gzip", gzipped),
        ("id", account.to_owned().into_bytes()),
        ("at a border", [vec![b'x'; (4 << 20) - 7], word.as_bytes().to_vec()].concat()),
    ]);
    leaks
}

#[test]
fn what_is_left_is_found_in_every_form() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = tempfile::tempdir().expect("a folder");
    let (account, shown) = (ACCOUNT.trim(), data.path().display().to_string());
    let more = ["--account", account, "--scan", &shown, "--word", "left.over@owner.example"];
    fs::write(data.path().join("noise"), vec![7; 5 << 20]).expect("written");
    let (holds, said) = verify(folder.path(), CERTIFICATE, &more);
    assert!(holds && said.contains("0 hits"), "{said}");
    fs::remove_file(data.path().join("noise")).expect("removed");
    for (form, leak) in leaks(account) {
        let path = data.path().join("waxseal.db-wal");
        fs::write(&path, leak).expect("written");
        let (holds, said) = verify(folder.path(), CERTIFICATE, &more);
        assert!(!holds && said.contains("waxseal.db-wal"), "{form}: {said}");
        fs::remove_file(path).expect("removed");
    }
    fs::write(data.path().join("left.over@owner.example"), "").expect("written");
    let (holds, said) = verify(folder.path(), CERTIFICATE, &more);
    assert!(!holds && said.contains("a file's name"), "{said}");
}

#[test]
fn a_word_is_found_with_its_letters_composed_or_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = tempfile::tempdir().expect("a folder");
    let shown = data.path().display().to_string();
    let spellings = ["jos\u{e9}@owner.example", "jose\u{301}@owner.example"];
    for (word, left) in [(0, 1), (1, 0)] {
        fs::write(data.path().join("waxseal.db"), spellings[left].to_uppercase()).expect("written");
        let (holds, said) =
            verify(folder.path(), CERTIFICATE, &["--scan", &shown, "--word", spellings[word]]);
        assert!(!holds, "{said}");
    }
}

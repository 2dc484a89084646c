//! Other implementations of DKIM, asked without a network: mail-auth, dkimpy, OpenDKIM.

use std::{
    borrow::Borrow,
    collections::HashMap,
    hash::Hash,
    io::Write,
    process::{Command, Stdio},
    sync::Mutex,
    time::Instant,
};

use mail_auth::{
    AuthenticatedMessage, DkimResult, MX, MessageAuthenticator, Parameters, RecordSet, ResolverCache, Txt,
    common::{cache::NoCache, parse::TxtRecordParser, verify::DomainKey},
};

/// A public key and where it is published.
pub(crate) struct Published {
    /// `SELECTOR._domainkey.DOMAIN`.
    pub(crate) name: String,
    /// The TXT record.
    pub(crate) record: String,
}

/// One word per signature of the message, in its order: `pass`, or what is wrong.
pub(crate) fn mail_auth(mime: &[u8], keys: &[Published]) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let zone = Zone::default();
        for key in keys {
            let parsed = DomainKey::parse(key.record.as_bytes()).unwrap();
            zone.insert(
                format!("{}.", key.name).into_boxed_str(),
                Txt::from(parsed),
                tokio::time::Instant::now().into_std(),
            );
        }
        let resolver = MessageAuthenticator::new_cloudflare().unwrap();
        let message = AuthenticatedMessage::parse(mime).unwrap();
        let parameters = Parameters {
            params: &message,
            cache_txt: Some(&zone),
            cache_mx: None::<&NoCache<Box<str>, RecordSet<MX>>>,
            cache_ptr: None::<&NoCache<_, _>>,
            cache_ipv4: None::<&NoCache<_, _>>,
            cache_ipv6: None::<&NoCache<_, _>>,
        };
        let results = resolver.verify_dkim(parameters).await;
        let word = |result: &DkimResult| match result {
            DkimResult::Pass => "pass".to_owned(),
            other => format!("{other:?}"),
        };
        results.iter().map(|output| word(output.result())).collect()
    })
}

#[derive(Default)]
struct Zone(Mutex<HashMap<Box<str>, Txt>>);

impl ResolverCache<Box<str>, Txt> for Zone {
    fn get<Q>(&self, name: &Q) -> Option<Txt>
    where
        Box<str>: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.0.lock().unwrap().get(name).cloned()
    }

    fn remove<Q>(&self, name: &Q) -> Option<Txt>
    where
        Box<str>: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.0.lock().unwrap().remove(name)
    }

    fn insert(&self, key: Box<str>, value: Txt, _: Instant) {
        self.0.lock().unwrap().insert(key, value);
    }
}

const DKIMPY: &str = r#"
import sys, dkim
keys = dict(line.split(" ", 1) for line in sys.argv[1].splitlines())
mime = sys.stdin.buffer.read()
def txt(name, timeout=5):
    return keys.get(name.decode().rstrip("."), "").encode()
verifier = dkim.DKIM(mime)
count = sum(1 for name, _ in verifier.headers if name.lower() == b"dkim-signature")
for index in range(count):
    try:
        print("pass" if verifier.verify(idx=index, dnsfunc=txt) else "fail")
    except dkim.DKIMException as error:
        print("fail: %s" % error)
"#;

/// The same by dkimpy; nothing if there is no Python with it.
pub(crate) fn dkimpy(mime: &[u8], keys: &[Published]) -> Option<Vec<String>> {
    let python = std::env::var("WAXSEAL_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let there = Command::new(&python).args(["-c", "import dkim, nacl"]).output().ok()?;
    if !there.status.success() {
        return None;
    }
    let keys: Vec<_> = keys.iter().map(|key| format!("{} {}", key.name, key.record)).collect();
    let output = run(Command::new(python).args(["-c", DKIMPY, &keys.join("\n")]), mime);
    Some(output.lines().map(str::to_owned).collect())
}

/// Whether OpenDKIM takes the signature with the given key; nothing if it is not there.
pub(crate) fn opendkim(mime: &[u8], key: &Published) -> Option<bool> {
    let program = ["/usr/sbin/opendkim", "/usr/bin/opendkim", "/usr/local/sbin/opendkim"]
        .into_iter()
        .find(|path| std::path::Path::new(path).exists())?;
    let folder = tempfile::tempdir().unwrap();
    let (keys, config) = (folder.path().join("keys"), folder.path().join("conf"));
    std::fs::write(&keys, format!("{} {}\n", key.name, key.record)).unwrap();
    std::fs::write(&config, format!("Mode v\nTestPublicKeys {}\n", keys.display())).unwrap();
    let output = run(Command::new(program).arg("-x").arg(&config).args(["-t", "-", "-v", "-v"]), mime);
    assert!(output.contains("header.s="), "OpenDKIM looked at no signature: {output}");
    Some(output.contains("dkim=pass") && output.contains("verification (s=") && output.contains("succeeded"))
}

fn run(command: &mut Command, input: &[u8]) -> String {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

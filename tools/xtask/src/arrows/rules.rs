//! Which outside crates a floor may not use, and who may open sockets.

use anyhow::Result;

use super::Floor;
use crate::{report::Findings, workspace};

/// Outside crates (a trailing `*` stands for anything) and the only places that may use them.
const ONLY: &[(&str, Where, &str)] = &[
    ("tokio*", Where::From(Floor::Platform), "core does no I/O"),
    ("sea-orm*", Where::Crate("waxseal-store"), "only platform/store knows SQL"),
    ("sqlx*", Where::StoreOrAuditor, "only platform/store knows SQL, and who audits it from outside"),
    ("rustls", Where::NetOrFrom(Floor::Doors), "only platform/net and the doors speak TLS"),
    ("tokio-rustls", Where::NetOrFrom(Floor::Doors), "only platform/net and the doors speak TLS"),
    ("hickory-*", Where::NetOrFrom(Floor::Binary), "only platform/net asks the DNS"),
    ("axum*", Where::From(Floor::Doors), "HTTP ends at the doors"),
    ("hyper*", Where::NetOrFrom(Floor::Doors), "HTTP ends at the doors and in platform/net"),
    ("tower*", Where::From(Floor::Doors), "HTTP ends at the doors"),
    ("socket2", Where::NetOrFrom(Floor::Doors), "only platform/net and the doors hold sockets"),
    ("clap*", Where::From(Floor::Binary), "only the binary has commands"),
    ("anyhow", Where::From(Floor::Binary), "errors of the house are typed"),
    ("ring", Where::Crate(""), "one crypto provider: aws-lc-rs"),
    ("openssl*", Where::Crate(""), "one crypto provider: aws-lc-rs"),
    ("native-tls", Where::Crate(""), "one crypto provider: aws-lc-rs"),
];

/// Where something is allowed.
enum Where {
    /// On this floor and above.
    From(Floor),
    /// In `platform/net`, and on this floor and above.
    NetOrFrom(Floor),
    /// In `platform/store`, and in the auditor, which reads with code of its own.
    StoreOrAuditor,
    /// In this crate alone.
    Crate(&'static str),
}

impl Where {
    fn allows(&self, own: &str, floor: Floor) -> bool {
        match self {
            Self::From(lowest) => floor >= *lowest,
            Self::NetOrFrom(lowest) => own == "waxseal-net" || floor >= *lowest,
            Self::StoreOrAuditor => ["waxseal-store", "waxseal-auditor"].contains(&own),
            Self::Crate(only) => own == *only,
        }
    }
}

/// Judges one import of an outside crate.
pub(super) fn outside(own: &str, floor: Floor, dependency: &str, findings: &mut Findings) {
    for (pattern, place, why) in ONLY {
        let matches = match pattern.strip_suffix('*') {
            Some(prefix) => dependency.starts_with(prefix),
            None => dependency == *pattern,
        };
        if matches && !place.allows(own, floor) {
            findings.problem(format!("{own} ({floor:?}) uses {dependency}: {why}"));
        }
    }
}

/// Sockets are opened by `platform/net` (outward) and by doors and above (listening), nowhere else; the core
/// does not read files either.
pub(super) fn sockets(findings: &mut Findings) -> Result<()> {
    let sockets = [
        "TcpStream::connect",
        "TcpListener::bind",
        "UdpSocket::bind",
        "UnixStream::connect",
        "TcpSocket::new",
    ];
    let files = ["std::fs", "std::net::Tcp", "std::net::Udp", "std::process", "std::env::var"];
    for path in workspace::files()? {
        let name = path.to_string_lossy().into_owned();
        let is_source = name.ends_with(".rs") && name.contains("/src/") && !name.ends_with("tests.rs");
        let has_no_sockets = name.starts_with("crates/core/")
            || name.starts_with("crates/services/")
            || name.starts_with("crates/platform/store/");
        if !is_source || !has_no_sockets || name.contains("/tests/") {
            continue;
        }
        let text = std::fs::read_to_string(workspace::root().join(&path))?;
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let words = if name.starts_with("crates/core/") { &files[..] } else { &[] };
        for word in sockets.iter().chain(words) {
            if code.contains(word) {
                findings.problem(format!(
                    "{name} uses {word}: core does no I/O, only platform/net opens sockets"
                ));
            }
        }
    }
    Ok(())
}

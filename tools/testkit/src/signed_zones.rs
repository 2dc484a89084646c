//! Zones that are signed up to a root of their own: keys and signatures by ldns, answers by Knot DNS.

use std::{
    fmt::Write as _,
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::dns_zone::free_port;

/// What has to be installed.
const PROGRAMS: [&str; 3] = ["ldns-keygen", "ldns-signzone", "knotd"];
/// A name server that has not begun to answer by then will not.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a zone is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signed {
    /// Its parent vouches for it.
    Well,
    /// Not at all; its parent says so.
    Not,
    /// Its parent vouches for it, and after it was signed its records were changed: `was` became `is` wherever it stood.
    Forged {
        /// What was signed.
        was: &'static str,
        /// What is told.
        is: &'static str,
    },
    /// Its server fails.
    Failing,
}

/// A zone right below `example`, or anywhere if it fails.
#[derive(Debug, Clone)]
pub struct ZoneText {
    /// Its name, without the final dot.
    pub name: String,
    /// How it is signed.
    pub signed: Signed,
    /// Its records, a line each: `mx 60 IN A 192.0.2.1`, relative to its name.
    pub records: String,
}

/// A name server on loopback for the root, for `example`, and for zones below. It stops when it is dropped.
pub struct SignedZones {
    address: SocketAddr,
    folder: TempDir,
    server: Child,
}

impl SignedZones {
    /// Signs and serves. `None`, with a note, where programs for it are missing.
    pub async fn start(zones: &[ZoneText]) -> io::Result<Option<Self>> {
        if let Some(missing) = PROGRAMS.iter().find(|name| program(name).is_none()) {
            crate::skipped(&format!("missing: {missing}"));
            return Ok(None);
        }
        let folder = tempfile::tempdir()?;
        let place = folder.path();
        let (mut example, mut conf) = (soa("example"), String::new());
        for zone in zones {
            if zone.signed == Signed::Failing {
                writeln!(conf, "  - domain: {}.\n    file: nothing", zone.name).expect("text");
                continue;
            }
            writeln!(example, "{0}. 60 IN NS ns.{0}.\nns.{0}. 60 IN A 127.0.0.1", zone.name).expect("text");
            let text = format!("$ORIGIN {}.\n{}{}", zone.name, soa(&zone.name), zone.records);
            let delegated = write_zone(place, &zone.name, &text, zone.signed)?;
            example.push_str(&delegated);
            writeln!(conf, "  - domain: {0}.\n    file: {0}.zone", zone.name).expect("text");
        }
        let delegated = write_zone(place, "example", &example, Signed::Well)?;
        let root = format!(
            ". 60 IN SOA ns.example. h.example. 1 3600 600 86400 60\n. 60 IN NS ns.example.\n\
             example. 60 IN NS ns.example.\nns.example. 60 IN A 127.0.0.1\n{delegated}"
        );
        write_zone(place, ".", &root, Signed::Well)?;
        conf.push_str("  - domain: example.\n    file: example.zone\n  - domain: .\n    file: root.zone\n");
        let (address, server) = serve(place, &conf).await?;
        Ok(Some(Self { address, folder, server }))
    }

    /// The address as `dns.nameservers` takes it.
    pub fn nameserver(&self) -> String {
        self.address.to_string()
    }

    /// A file with the root's key, as `dns.trust_anchor` takes it.
    pub fn trust_anchor(&self) -> PathBuf {
        self.folder.path().join("root.key")
    }
}

impl Drop for SignedZones {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn soa(name: &str) -> String {
    format!(
        "{name}. 60 IN SOA ns.{name}. h.{name}. 1 3600 600 86400 60\n{name}. 60 IN NS ns.{name}.\n\
         ns.{name}. 60 IN A 127.0.0.1\n"
    )
}

/// Writes the zone as it is served; the DS record that its parent needs.
fn write_zone(place: &Path, name: &str, text: &str, signed: Signed) -> io::Result<String> {
    let stem = if name == "." { "root" } else { name };
    let served = place.join(format!("{stem}.zone"));
    if signed == Signed::Not {
        fs::write(served, text)?;
        return Ok(String::new());
    }
    let plain = format!("{stem}.plain");
    fs::write(place.join(&plain), text)?;
    let key = run(place, "ldns-keygen", &["-a", "ECDSAP256SHA256", "-k", name])?;
    let key = key.trim();
    run(place, "ldns-signzone", &["-o", name, "-f", &format!("{stem}.zone"), &plain, key])?;
    if let Signed::Forged { was, is } = signed {
        let text = fs::read_to_string(&served)?;
        fs::write(&served, text.replace(was, is))?;
    }
    fs::copy(place.join(format!("{key}.key")), place.join(format!("{stem}.key")))?;
    fs::read_to_string(place.join(format!("{key}.ds")))
}

/// Where a program is. Servers are not always where a user looks.
fn program(name: &str) -> Option<PathBuf> {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&paths).chain([PathBuf::from("/usr/sbin")]);
    folders.map(|folder| folder.join(name)).find(|file| file.is_file())
}

fn command(name: &str) -> io::Result<Command> {
    Ok(Command::new(program(name).ok_or(io::ErrorKind::NotFound)?))
}

fn run(place: &Path, name: &str, arguments: &[&str]) -> io::Result<String> {
    let output = command(name)?.args(arguments).current_dir(place).output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(io::Error::other(format!("{name}: {said}")));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Starts the name server. It takes connections once it has its zones.
async fn serve(place: &Path, zones: &str) -> io::Result<(SocketAddr, Child)> {
    let folder = place.display();
    fs::create_dir_all(place.join("run"))?;
    for _ in 0..10 {
        let address = free_port().await?;
        let conf = format!(
            "server:\n    listen: {}@{}\n    rundir: {folder}/run\n    udp-workers: 1\n    tcp-workers: 1\n    \
             background-workers: 1\ndatabase:\n    storage: {folder}/db\nlog:\n  - target: stderr\n    any: critical\n\
             template:\n  - id: default\n    storage: {folder}\n    zonefile-load: whole\n    journal-content: none\n    \
             zonefile-sync: -1\nzone:\n{zones}",
            address.ip(),
            address.port()
        );
        fs::write(place.join("knot.conf"), conf)?;
        let mut server = command("knotd")?
            .args(["-c", "knot.conf"])
            .current_dir(place)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let began = tokio::time::Instant::now();
        while began.elapsed() < PATIENCE && server.try_wait()?.is_none() {
            if TcpStream::connect(address).await.is_ok() {
                return Ok((address, server));
            }
            tokio::task::yield_now().await;
        }
        // Somebody else took the port meanwhile.
        let _ = server.kill();
        let _ = server.wait();
    }
    Err(io::Error::other("knotd does not answer"))
}

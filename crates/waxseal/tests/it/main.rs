//! The real binary, from outside: commands, a running server, and what is left when it ends.

mod access;
mod audit;
mod backup;
mod canary;
mod clearing;
mod commands;
mod configuration;
mod control_socket;
mod days;
mod deleting;
mod delivery;
mod erasure;
mod exporting;
mod importing;
mod inventory;
mod key_copies;
mod keys_apart;
mod kill;
mod memory;
mod operators;
mod pages;
mod policy;
mod proving;
mod queueing;
mod quickstart;
mod relays;
mod requests;
mod revoke;
mod shaping;
mod signals;
mod sources;
#[path = "../../../services/privacy/tests/audit/tamper.rs"]
mod tamper;
mod trace;
mod traces;

use anyhow::{Result, ensure};
use waxseal_testkit::{
    Binary, Call, Server,
    binary::text,
    dns_zone::Zone,
    smtp_peer::{Certificate, Peer, Script},
};

/// The binary under test, in a fresh folder.
fn waxseal() -> Result<Binary> {
    Binary::new(env!("CARGO_BIN_EXE_waxseal"))
}

/// A platform with an account, a domain that sends, and a recipient's server.
struct World {
    binary: Binary,
    peer: Peer,
    account: String,
    key: String,
    _zone: Zone,
}

const DOMAIN: &str = "sender.test";
const RECIPIENT: &str = "recipient.test";

impl World {
    /// With more keys of the configuration.
    async fn new(settings: &[(&str, &str)]) -> Result<Self> {
        let zone = Zone::start().await?;
        zone.mail_domain(RECIPIENT);
        let certificate = Certificate::new(&[&format!("mx.{RECIPIENT}")]);
        let peer = Peer::start(Script::new().tls(certificate)).await?;
        let mut binary = waxseal()?.delivering_to(&zone.nameserver(), peer.port());
        for (key, value) in settings {
            binary = binary.set(key, value);
        }
        let (account, key) = binary.account().await?;
        let made = binary.json(&["domain", "create", DOMAIN, "--account", &account]).await?;
        ensure!(made["name"] == DOMAIN);
        Ok(Self { binary, peer, account, key, _zone: zone })
    }

    /// Sends to `local@recipient.test`; the answer's id.
    async fn send(&self, server: &Server, local: &str, subject: &str, body: &str) -> Result<String> {
        let to = format!("{local}@{RECIPIENT}");
        let fields = [("from", "app@sender.test"), ("to", &to), ("subject", subject), ("text", body)];
        let path = format!("/v3/{DOMAIN}/messages");
        let answer = Call::post(server.http(), &path, &fields).key(&self.key).send().await?;
        ensure!(answer.status == 200, "{}: {}", answer.status, answer.text());
        text(&answer.json(), "id")
    }

    /// Waits until nothing waits in the queue.
    async fn drained(&self) -> Result<()> {
        let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(60);
        loop {
            let queue = self.binary.json(&["queue", "list"]).await?;
            if queue["waiting"] == 0 && queue["in_flight"] == 0 {
                return Ok(());
            }
            ensure!(tokio::time::Instant::now() < deadline, "still waiting: {queue}");
        }
    }
}

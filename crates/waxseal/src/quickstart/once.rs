//! `--once`: one message by HTTP, one by SMTP, to a recipient's server of its own; then the proof.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use waxseal_mail::inspect;
use waxseal_net::Net;
use waxseal_smtp::client::Transaction;

use super::{
    folder::Folder,
    http_client,
    listeners::Listeners,
    recipient::{Arrived, Recipient},
    smtp_client, verify,
    zone::{Served, Zone},
};
use crate::{
    config::{Config, Settings},
    house::House,
    output::say,
    roles::{self, Running},
    serve::Signals,
};

/// Everything, with building up and clearing away.
const TIME: Duration = Duration::from_secs(60);

const RECIPIENT: &str = "recipient.test";
const TEXT: &str = "One line,\nand a second: Grüße, 你好.\n.\nA dot alone on a line, too.";

/// Builds a world, sends two messages through it, and judges what arrived.
pub(super) async fn run(data_dir: Option<PathBuf>, listeners: Listeners) -> Result<ExitCode> {
    let mut signals = Signals::catch()?;
    let folder = Folder::given_or_temporary("quickstart", data_dir)?;
    tokio::select! {
        done = tokio::time::timeout(TIME, prove(&folder, &listeners)) => done.context("not done within 60 seconds")??,
        () = signals.next() => bail!("interrupted"),
    }
    Ok(ExitCode::SUCCESS)
}

async fn prove(folder: &Folder, listeners: &Listeners) -> Result<()> {
    let mut recipient =
        Recipient::start(&format!("mx.{RECIPIENT}"), &folder.path().join("recipient")).await?;
    // The domain's keys come first: the zone publishes them, and the configuration names the zone.
    let house =
        House::open(&settings(folder, listeners).read()?).await.context("the store cannot be opened")?;
    let account = house.accounts.create("Quickstart", "postmaster@sender.test", None).await?;
    let sender = free_name(&house).await?;
    let domain = house.domains.create(account.id, &sender).await?;
    let credential =
        house.accounts.create_smtp_credential(account.id, &format!("app@{sender}"), None).await?;
    let zone = zone(&domain.dns).await?;
    let config = settings(folder, listeners)
        .set("dns.nameservers", &zone.address.to_string())
        .set("dns.dnssec", "off")
        .set("delivery.port", &recipient.address.port().to_string())
        .read()?;
    let running = Running::start(&config, house.clone(), None).await?;
    say!(
        "A store, an account, the domain {sender} with two DKIM keys, DNS and a recipient's server: running."
    );

    let world = World { config: &config, running: &running, house: &house, sender: &sender, zone: &zone };
    let by_http = world.send_by_http(&account.key.secret).await.context("sending by HTTP")?;
    say!("HTTP: accepted as {by_http}, durably stored before the answer.");
    world.judge("HTTP", &next(&mut recipient).await?, "Over HTTP").await?;

    world.send_by_smtp((credential.login, credential.password)).await.context("sending by SMTP")?;
    say!("SMTP: accepted over STARTTLS with AUTH.");
    world.judge("SMTP", &next(&mut recipient).await?, "Over SMTP").await?;

    world.queue_is_empty().await?;
    say!("The queue is empty. It works.");
    running.stop().await;
    Ok(())
}

fn settings(folder: &Folder, listeners: &Listeners) -> Settings {
    let settings = Settings::default()
        .set("data_dir", &folder.path().to_string_lossy())
        .set("roles", "api,submission,delivery")
        .set("hostname", "mail.sender.test")
        .set("metrics.listen", "")
        .set("delivery.allow_private_destinations", "true");
    listeners.set(settings, "127.0.0.1:0", "127.0.0.1:0")
}

/// The sender's records as `domain create` prints them, and the recipient's MX.
async fn zone(records: &[waxseal_domains::dns::DnsRecord]) -> Result<Served> {
    let mut zone = Zone::empty();
    for record in records.iter().filter(|record| record.record_type == "TXT") {
        zone.txt(&record.name, &record.value)?;
    }
    zone.mx(RECIPIENT, &format!("mx.{RECIPIENT}"))?;
    zone.host(&format!("mx.{RECIPIENT}"))?;
    zone.serve().await
}

struct World<'a> {
    config: &'a Config,
    running: &'a Running,
    house: &'a House,
    sender: &'a str,
    zone: &'a Served,
}

impl World<'_> {
    async fn send_by_http(&self, key: &str) -> Result<String> {
        let address = self.running.addresses().http.first().context("the API does not listen")?;
        let from = format!("Sender <hello@{}>", self.sender);
        let fields = [
            ("from", from.as_str()),
            ("to", "Friend <friend@recipient.test>"),
            ("subject", "Over HTTP"),
            ("text", TEXT),
        ];
        let net = Net::open(&roles::net_config(self.config))?;
        http_client::post(&net, *address, &format!("/v3/{}/messages", self.sender), key, &fields).await
    }

    async fn send_by_smtp(&self, login: (String, String)) -> Result<()> {
        let address = self.running.addresses().submission.first().context("submission does not listen")?;
        let (sender, text) = (self.sender, TEXT.replace('\n', "\r\n"));
        let content = format!(
            "From: Sender <hello@{sender}>\r\nTo: Friend <friend@{RECIPIENT}>\r\nSubject: Over SMTP\r\n\
             MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\
             \r\n{text}\r\n"
        );
        let message = Transaction {
            reverse_path: format!("hello@{sender}"),
            recipients: vec![format!("friend@{RECIPIENT}")],
            content: Bytes::from(content),
            utf8_headers: false,
        };
        let net = Net::open(&roles::net_config(self.config))?;
        smtp_client::submit(&net, &*self.house.clock, *address, login, message).await
    }

    /// Says what is true of a message that arrived; an error if something is not.
    async fn judge(&self, way: &str, arrived: &Arrived, subject: &str) -> Result<()> {
        ensure!(arrived.tls, "it arrived without TLS");
        ensure!(arrived.recipients == [format!("friend@{RECIPIENT}")], "it arrived for somebody else");
        ensure!(
            arrived.reverse_path.ends_with(&format!("@{}", self.sender)),
            "its return path is not the domain's"
        );
        say!("{way}: arrived over SMTP and TLS at mx.{RECIPIENT}, {} bytes.", arrived.content.len());
        let algorithms = verify::signatures(&arrived.content, self.sender, self.zone.address).await?;
        ensure!(algorithms == ["Ed25519Sha256", "RsaSha256"], "signatures found: {algorithms:?}");
        say!("{way}: both DKIM signatures verify with the keys from DNS (RSA-2048 and Ed25519).");
        let found = inspect::stored(&arrived.content);
        let text = found.body_plain.replace("\r\n", "\n");
        ensure!(text.trim_end() == TEXT, "the text changed on its way");
        ensure!(
            inspect::summary(&arrived.content).subject.as_deref() == Some(subject),
            "the subject changed on its way"
        );
        say!("{way}: subject and text are what was sent.");
        Ok(())
    }

    /// The recipient has it; our own note of that follows within moments.
    async fn queue_is_empty(&self) -> Result<()> {
        loop {
            let counts = self.house.store.queue_counts(&Default::default()).await?;
            if counts.waiting + counts.in_flight == 0 {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

async fn next(recipient: &mut Recipient) -> Result<Arrived> {
    recipient.arrived.recv().await.context("the recipient's server ended")
}

/// A domain name that the store does not know yet: a folder may be used more than once.
async fn free_name(house: &House) -> Result<String> {
    for number in 1.. {
        let name = if number == 1 { "sender.test".to_owned() } else { format!("sender{number}.test") };
        if house.store.domain_of_instance(&name).await?.is_none() {
            return Ok(name);
        }
    }
    bail!("there is no free name")
}

//! Submits one message as an application does: STARTTLS, AUTH, MAIL, RCPT, DATA.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Result, bail};
use waxseal_model::Clock;
use waxseal_net::{Net, Source};
use waxseal_smtp::{
    Reply,
    client::{Credentials, Session, Settings, TlsPolicy, Transaction, Verdict},
};

use super::dialogue::{Outcome, talk};

/// Submits `message` at `address`.
pub(crate) async fn submit(
    net: &Net,
    clock: &dyn Clock,
    address: SocketAddr,
    login: (String, String),
    message: Transaction,
) -> Result<()> {
    let mut stream = net.connector.connect(address, Source::Turn(0)).await?;
    let mut session = Session::new(Settings {
        hello: "application.test".into(),
        tls: TlsPolicy::Required,
        implicit_tls: false,
        credentials: Some(Credentials::new(login.0, login.1)),
        loopback: true,
        own_names: [].into(),
    });
    let mut message = Some(message);
    let Outcome::Handshake = talk(&mut stream, &mut session, &mut message).await? else {
        bail!("submission went without TLS");
    };
    let (mut stream, _) = stream.secure(&net.tls, "localhost", clock.now(), Duration::from_secs(10)).await?;
    session.secured();
    let Outcome::Done(verdicts) = talk(&mut stream, &mut session, &mut message).await? else {
        bail!("TLS was asked for twice");
    };
    match verdicts.first() {
        Some(Verdict::Delivered(_)) => Ok(()),
        Some(verdict) => bail!("submission refused the message: {:?}", verdict.reply().map(Reply::code)),
        None => bail!("submission said nothing about the message"),
    }
}

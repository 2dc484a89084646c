//! Checks what arrived with another implementation of DKIM than the one that signed.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, bail, ensure};
use mail_auth::{
    AuthenticatedMessage, DkimResult, MessageAuthenticator,
    dkim::Signature,
    hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig, ResolverOpts},
};

/// Algorithms of the signatures that hold for `domain`, with keys asked of `nameserver`. An error if one does not.
pub(super) async fn signatures(content: &[u8], domain: &str, nameserver: SocketAddr) -> Result<Vec<String>> {
    let (mut udp, mut tcp) = (ConnectionConfig::udp(), ConnectionConfig::tcp());
    udp.port = nameserver.port();
    tcp.port = nameserver.port();
    let server = NameServerConfig::new(nameserver.ip(), true, vec![udp, tcp]);
    let config = ResolverConfig::from_name_servers(vec![server]);
    let authenticator = MessageAuthenticator::new(config, ResolverOpts::default())?;
    let message = AuthenticatedMessage::parse(content).context("what arrived is not a message")?;
    let mut algorithms = Vec::new();
    for output in authenticator.verify_dkim(&message).await {
        let signature: &Signature = output.signature().context("a signature cannot be read")?;
        match output.result() {
            DkimResult::Pass => {}
            other => bail!("signature {} of {}: {other:?}", signature.s, signature.d),
        }
        ensure!(signature.d == domain, "signed by {} instead of {domain}", signature.d);
        algorithms.push(format!("{:?}", signature.a));
    }
    algorithms.sort();
    Ok(algorithms)
}

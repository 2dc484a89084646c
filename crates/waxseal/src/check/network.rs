//! Ports, certificate and DNS.

use std::{io, net::SocketAddr};

use tokio::net::TcpListener;
use waxseal_net::{LookupError, Net};

use super::Finding;
use crate::{
    config::{Config, Role},
    roles,
};

/// Whether everything that listens can have its port.
pub(super) async fn ports(config: &Config, server_runs: bool, findings: &mut Vec<Finding>) {
    if server_runs {
        findings.push(Finding::fine("ports", "a running server has them"));
        return;
    }
    let mut wanted: Vec<(&str, SocketAddr)> = Vec::new();
    if config.has(Role::Api) {
        wanted.extend(config.http_listen.iter().map(|address| ("http.listen", *address)));
    }
    if config.has(Role::Submission) {
        wanted.extend(config.submission_listen.iter().map(|address| ("submission.listen", *address)));
        wanted.extend(
            config.submission_implicit_tls.iter().map(|address| ("submission.implicit_tls", *address)),
        );
    }
    wanted.extend(config.metrics_listen.map(|address| ("metrics.listen", address)));
    for (key, address) in wanted {
        findings.push(match TcpListener::bind(address).await {
            Ok(_) => Finding::fine("ports", format!("`{key}`: {address} is free")),
            Err(error) => {
                let mend = match error.kind() {
                    io::ErrorKind::AddrInUse => "another program has it: choose another port, or stop that program",
                    io::ErrorKind::PermissionDenied => {
                        "ports below 1024 need a right: `setcap cap_net_bind_service=+ep` on the binary, or a higher port"
                    }
                    _ => "is the address one of this machine's?",
                };
                Finding::wrong("ports", format!("`{key}`: {address}: {error}"), mend)
            }
        });
    }
}

/// Whether the listeners' certificate can be used.
pub(super) fn certificate(config: &Config, findings: &mut Vec<Finding>) {
    if config.certificate.is_none() {
        let found = "none is configured: submission offers a self-signed one";
        findings.push(Finding::doubtful("certificate", found, "set `tls.certificate` and `tls.key`"));
        return;
    }
    findings.push(match waxseal_net::server_tls(&roles::identity(config)) {
        Ok(_) => Finding::fine("certificate", "certificate and key fit"),
        Err(error) => Finding::wrong("certificate", error.to_string(), "see `tls.certificate` and `tls.key`"),
    });
}

/// Whether DNS answers, and knows this host.
pub(super) async fn dns(config: &Config, findings: &mut Vec<Finding>) {
    let net = match Net::open(&roles::net_config(config)) {
        Ok(net) => net,
        Err(error) => {
            findings.push(Finding::wrong("network", error.to_string(), "see `dns` and `delivery`"));
            return;
        }
    };
    let host = &config.hostname;
    findings.push(match net.resolver.addresses(host).await {
        Ok(addresses) => {
            let shown: Vec<String> = addresses.iter().map(ToString::to_string).collect();
            Finding::fine("dns", format!("`hostname` {host} is {}", shown.join(", ")))
        }
        Err(error @ (LookupError::TimedOut | LookupError::ServerFailed)) => Finding::wrong(
            "dns",
            format!("no answer for {host}: {error}"),
            "see `dns.nameservers`; without DNS nothing is delivered",
        ),
        Err(_) => Finding::doubtful(
            "dns",
            format!("`hostname` {host} has no address in DNS"),
            "set `hostname` to this machine's name: recipients' servers look it up",
        ),
    });
}

//! `waxseal shaping show`: providers, and how much at once each gets. No store is asked.

use std::process::ExitCode;

use anyhow::Result;
use serde_json::{Value, json};
use waxseal_delivery::{
    Limits,
    shaping::{Bounds, Entry},
};

use crate::{
    admin::describe,
    config::Config,
    output::{self, say},
};

/// Prints the provider of a domain with these mail servers, or without any all there are.
pub(crate) fn show(config: &Config, hosts: &[String], as_json: bool) -> Result<ExitCode> {
    let answer = if hosts.is_empty() {
        let items: Vec<Value> = config.shaping.entries().map(|entry| shown(Some(entry))).collect();
        json!({ "items": items })
    } else {
        let hosts: Vec<String> =
            hosts.iter().map(|host| host.trim_end_matches('.').to_ascii_lowercase()).collect();
        shown(config.shaping.find(hosts.iter().map(String::as_str)))
    };
    if as_json {
        say!("{answer}");
    } else {
        output::write(format_args!("{}", describe(&answer)));
    }
    Ok(ExitCode::SUCCESS)
}

/// `None`: a provider by itself.
fn shown(entry: Option<&Entry>) -> Value {
    let usual = Limits::default();
    let bounds = entry.map_or_else(Bounds::default, |entry| entry.bounds);
    json!({
        "provider": entry.map(|entry| &*entry.name),
        "connections": bounds.connections.map_or(usual.per_destination as u64, u64::from),
        "messages_per_connection": bounds.messages_per_connection.unwrap_or(usual.messages_per_connection),
        "messages_per_minute": bounds.messages_per_minute,
        "hosts": entry.map(|entry| entry.hosts.join(" ")),
    })
}

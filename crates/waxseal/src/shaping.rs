//! `waxseal shaping`: providers, how much at once each gets, and what operators change of that.

mod rehearsal;

use std::{collections::BTreeMap, process::ExitCode};

use anyhow::Result;
use serde_json::{Value, json};
use waxseal_delivery::{
    Limits,
    shaping::{Bounds, Entry, ProviderState},
};
use waxseal_store::shaping::ShapingOverride;

pub(crate) use self::rehearsal::{Rehearsal, rehearse};
use crate::{
    admin::{Request, describe},
    config::Config,
    control,
    output::{self, say},
};

/// What an instance knows of providers besides the table.
#[derive(Default)]
pub(crate) struct Known {
    /// What operators said, as long as it holds.
    pub(crate) said: BTreeMap<String, ShapingOverride>,
    /// How providers are, if delivery runs here.
    pub(crate) states: Option<Vec<ProviderState>>,
}

/// Prints the provider of a domain with these mail servers, or without any all there are: as the server has them that
/// runs here, or without one as the table has them. No store is opened.
pub(crate) async fn show(config: &Config, hosts: &[String], as_json: bool) -> Result<ExitCode> {
    let request = Request::ShapingShow { hosts: hosts.to_vec() };
    let answer = match control::ask(&config.control_socket, &request).await? {
        Some(answer) => answer,
        None => list(config, hosts, &Known::default()),
    };
    if as_json {
        say!("{answer}");
    } else {
        output::write(format_args!("{}", describe(&answer)));
    }
    Ok(ExitCode::SUCCESS)
}

/// The provider of a domain with these mail servers, or without any all there are.
pub(crate) fn list(config: &Config, hosts: &[String], known: &Known) -> Value {
    if hosts.is_empty() {
        let items: Vec<Value> = config.shaping.entries().map(|entry| shown(Some(entry), known)).collect();
        return json!({ "items": items });
    }
    let hosts: Vec<String> =
        hosts.iter().map(|host| host.trim_end_matches('.').to_ascii_lowercase()).collect();
    shown(config.shaping.find(hosts.iter().map(String::as_str)), known)
}

/// `None`: a provider by itself.
pub(crate) fn shown(entry: Option<&Entry>, known: &Known) -> Value {
    let usual = Limits::default();
    let table = entry.map_or_else(Bounds::default, |entry| entry.bounds);
    let said = entry.and_then(|entry| known.said.get(&*entry.name));
    let bounds = said.map_or(table, |said| table.under(said));
    let mut shown = json!({
        "provider": entry.map(|entry| &*entry.name),
        "connections": bounds.connections.map_or(usual.per_destination as u64, u64::from),
        "messages_per_connection": bounds.messages_per_connection.unwrap_or(usual.messages_per_connection),
        "messages_per_minute": bounds.messages_per_minute,
        "hosts": entry.map(|entry| entry.hosts.join(" ")),
    });
    if let Some(said) = said {
        shown["changed"] = true.into();
        shown["changed_until"] = said.until.map(|until| until.to_jiff().to_string()).into();
    }
    if let (Some(entry), Some(states)) = (entry, &known.states) {
        // Whoever has nothing to do is not in memory. Each address that mail leaves from has limits of its own.
        let states: Vec<&ProviderState> =
            states.iter().filter(|state| state.provider == entry.name).collect();
        let allowed = match states.is_empty() {
            true => shown["connections"].clone(),
            false => states.iter().map(|state| state.allowed).sum::<usize>().into(),
        };
        shown["open"] = states.iter().map(|state| state.open).sum::<usize>().into();
        shown["allowed"] = allowed;
        shown["waiting"] = states.iter().map(|state| state.waiting).sum::<usize>().into();
        let slowed = states.iter().filter_map(|state| state.slowed_since).min();
        shown["slowed_down_since"] = slowed.map(|since| since.to_jiff().to_string()).into();
        let from = states.iter().filter_map(|state| {
            let address = state.from?;
            Some(json!({
                "address": address.to_string(),
                "open": state.open,
                "allowed": state.allowed,
                "waiting": state.waiting,
                "slowed_down_since": state.slowed_since.map(|since| since.to_jiff().to_string()),
            }))
        });
        let from: Vec<Value> = from.collect();
        if !from.is_empty() {
            shown["from"] = from.into();
        }
    }
    shown
}

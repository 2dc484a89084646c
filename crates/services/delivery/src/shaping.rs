//! Who a domain's mail servers belong to, and how much at once they get.
//!
//! The table is data (`shaping/table.toml`): providers by the names of their mail servers. Whoever is not in it is a
//! provider by itself, with the limits of the configuration.

use std::{
    net::IpAddr,
    sync::{Arc, LazyLock},
};

use serde::Deserialize;
use thiserror::Error;
use waxseal_model::Timestamp;
use waxseal_net::MailHost;
use waxseal_store::shaping::ShapingOverride;

/// What comes with Waxseal.
const SHIPPED: &str = include_str!("shaping/table.toml");
/// Providers of a table.
const MOST: usize = 10_000;

static SHIPPED_TABLE: LazyLock<Vec<Entry>> = LazyLock::new(|| parse(SHIPPED).unwrap_or_default());

/// The table of providers; the first that fits decides.
#[derive(Debug, Clone, Default)]
pub struct Shaping {
    own: Vec<Entry>,
}

/// A provider of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: Arc<str>,
    /// Mail servers: these names, and those below them.
    pub hosts: Vec<String>,
    /// What it gets.
    pub bounds: Bounds,
}

/// What a provider gets at most; where nothing is said, as much as any destination.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bounds {
    /// Connections at once.
    pub connections: Option<u32>,
    /// Messages over one connection.
    pub messages_per_connection: Option<u32>,
    /// Messages in a minute, spread evenly; other destinations get as many as they take.
    pub messages_per_minute: Option<u32>,
}

/// What a provider of the table has now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderState {
    /// Its name.
    pub provider: Arc<str>,
    /// The address of ours that it is told of; `None`: the system chooses it.
    pub from: Option<IpAddr>,
    /// Connections that there are.
    pub open: usize,
    /// Connections that there may be: fewer than it gets at most, where it is slowed down.
    pub allowed: usize,
    /// Since when it is slowed down, if it is.
    pub slowed_since: Option<Timestamp>,
    /// Messages in memory that wait for a connection. Others may wait in the queue.
    pub waiting: usize,
}

/// A table cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ShapingError {
    /// It is not TOML of that form.
    #[error("{0}")]
    Form(String),
    /// A provider says something that cannot be.
    #[error("provider `{provider}`: {what}")]
    Provider {
        /// Its name.
        provider: String,
        /// What is wrong with it.
        what: String,
    },
}

/// Where mail for a domain goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// Its mail servers, in order: domains with the same ones share connections.
    pub(crate) servers: Arc<str>,
    /// The entry of the table whose limits hold.
    pub(crate) provider: Option<Arc<str>>,
    pub(crate) bounds: Bounds,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    provider: Vec<Written>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    hosts: Vec<String>,
    connections: Option<u32>,
    messages_per_connection: Option<u32>,
    messages_per_minute: Option<u32>,
}

impl Shaping {
    /// Providers of an operator (TOML, as in `table.toml`), asked before those that come with Waxseal.
    ///
    /// # Errors
    /// The text is not a table of providers; it says where, and what is wrong.
    pub fn with(own: &str) -> Result<Self, ShapingError> {
        Ok(Self { own: parse(own)? })
    }

    /// All providers, those that are asked first in front.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.own.iter().chain(SHIPPED_TABLE.iter())
    }

    /// The provider that has all of these mail servers.
    pub fn find<'h>(&self, hosts: impl Iterator<Item = &'h str> + Clone) -> Option<&Entry> {
        self.entries().find(|entry| hosts.clone().all(|host| entry.has(host)))
    }

    /// Where mail for a domain with these mail servers goes. Those that are equally good stand in any order.
    pub(crate) fn place(&self, hosts: &[MailHost]) -> Place {
        let mut sorted: Vec<(u16, &str)> =
            hosts.iter().map(|host| (host.preference, host.name.as_str())).collect();
        sorted.sort_unstable();
        let mut servers = String::new();
        let mut before = None;
        for (preference, name) in sorted {
            match before {
                None => {}
                Some(same) if same == preference => servers.push('='),
                Some(_) => servers.push('>'),
            }
            servers.push_str(name);
            before = Some(preference);
        }
        let servers: Arc<str> = servers.into();
        let entry = self.find(hosts.iter().map(|host| host.name.as_str()));
        Place {
            provider: entry.map(|entry| Arc::clone(&entry.name)),
            bounds: entry.map_or_else(Bounds::default, |entry| entry.bounds),
            servers,
        }
    }
}

impl Entry {
    fn has(&self, host: &str) -> bool {
        let below = |name: &String| {
            host.strip_suffix(name.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        self.hosts.iter().any(below)
    }

    fn read(written: Written) -> Result<Self, ShapingError> {
        let Written { name, hosts, connections, messages_per_connection, messages_per_minute } = written;
        let bounds = Bounds { connections, messages_per_connection, messages_per_minute };
        let wrong = |what: String| ShapingError::Provider { provider: name.clone(), what };
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return Err(wrong("a name has letters, digits and hyphens".into()));
        }
        if hosts.is_empty() {
            return Err(wrong("`hosts` is empty; name its mail servers".into()));
        }
        let odd =
            |host: &&String| host.is_empty() || host.starts_with('.') || host.to_ascii_lowercase() != **host;
        if let Some(odd) = hosts.iter().find(odd) {
            return Err(wrong(format!("`{odd}`: hosts are written in lower case, without a dot in front")));
        }
        bounds.check().map_err(wrong)?;
        Ok(Self { name: name.as_str().into(), hosts, bounds })
    }
}

impl Bounds {
    /// These, where an operator says nothing else.
    #[must_use]
    pub fn under(self, said: &ShapingOverride) -> Self {
        Self {
            connections: said.connections.or(self.connections),
            messages_per_connection: said.messages_per_connection.or(self.messages_per_connection),
            messages_per_minute: said.messages_per_minute.or(self.messages_per_minute),
        }
    }

    /// Whether they can be.
    ///
    /// # Errors
    /// The field that is out of range, and its range.
    pub fn check(&self) -> Result<(), String> {
        let limits = [
            ("connections", self.connections),
            ("messages_per_connection", self.messages_per_connection),
            ("messages_per_minute", self.messages_per_minute),
        ];
        for (field, limit) in limits {
            if limit.is_some_and(|limit| limit == 0 || limit > 100_000) {
                return Err(format!("`{field}` is from 1 to 100000"));
            }
        }
        Ok(())
    }
}

fn parse(text: &str) -> Result<Vec<Entry>, ShapingError> {
    let file: File = toml::from_str(text).map_err(|error| ShapingError::Form(error.to_string()))?;
    if file.provider.len() > MOST {
        return Err(ShapingError::Form(format!("more than {MOST} providers")));
    }
    file.provider.into_iter().map(Entry::read).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn host(preference: u16, name: &str) -> MailHost {
        MailHost { preference, name: name.into(), address: None, vouched: false }
    }

    #[test]
    fn the_table_that_comes_with_it_is_whole_and_no_provider_hides_another() {
        let table = parse(SHIPPED).expect("it is right");
        let names: HashSet<&str> = table.iter().map(|entry| &*entry.name).collect();
        assert_eq!(names.len(), table.len(), "a name is of one provider");
        let shipped = Shaping::default();
        for entry in &table {
            for host in &entry.hosts {
                let found = shipped.find([format!("mx.{host}").as_str()].into_iter());
                assert_eq!(found.map(|found| &found.name), Some(&entry.name), "{host}");
            }
        }
    }

    #[test]
    fn domains_share_a_lane_with_the_same_servers_and_limits_with_the_same_provider() {
        let shaping = Shaping::default();
        let place = |hosts: &[MailHost]| shaping.place(hosts);
        let one = place(&[host(10, "a-com.mail.protection.outlook.com")]);
        let two = place(&[host(10, "b-com.mail.protection.outlook.com")]);
        assert_ne!(one.servers, two.servers);
        assert_eq!(
            (one.provider.as_deref(), two.provider.as_deref()),
            (Some("microsoft"), Some("microsoft"))
        );
        let equal = [host(10, "x.example"), host(10, "y.example")];
        let turned = [host(5, "y.example"), host(5, "x.example")];
        assert_eq!(place(&equal), place(&turned), "the numbers themselves say nothing");
        let ordered = [host(10, "x.example"), host(20, "y.example")];
        assert_ne!(place(&equal).servers, place(&ordered).servers);
        let mixed = place(&[host(10, "aspmx.l.google.com"), host(20, "mx.own.example")]);
        assert_eq!(mixed.provider, None, "not all of them are the provider's");
        assert_eq!(place(&[host(10, "mx.notgoogle.com")]).provider, None);
    }

    #[test]
    fn an_operators_provider_comes_first_and_what_is_wrong_is_said() {
        let own = "[[provider]]\nname = \"ours\"\nhosts = [\"google.com\"]\nconnections = 3\n";
        let shaping = Shaping::with(own).expect("a table");
        let place = shaping.place(&[host(1, "aspmx.l.google.com")]);
        assert_eq!((place.provider.as_deref(), place.bounds.connections), (Some("ours"), Some(3)));
        for (provider, words) in [
            ("name = \"a b\"\nhosts = [\"x\"]", "letters, digits and hyphens"),
            ("name = \"a\"\nhosts = []", "`hosts` is empty"),
            ("name = \"a\"\nhosts = [\"X.example\"]", "lower case"),
            ("name = \"a\"\nhosts = [\"x\"]\nconnections = 0", "`connections` is from 1"),
            ("name = \"a\"\nhosts = [\"x\"]\nmessages_per_minute = 0", "`messages_per_minute` is from 1"),
            ("name = \"a\"\nhosts = [\"x\"]\nrate = 1", "unknown field"),
        ] {
            let error =
                Shaping::with(&format!("[[provider]]\n{provider}\n")).expect_err(provider).to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}

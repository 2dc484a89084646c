//! `waxseal check`: looks for what is wrong and says how to mend it.

mod keys;
mod network;
mod storage;

use std::{path::Path, process::ExitCode};

use anyhow::Result;
use serde_json::json;
use waxseal_model::Clock as _;
use waxseal_system::SystemClock;

use crate::config::Config;
use crate::{operators, output::say};

/// What a look showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Fine,
    /// Works, but hardly as meant.
    Doubtful,
    Wrong,
}

impl State {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::Doubtful => "doubtful",
            Self::Wrong => "wrong",
        }
    }
}

/// One thing looked at.
struct Finding {
    what: &'static str,
    state: State,
    found: String,
    mend: String,
}

impl Finding {
    fn fine(what: &'static str, found: impl Into<String>) -> Self {
        Self { what, state: State::Fine, found: found.into(), mend: String::new() }
    }

    fn doubtful(what: &'static str, found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { what, state: State::Doubtful, found: found.into(), mend: mend.into() }
    }

    fn wrong(what: &'static str, found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { what, state: State::Wrong, found: found.into(), mend: mend.into() }
    }
}

/// Looks at everything; ends with 1 if something is wrong.
pub(crate) async fn run(file: Option<&Path>, as_json: bool) -> Result<ExitCode> {
    let findings = match Config::load(file) {
        Ok(config) => look(&config).await,
        Err(errors) => errors
            .0
            .into_iter()
            .map(|problem| Finding::wrong("configuration", problem, "docs/configuration.md lists every key"))
            .collect(),
    };
    if as_json {
        let checks: Vec<_> = findings
            .iter()
            .map(|finding| {
                json!({
                    "check": finding.what,
                    "state": finding.state.as_str(),
                    "found": finding.found,
                    "mend": finding.mend,
                })
            })
            .collect();
        say!("{}", json!({ "checks": checks }));
    } else {
        for finding in &findings {
            say!("{:<9} {:<14} {}", finding.state.as_str(), finding.what, finding.found);
            if !finding.mend.is_empty() {
                say!("{:<24} {}", "", finding.mend);
            }
        }
    }
    let is_wrong = findings.iter().any(|finding| finding.state == State::Wrong);
    Ok(if is_wrong { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

async fn look(config: &Config) -> Vec<Finding> {
    let mut findings = vec![Finding::fine("configuration", "every key is known and has a good value")];
    for note in &config.notes {
        findings.push(Finding::doubtful("configuration", note, "leave it out until then"));
    }
    findings.extend(operators(config));
    findings.push(clock());
    let server_runs = storage::look(config, &mut findings).await;
    network::ports(config, server_runs, &mut findings).await;
    network::certificate(config, &mut findings);
    network::dns(config, &mut findings).await;
    findings
}

/// Whether those who are named can give commands.
fn operators(config: &Config) -> Option<Finding> {
    let named = format!("{} with names and roles", config.operators.len());
    match operators::unreachable(config) {
        _ if config.operators.is_empty() => None,
        None => Some(Finding::fine("operators", named)),
        Some(why) => Some(Finding::doubtful("operators", named, why)),
    }
}

fn clock() -> Finding {
    let now = SystemClock::new().now().to_jiff();
    let year = now.to_zoned(jiff::tz::TimeZone::UTC).year();
    if (2026..2100).contains(&year) {
        return Finding::fine("clock", format!("{now:.0}"));
    }
    let mend = "set the clock, or run a time service: retention and signatures depend on it";
    Finding::wrong("clock", format!("it says {now:.0}"), mend)
}

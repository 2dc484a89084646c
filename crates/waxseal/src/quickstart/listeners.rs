//! Where quickstart listens: as its option, the environment or a named file says, else at its usual addresses.

use std::{net::SocketAddr, path::Path};

use crate::config::{ConfigErrors, Settings};

/// The keys of the configuration that count here.
const KEYS: [&str; 2] = ["http.listen", "submission.listen"];

/// What was asked for.
pub(super) struct Listeners {
    given: Settings,
    /// Of the command line: wins.
    http: Option<SocketAddr>,
}

impl Listeners {
    /// Reads the environment, and `file` if one is named; `http` is the option of the command line.
    pub(super) fn asked(file: Option<&Path>, http: Option<SocketAddr>) -> Result<Self, ConfigErrors> {
        let settings = file.map_or_else(|| Ok(Settings::default()), Settings::from_file)?;
        Ok(Self { given: settings.with_environment(std::env::vars_os())?, http })
    }

    /// The settings with both listeners: those that were asked for, else the usual ones.
    pub(super) fn set(&self, settings: Settings, usual_http: &str, usual_submission: &str) -> Settings {
        let usual = settings.set("http.listen", usual_http).set("submission.listen", usual_submission);
        let settings = usual.taking(&self.given, &KEYS);
        match self.http {
            Some(address) => settings.set("http.listen", &address.to_string()),
            None => settings,
        }
    }

    /// Whether somebody asked for an address of the API.
    pub(super) fn asks_for_http(&self) -> bool {
        self.http.is_some() || self.given.has("http.listen")
    }

    /// Whether somebody asked for an address of submission.
    pub(super) fn asks_for_submission(&self) -> bool {
        self.given.has("submission.listen")
    }
}

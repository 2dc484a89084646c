//! Raw values of keys with where each comes from: file, environment, default.

use std::{collections::BTreeMap, ffi::OsString, path::Path};

use super::{
    ConfigErrors,
    keys::{self, KEYS},
};

/// Variables that start with `WAXSEAL_` and are no keys: the option `--config`, and those of the project's tests.
const OTHER_VARIABLES: [&str; 5] =
    ["WAXSEAL_CONFIG", "WAXSEAL_BIN", "WAXSEAL_TOOLS", "WAXSEAL_PYTHON", "WAXSEAL_CORPORA"];

/// A name without section that is this far from every key was hardly meant for us.
const TYPO: usize = 2;

/// Values of keys before they are read.
#[derive(Default)]
pub(crate) struct Settings {
    values: BTreeMap<&'static str, Raw>,
    /// Variables that look like ours and are not.
    pub(super) strangers: Vec<String>,
}

/// A value as it was given.
#[derive(Clone)]
pub(super) struct Raw {
    /// The value: text from the environment is a string.
    pub(super) value: toml::Value,
    /// What to call its source in an error.
    pub(super) origin: String,
}

impl Settings {
    /// Values of a file.
    pub(crate) fn from_file(path: &Path) -> Result<Self, ConfigErrors> {
        let origin = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| wrong(format!("{origin}: {error}")))?;
        let table: toml::Table = text.parse().map_err(|error| wrong(format!("{origin}: {error}")))?;
        let mut settings = Self::default();
        let mut problems = Vec::new();
        settings.take(table, "", &origin, &mut problems);
        if problems.is_empty() { Ok(settings) } else { Err(ConfigErrors(problems)) }
    }

    fn take(&mut self, table: toml::Table, prefix: &str, origin: &str, problems: &mut Vec<String>) {
        for (name, value) in table {
            let name = format!("{prefix}{name}");
            let is_section = KEYS.iter().any(|key| key.name.starts_with(&format!("{name}.")));
            match (value, KEYS.iter().find(|key| key.name == name)) {
                (toml::Value::Table(section), None) if is_section => {
                    self.take(section, &format!("{name}."), origin, problems);
                }
                (value, Some(key)) => {
                    self.values.insert(key.name, Raw { value, origin: origin.to_owned() });
                }
                (_, None) => problems.push(unknown(origin, &name)),
            }
        }
    }

    /// Sets one key, as an option of the command line does.
    pub(crate) fn set(mut self, name: &str, value: &str) -> Self {
        if let Some(key) = KEYS.iter().find(|key| key.name == name) {
            let raw = Raw { value: toml::Value::String(value.to_owned()), origin: "command line".into() };
            self.values.insert(key.name, raw);
        }
        self
    }

    /// Whether a key was given a value.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// Takes the values of these keys from others, where those were given any.
    pub(crate) fn taking(mut self, others: &Self, names: &[&str]) -> Self {
        let taken = others.values.iter().filter(|(name, _)| names.contains(name));
        self.values.extend(taken.map(|(name, raw)| (*name, raw.clone())));
        self
    }

    /// Adds the variables of the environment; they win over what is there.
    pub(crate) fn with_environment(
        mut self,
        variables: impl Iterator<Item = (OsString, OsString)>,
    ) -> Result<Self, ConfigErrors> {
        let mut problems = Vec::new();
        for (variable, value) in variables {
            let Some(variable) = variable.to_str().filter(|name| name.starts_with("WAXSEAL_")) else {
                continue;
            };
            if OTHER_VARIABLES.contains(&variable) || variable.starts_with("WAXSEAL_TEST_") {
                continue;
            }
            let Some(key) = KEYS.iter().find(|key| keys::variable(key.name) == variable) else {
                let name = variable.trim_start_matches("WAXSEAL_").to_lowercase().replace("__", ".");
                if name.contains('.') || keys::distance(&name) <= TYPO {
                    problems.push(unknown(variable, &name));
                } else {
                    self.strangers.push(variable.to_owned());
                }
                continue;
            };
            match value.into_string() {
                Ok(value) => {
                    let raw = Raw { value: toml::Value::String(value), origin: variable.to_owned() };
                    self.values.insert(key.name, raw);
                }
                Err(_) => problems.push(format!("{variable}: the value is not UTF-8")),
            }
        }
        if problems.is_empty() { Ok(self) } else { Err(ConfigErrors(problems)) }
    }

    /// The value of a key, or its default.
    pub(super) fn value(&self, name: &'static str) -> Raw {
        if let Some(Raw { value, origin }) = self.values.get(name) {
            return Raw { value: value.clone(), origin: origin.clone() };
        }
        let default = KEYS.iter().find(|key| key.name == name).map_or("\"\"", |key| key.default);
        let parsed = format!("default = {default}").parse::<toml::Table>().ok();
        let value = parsed.and_then(|mut table| table.remove("default"));
        let value = value.unwrap_or_else(|| toml::Value::String(String::new()));
        Raw { value, origin: "default".into() }
    }
}

fn unknown(origin: &str, name: &str) -> String {
    let Some(nearest) = keys::nearest(name) else { return format!("{origin}: there is no key `{name}`") };
    let meant = if origin.starts_with("WAXSEAL_") {
        format!("{} for `{}`", keys::variable(nearest.name), nearest.name)
    } else {
        format!("`{}`", nearest.name)
    };
    format!("{origin}: there is no key `{name}`; did you mean {meant}? ({})", nearest.about)
}

fn wrong(problem: String) -> ConfigErrors {
    ConfigErrors(vec![problem])
}

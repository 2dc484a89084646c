//! Which instance to look at: `waxseal.toml` and the environment, read by code of its own.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

use crate::limits::Limits;

/// An instance, as its operator describes it.
#[derive(Debug, Clone)]
pub struct Instance {
    /// `data_dir`.
    pub data: PathBuf,
    /// `keys.folder`, else `data_dir`.
    pub keys: PathBuf,
    /// `store.url`.
    pub database: String,
    /// `backup.folder`.
    pub backups: PathBuf,
    /// `backup.keys_folder`.
    pub key_copies: PathBuf,
    /// What the operator promised.
    pub limits: Limits,
    /// Further folders whose files have an age.
    pub also: Vec<Also>,
}

/// A folder, with the days that a file in it may be old.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Also {
    /// Where.
    pub folder: PathBuf,
    /// How long.
    pub days: u32,
}

impl std::str::FromStr for Also {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (folder, days) = text.rsplit_once('=').ok_or("say DIR=DAYS, as /var/log/waxseal=14")?;
        let days = days.parse().map_err(|_| format!("{days:?} is no number of days"))?;
        Ok(Self { folder: folder.into(), days })
    }
}

impl Instance {
    /// An instance on SQLite with everything at its default, in this folder.
    pub fn in_folder(data: &Path) -> Self {
        Self {
            data: data.to_owned(),
            keys: data.to_owned(),
            database: "sqlite".into(),
            backups: data.join("backups"),
            key_copies: data.join("key-copies"),
            limits: Limits::default(),
            also: Vec::new(),
        }
    }

    /// Reads `file`, else `waxseal.toml` if there is one, and the environment, which wins.
    pub fn read(file: Option<&Path>, variable: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let path = file.unwrap_or_else(|| Path::new("waxseal.toml"));
        let table: toml::Table = if file.is_some() || path.exists() {
            let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
            text.parse().with_context(|| path.display().to_string())?
        } else {
            toml::Table::new()
        };
        let value = |key: &str| {
            let name = format!("WAXSEAL_{}", key.to_ascii_uppercase().replace('.', "__"));
            variable(&name).or_else(|| written(&table, key))
        };
        let days = |key: &str, default: u32| match value(key) {
            Some(text) => {
                text.trim().parse().with_context(|| format!("{key}: {text:?} is no number of days"))
            }
            None => Ok(default),
        };
        let data = PathBuf::from(value("data_dir").unwrap_or_else(|| "waxseal-data".into()));
        let limits = Limits::default();
        Ok(Self {
            keys: value("keys.folder")
                .filter(|folder| !folder.is_empty())
                .map_or_else(|| data.clone(), |folder| data.join(folder)),
            backups: data.join(value("backup.folder").unwrap_or_else(|| "backups".into())),
            key_copies: data.join(value("backup.keys_folder").unwrap_or_else(|| "key-copies".into())),
            database: value("store.url").unwrap_or_else(|| "sqlite".into()),
            limits: Limits {
                events_days: days("retention.events_days", limits.events_days)?,
                request_days: days("retention.request_days", limits.request_days)?,
                backup_days: days("backup.keep_days", limits.backup_days)?,
                export_hours: days("privacy.export_hours", limits.export_hours)?,
                key_copy_days: days("backup.keys_keep_days", limits.key_copy_days)?,
            },
            also: Vec::new(),
            data,
        })
    }
}

/// What the file says under a key with dots.
fn written(table: &toml::Table, key: &str) -> Option<String> {
    let mut parts = key.split('.');
    let mut value = table.get(parts.next()?)?;
    for part in parts {
        value = value.get(part)?;
    }
    Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_wins_over_the_file_and_the_file_over_the_defaults() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("waxseal.toml");
        fs::write(
            &path,
            "data_dir = \"/srv/mail\"\n[retention]\nevents_days = 14\n[backup]\nkeep_days = 3\n",
        )
        .expect("written");
        let read = |set: &[(&str, &str)]| {
            let set: Vec<(String, String)> =
                set.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
            Instance::read(Some(&path), |name| {
                set.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
            })
        };
        let instance = read(&[]).expect("read");
        assert_eq!(instance.limits, Limits { events_days: 14, backup_days: 3, ..Limits::default() });
        assert_eq!((instance.database.as_str(), instance.backups), ("sqlite", "/srv/mail/backups".into()));
        let set = [
            ("WAXSEAL_RETENTION__EVENTS_DAYS", "2"),
            ("WAXSEAL_BACKUP__FOLDER", "/mnt/b"),
            ("WAXSEAL_KEYS__FOLDER", "/mnt/k"),
        ];
        assert_eq!(instance.keys, Path::new("/srv/mail"));
        let instance = read(&set).expect("read");
        assert_eq!((instance.limits.events_days, instance.backups), (2, "/mnt/b".into()));
        assert_eq!(instance.keys, Path::new("/mnt/k"));
        let wrong = read(&[("WAXSEAL_RETENTION__EVENTS_DAYS", "many")]).expect_err("no number");
        assert!(wrong.to_string().contains("retention.events_days"), "{wrong}");
    }
}

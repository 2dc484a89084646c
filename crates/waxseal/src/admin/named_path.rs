//! Files that an operator names and the server writes, as its own user: not among its own.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use waxseal_privacy::audit::Operator;

use crate::{config::Config, house::House};

/// Where the file is written that this operator names, if they may name it: through no link that comes to be later.
/// Whom the table does not name writes there anyway.
pub(super) fn check(house: &House, by: Operator, path: PathBuf) -> Result<PathBuf> {
    match by {
        Operator::Named(_) => resolve(&house.config, &path),
        _ => Ok(path),
    }
}

/// The place itself, which none of the folders is in that the server keeps its own in.
fn resolve(config: &Config, path: &Path) -> Result<PathBuf> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = folder.canonicalize().with_context(|| folder.display().to_string())?;
    let name = path.file_name().with_context(|| format!("{}: name a file", path.display()))?;
    let real = |place: &Path| place.canonicalize().ok();
    let lies_in = |place: &Path| real(place).is_some_and(|place| folder.starts_with(place));
    let is_beside = |file: &Path| file.parent().and_then(real).is_some_and(|place| folder == place);
    let is_for_it = lies_in(&config.backup_folder) || lies_in(&config.keys_folder);
    let is_its_own = lies_in(&config.data_dir)
        || lies_in(config.key_store())
        || is_beside(&config.master_key_file)
        || is_beside(&config.backup_key_file);
    ensure!(
        is_for_it || !is_its_own,
        "{}: the data folder is the server's own, and so are those of keys: name a file elsewhere, where the server's \
         user may write",
        path.display()
    );
    Ok(folder.join(name))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::config::Settings;

    #[test]
    fn nothing_is_written_among_the_files_that_the_server_keeps() {
        let here = tempfile::tempdir().expect("a folder");
        let at = |name: &str| here.path().join(name);
        let folders = ["data", "data/deeper", "data/backups", "keys", "master", "sealing", "elsewhere"];
        folders.iter().for_each(|name| std::fs::create_dir(at(name)).expect("made"));
        let settings = [
            ("data_dir", "data"),
            ("keys.folder", "keys"),
            ("keys.master_key_file", "master/master.key"),
            ("backup.folder", "data/backups"),
            ("backup.key_file", "sealing/backup.key"),
        ];
        let start = Settings::default();
        let settings =
            settings.iter().fold(start, |all, (key, place)| all.set(key, &at(place).display().to_string()));
        let config = settings.read().expect("a configuration");
        for folder in ["data", "data/deeper", "keys", "master", "sealing"] {
            let refused = resolve(&config, &at(folder).join("x")).expect_err(folder).to_string();
            assert!(refused.contains("name a file elsewhere"), "{folder}: {refused}");
            symlink(at(folder), at("elsewhere/link")).expect("linked");
            assert!(resolve(&config, &at("elsewhere/link/x")).is_err(), "{folder} by another name");
            std::fs::remove_file(at("elsewhere/link")).expect("gone");
        }
        assert!(resolve(&config, &at("data/backups/x")).is_ok(), "that is what it is for");
        assert!(resolve(&config, &at("elsewhere/..")).is_err(), "no file");
        // The link may lead elsewhere when the file is written.
        symlink(at("elsewhere"), at("link")).expect("linked");
        let place = resolve(&config, &at("link/x")).expect("a place");
        assert_eq!(place, at("elsewhere").canonicalize().expect("there").join("x"));
    }
}

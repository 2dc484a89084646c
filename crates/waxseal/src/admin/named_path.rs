//! Files that an operator names and the server writes, as its own user: not among its own.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use waxseal_privacy::audit::Operator;

use crate::house::House;

/// Whether a file may be written there at this operator's word. Whom the table does not name writes there anyway.
pub(super) fn check(house: &House, by: Operator, path: &Path) -> Result<()> {
    if !matches!(by, Operator::Named(_)) {
        return Ok(());
    }
    let config = &house.config;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = folder.canonicalize().with_context(|| folder.display().to_string())?;
    let lies_in = |place: &Path| place.canonicalize().is_ok_and(|place| folder.starts_with(place));
    let is_for_it = lies_in(&config.backup_folder) || lies_in(&config.keys_folder);
    ensure!(
        is_for_it || !lies_in(&config.data_dir),
        "{}: the data folder is the server's own: name a file elsewhere, where the server's user may write",
        path.display()
    );
    Ok(())
}

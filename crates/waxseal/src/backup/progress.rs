//! How far a backup is, for somebody who looks on: the size of the file that grows.

use std::{io::IsTerminal as _, path::Path, time::Duration};

/// Between two looks.
const LOOK: Duration = Duration::from_secs(2);

/// Waits for `work`, which writes a file in `folder`, and tells its size now and then.
pub(super) async fn beside<T>(folder: &Path, work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    let shown = std::io::stderr().is_terminal();
    loop {
        tokio::select! {
            done = &mut work => return done,
            () = tokio::time::sleep(LOOK), if shown => {
                if let Some(bytes) = size(folder) {
                    eprintln!("{} MiB written", bytes >> 20);
                }
            }
        }
    }
}

/// Bytes of the largest file that is being written there.
fn size(folder: &Path) -> Option<u64> {
    let files = std::fs::read_dir(folder).ok()?.flatten();
    let unfinished = files.filter(|file| file.file_name().to_string_lossy().ends_with(".partial"));
    unfinished.filter_map(|file| file.metadata().ok()).map(|about| about.len()).max()
}

//! Replays the corpora of the fuzz targets: what was found once does not come back.

#[path = "../../../../fuzz/oracles/event_filter.rs"]
mod oracle;

use std::{fs, path::Path};

#[test]
fn the_corpus_of_event_filter_holds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../fuzz/corpus/event_filter");
    let mut count = 0;
    for entry in fs::read_dir(&folder).expect("the corpus is in the repository") {
        oracle::check(&fs::read(entry.expect("an entry").path()).expect("an input"));
        count += 1;
    }
    assert!(count > 0, "{} is empty", folder.display());
}

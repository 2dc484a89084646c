//! Replays the corpora of the fuzz targets: what was found once does not come back.

#[path = "../../../../fuzz/oracles/form_decoder.rs"]
mod oracle;

use std::{fs, path::Path};

#[test]
fn the_corpus_of_form_decoder_holds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../fuzz/corpus/form_decoder");
    let mut count = 0;
    for entry in fs::read_dir(&folder).expect("the corpus is in the repository") {
        oracle::check(&fs::read(entry.expect("an entry").path()).expect("an input"));
        count += 1;
    }
    assert!(count > 0, "{} is empty", folder.display());
}

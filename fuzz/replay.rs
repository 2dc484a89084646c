//! Replays a committed corpus as an ordinary test: what was found once does not come back.

/// Gives every input in `corpus/<target>` to the target's oracle.
pub(crate) fn replay(target: &str, oracle: fn(&[u8])) {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../fuzz/corpus").join(target);
    let mut count = 0;
    for entry in std::fs::read_dir(&folder).expect("the corpus is in the repository") {
        oracle(&std::fs::read(entry.expect("an entry").path()).expect("an input"));
        count += 1;
    }
    assert!(count > 0, "{} is empty", folder.display());
}

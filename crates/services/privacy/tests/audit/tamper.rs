//! Random edits of a trail's files, with the entry at which each has to be found.

use std::{fs, path::PathBuf};

use waxseal_model::{Random as _, SeededRandom};

/// A copy of the trail that is tampered with, entry by entry across its files.
pub(crate) struct Copy {
    pub(crate) files: Vec<(PathBuf, Vec<u8>)>,
}

impl Copy {
    /// Of the files of a trail in their order, then its checkpoints and its anchors.
    pub(crate) fn take(paths: Vec<PathBuf>) -> Self {
        Self { files: paths.into_iter().map(|path| (path.clone(), fs::read(path).expect("read"))).collect() }
    }

    pub(crate) fn restore(&self) {
        for (path, bytes) in &self.files {
            fs::write(path, bytes).expect("restored");
        }
    }

    /// The lines of the trail, and at which of them each file begins.
    fn lines(&self) -> (Vec<Vec<u8>>, Vec<usize>) {
        let (mut lines, mut starts) = (Vec::new(), Vec::new());
        for (_, bytes) in &self.files[..self.files.len() - 2] {
            starts.push(lines.len());
            lines.extend(bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec));
        }
        (lines, starts)
    }

    fn write(&self, lines: &[Vec<u8>], starts: &[usize]) {
        for (index, start) in starts.iter().enumerate() {
            let end = starts.get(index + 1).copied().unwrap_or(lines.len()).min(lines.len());
            let part = lines.get(*start.min(&end)..end).unwrap_or_default().concat();
            fs::write(&self.files[index].0, part).expect("written");
        }
    }
}

/// Tampers at a random place; the entry at which it has to be found.
pub(crate) fn tamper(copy: &Copy, random: &SeededRandom, kind: u64) -> (u64, &'static str) {
    let (mut lines, mut starts) = copy.lines();
    let count = lines.len();
    let below = |bound: usize| usize::try_from(random.below(bound as u64)).expect("small");
    let at = below(count);
    let moved = |starts: &mut Vec<usize>, by: isize| {
        for start in starts.iter_mut().filter(|start| **start > at) {
            *start = start.checked_add_signed(by).expect("in range");
        }
    };
    let found = match kind {
        0 => {
            let byte = below(lines[at].len());
            lines[at][byte] ^= 1 << below(8);
            (at, "flip")
        }
        1 => {
            lines.remove(at);
            moved(&mut starts, -1);
            (at, "drop")
        }
        2 => {
            let other = (at + 1 + below(count - 1)) % count;
            lines.swap(at, other);
            (at.min(other), "swap")
        }
        3 => {
            let again = lines[below(count)].clone();
            lines.insert(at, again.clone());
            moved(&mut starts, 1);
            // A line put in before its double is found there; after it, where the chain goes on.
            (if lines[at + 1] == again { at + 1 } else { at }, "insert")
        }
        4 => {
            lines.truncate(at);
            (at, "truncate")
        }
        5 => {
            lines.truncate(at + 1);
            let keep = below(lines[at].len() - 1) + 1;
            lines[at].truncate(keep);
            (at, "truncate within a line")
        }
        _ => {
            lines.truncate(at);
            let (path, bytes) = &copy.files[copy.files.len() - 2];
            let earlier = |line: &&[u8]| {
                let checkpoint: serde_json::Value = serde_json::from_slice(line).expect("JSON");
                checkpoint["n"].as_u64() <= Some(at as u64)
            };
            let checkpoints = bytes.split_inclusive(|byte| *byte == b'\n').filter(earlier);
            fs::write(path, checkpoints.collect::<Vec<_>>().concat()).expect("written");
            (at, "roll back with checkpoints")
        }
    };
    copy.write(&lines, &starts);
    (found.0 as u64 + 1, found.1)
}

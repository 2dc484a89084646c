//! Random edits of a trail's files, with the entry at which each has to be found.

use std::{fs, path::PathBuf};

use aws_lc_rs::digest::{SHA256, digest};
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

    /// Keeps the signed lines up to an entry in a file of checkpoints or anchors.
    fn roll_back(&self, file: usize, entry: u64) {
        let (path, bytes) = &self.files[file];
        let kept = bytes.split_inclusive(|byte| *byte == b'\n').filter(|line| number(line) <= entry);
        fs::write(path, kept.collect::<Vec<_>>().concat()).expect("written");
    }

    /// The last signed entry up to `entry`.
    fn signed_before(&self, entry: u64) -> u64 {
        let (_, bytes) = &self.files[self.files.len() - 2];
        let numbers = bytes.split_inclusive(|byte| *byte == b'\n').map(number);
        numbers.filter(|signed| *signed <= entry).max().unwrap_or(0)
    }

    fn write(&self, lines: &[Vec<u8>], starts: &[usize]) {
        for (index, start) in starts.iter().enumerate() {
            let end = starts.get(index + 1).copied().unwrap_or(lines.len()).min(lines.len());
            let part = lines.get(*start.min(&end)..end).unwrap_or_default().concat();
            fs::write(&self.files[index].0, part).expect("written");
        }
    }
}

fn json(line: &[u8]) -> serde_json::Value {
    serde_json::from_slice(line).expect("JSON")
}

fn number(line: &[u8]) -> u64 {
    json(line)["n"].as_u64().expect("a number")
}

/// Adds entries as whoever has no key can: each with a good hash, in its place, tied to the one before.
pub(crate) fn forge(lines: &mut Vec<Vec<u8>>, entries: usize) {
    for _ in 0..entries {
        let last = lines.last().expect("a line").clone();
        let next = format!("{{\"n\":{},", number(&last) + 1);
        let text = String::from_utf8(altered(&last)).expect("text");
        let (_, rest) = text.split_once(',').expect("members");
        lines.push(chained(format!("{next}{rest}").as_bytes(), Some(&last)));
    }
}

/// Another count in an entry.
fn altered(line: &[u8]) -> Vec<u8> {
    String::from_utf8_lossy(line).replacen("\"count\":", "\"count\":7", 1).into_bytes()
}

/// The line with a hash that fits, tied to the one before.
fn chained(line: &[u8], before: Option<&Vec<u8>>) -> Vec<u8> {
    let text = String::from_utf8_lossy(line).into_owned();
    let (body, _) = text.split_once(",\"prev\":").expect("members");
    let prev = before.map_or("0".repeat(64), |line| json(line)["hash"].as_str().expect("a hash").to_owned());
    let body = format!("{body},\"prev\":\"{prev}\"");
    let hash = digest(&SHA256, format!("waxseal audit 1\n{body}").as_bytes());
    let hash: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{body},\"hash\":\"{hash}\"}}\n").into_bytes()
}

/// The last checkpoint with another entry in it: all that is to be had without the key.
fn unsigned_checkpoint(checkpoints: &[u8], line: &[u8]) -> Vec<u8> {
    let last = checkpoints.split_inclusive(|byte| *byte == b'\n').next_back().expect("a checkpoint");
    let entry = json(line);
    let (old, text) = (json(last), String::from_utf8_lossy(last).into_owned());
    let word = |value: &serde_json::Value| value.as_str().expect("a text").to_owned();
    text.replacen(&format!("\"n\":{}", old["n"]), &format!("\"n\":{}", entry["n"]), 1)
        .replacen(&word(&old["head"]), &word(&entry["hash"]), 1)
        .into_bytes()
}

/// How many kinds of tampering there are.
pub(crate) const KINDS: u64 = 13;

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
        6 => {
            lines.truncate(at);
            copy.roll_back(copy.files.len() - 2, at as u64);
            (at, "roll back with checkpoints")
        }
        7 => {
            lines.truncate(at);
            copy.roll_back(copy.files.len() - 2, at as u64);
            copy.roll_back(copy.files.len() - 1, at as u64);
            (at, "roll back with checkpoints and anchors")
        }
        8 => {
            lines.clear();
            copy.roll_back(copy.files.len() - 2, 0);
            copy.roll_back(copy.files.len() - 1, 0);
            (0, "empty everything")
        }
        9 => {
            for (path, _) in &copy.files {
                let _ = fs::remove_file(path);
            }
            return (1, "delete everything");
        }
        10 => {
            forge(&mut lines, below(3) + 1);
            (count, "append entries in their chain")
        }
        11 => {
            forge(&mut lines, below(3) + 1);
            let last = lines.last().expect("a line").clone();
            for place in [copy.files.len() - 2, copy.files.len() - 1] {
                let (path, bytes) = &copy.files[place];
                fs::write(path, [bytes.clone(), unsigned_checkpoint(bytes, &last)].concat())
                    .expect("written");
            }
            (count, "append entries with a checkpoint")
        }
        _ => {
            let signed = copy.signed_before(at as u64);
            lines[at] = altered(&lines[at]);
            for index in at..count {
                lines[index] = chained(&lines[index], index.checked_sub(1).and_then(|prev| lines.get(prev)));
            }
            (usize::try_from(signed).expect("small"), "chain anew from the middle")
        }
    };
    copy.write(&lines, &starts);
    (found.0 as u64 + 1, found.1)
}

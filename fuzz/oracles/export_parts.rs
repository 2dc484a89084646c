//! What must hold for the reader of exports: the input is a file, and once more what stands in one.

use std::io::{Cursor, Write as _};

use zip::{ZipWriter, write::SimpleFileOptions};

use super::parts::{LINES, LONGEST_LINE, LONGEST_MESSAGE, Part, PartsError, parts};

const TABLES: [&str; 3] = ["messages", "bodies", "events"];
const ID: &str = "00000000000000000000000007";
const MANIFEST: &str =
    r#"{"format":1,"made_by":"","made_at":"","kind":"account","accounts":["a"],"rows":{},"messages":1}"#;

/// Whatever the file is, its parts come in their order and within their limits; what was packed comes out again.
pub(crate) fn check(data: &[u8]) {
    let _ = read(data);
    let Ok((lines, content)) = read(&packed(data)) else {
        assert!(!data.is_empty() && !data.ends_with(b"\n"), "whole lines are read");
        return;
    };
    assert!(data.is_empty() || data.ends_with(b"\n"), "half a line is not");
    assert_eq!((lines.as_slice(), content.as_slice()), (data, data));
}

/// Lines and content, each one after the other.
fn read(file: &[u8]) -> Result<(Vec<u8>, Vec<u8>), PartsError> {
    let (mut place, mut all_lines, mut all_content) = (0, Vec::new(), Vec::new());
    let all = parts(Cursor::new(file), &TABLES, |part| {
        let before = place;
        match part {
            Part::Manifest(manifest) => {
                assert_eq!((before, manifest.accounts.len()), (0, 1));
                place = 1;
            }
            Part::Lines(table, lines) => {
                place =
                    1 + TABLES.iter().position(|known| *known == table).expect("a table that was asked for");
                assert!((1..=LINES).contains(&lines.len()));
                assert!(lines.iter().all(|line| line.ends_with(b"\n") && line.len() as u64 <= LONGEST_LINE));
                all_lines.extend(lines.concat());
            }
            Part::Content(_, mime) => {
                place = 2;
                assert!(mime.len() as u64 <= LONGEST_MESSAGE);
                all_content.extend(mime);
            }
        }
        assert!(before <= place && (before > 0 || place == 1), "parts come in their order");
        true
    })?;
    assert!(all, "nobody said no");
    Ok((all_lines, all_content))
}

fn packed(data: &[u8]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let message = format!("messages/{ID}.eml");
    for (name, bytes) in
        [("manifest.json", MANIFEST.as_bytes()), (message.as_str(), data), ("events.jsonl", data)]
    {
        zip.start_file(name, SimpleFileOptions::default()).expect("a file begins");
        zip.write_all(bytes).expect("memory takes it");
    }
    zip.finish().expect("memory takes it").into_inner()
}

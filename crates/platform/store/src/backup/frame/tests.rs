//! Frames come back as they were, and what was not written whole is not read.

use super::*;

fn written() -> (Vec<u8>, Vec<Frame>) {
    let table = |name: &str, columns: &[(&str, Kind)]| TableFrame {
        name: name.to_owned(),
        columns: columns.iter().map(|(name, kind)| ((*name).to_owned(), *kind)).collect(),
    };
    let first = table("first", &[("a", Kind::Int), ("b", Kind::Bytes), ("c", Kind::Text)]);
    let second = table("second", &[("d", Kind::Long), ("e", Kind::Flag)]);
    let rows = [
        vec![Some(Value::Int(-7)), Some(Value::Bytes(vec![0; 3])), None],
        vec![None, Some(Value::Bytes(Vec::new())), Some(Value::Text("käse".into()))],
    ];
    let last = vec![Some(Value::Long(i64::MIN)), Some(Value::Flag(true))];
    let mut encoder = Encoder::new();
    encoder.table(&first).expect("written");
    rows.iter().for_each(|row| encoder.row(row).expect("written"));
    encoder.table(&second).expect("written");
    encoder.row(&last).expect("written");
    let totals = encoder.end(BTreeMap::from([("first".to_owned(), 9)])).expect("written");
    assert_eq!(totals.rows(), 3);
    let [one, two] = rows;
    let frames = vec![
        Frame::Table(first),
        Frame::Row(one),
        Frame::Row(two),
        Frame::Table(second),
        Frame::Row(last),
        Frame::End(totals),
    ];
    (encoder.take(), frames)
}

fn read(bytes: &[u8]) -> io::Result<Vec<Frame>> {
    let mut decoder = Decoder::new(bytes);
    let mut frames = Vec::new();
    while let Some(frame) = decoder.next()? {
        frames.push(frame);
    }
    Ok(frames)
}

#[test]
fn what_was_written_is_read() {
    let (bytes, frames) = written();
    assert_eq!(read(&bytes).expect("read"), frames);
}

#[test]
fn nothing_is_missing_and_nothing_is_added() {
    let (bytes, _) = written();
    for length in 0..bytes.len() {
        assert!(read(&bytes[..length]).is_err(), "cut at {length}");
    }
    assert!(read(&[bytes.as_slice(), &[0]].concat()).is_err());
}

#[test]
fn a_row_that_was_changed_shows_at_the_end() {
    let (bytes, _) = written();
    let place = bytes.windows(2).position(|pair| pair == "ä".as_bytes()).expect("the letter");
    let mut changed = bytes;
    changed[place + 1] ^= 1;
    let error = read(&changed).expect_err("changed");
    assert_eq!(error.to_string(), "the rows are not those that were counted");
}

#[test]
fn a_length_that_lies_costs_no_memory() {
    let lie = [&[TABLE, 0, 1, b't', 0, 1, 0, 1, b'c', Kind::Bytes.code(), ROW, 1][..], &[255; 4]].concat();
    assert!(read(&lie).is_err());
}

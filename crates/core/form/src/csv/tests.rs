//! What rows of a file are, however it is cut and whatever stands in it.

use proptest::prelude::*;

use super::*;

/// All rows of a file that comes in pieces of so many bytes.
fn rows(file: &[u8], piece: usize, from: Place) -> Vec<Row> {
    let mut rows = Rows::from(from);
    let mut found = Vec::new();
    for piece in file.get(from.offset as usize..).unwrap_or_default().chunks(piece) {
        rows.push(piece);
        while let Some(row) = rows.take() {
            found.push(row);
        }
    }
    rows.finish();
    while let Some(row) = rows.take() {
        found.push(row);
    }
    found
}

/// Line and fields of each row, a flaw in the fields' place.
fn told(file: &[u8]) -> Vec<(u64, Vec<String>)> {
    let whole = rows(file, usize::MAX, Place::START);
    assert_eq!(rows(file, 1, Place::START), whole, "however it comes");
    for (index, row) in whole.iter().enumerate() {
        assert_eq!(rows(file, 7, row.end), whole[index + 1..], "it goes on where it was");
    }
    whole.into_iter().map(|row| (row.line, fields(&row.record))).collect()
}

fn fields(record: &Result<Record, Flaw>) -> Vec<String> {
    match record {
        Ok(record) => record.fields().map(|field| String::from_utf8_lossy(field).into_owned()).collect(),
        Err(flaw) => vec![format!("{flaw:?}")],
    }
}

fn line(number: u64, fields: &[&str]) -> (u64, Vec<String>) {
    (number, fields.iter().map(|field| (*field).to_owned()).collect())
}

#[test]
fn rows_are_read_with_their_lines_whatever_the_line_breaks() {
    for end in ["\n", "\r\n", "\r"] {
        let file = ["\u{feff}address,code", "", "a@x.example, 550 ", "\"b\"\"c\",\"\"", "last"].join(end);
        let wanted = [
            line(1, &["address", "code"]),
            line(3, &["a@x.example", " 550 "]),
            line(4, &["b\"c", ""]),
            line(5, &["last"]),
        ];
        assert_eq!(told(file.as_bytes()), wanted, "{end:?}");
    }
    assert_eq!(told(b""), []);
    assert_eq!(told(b"\r\n\n\r"), []);
    assert_eq!(
        told(b"a,\n\"1\r\n2\",\0\n=1+1"),
        [line(1, &["a", ""]), line(2, &["1\r\n2", "\0"]), line(4, &["=1+1"])]
    );
}

#[test]
fn a_quote_that_is_not_closed_costs_its_line_alone() {
    assert_eq!(
        told(b"a\n\"b\nc\nd"),
        [line(1, &["a"]), line(2, &["Unclosed"]), line(3, &["c"]), line(4, &["d"])]
    );
    assert_eq!(told(b"a\r\n\"b"), [line(1, &["a"]), line(2, &["Unclosed"])]);
    let many = format!("\"b\n{}", "c\n".repeat(MOST_LINES + 9));
    let found = told(many.as_bytes());
    assert_eq!(found.len(), MOST_LINES + 10);
    assert_eq!(found.first(), Some(&line(1, &["Unclosed"])));
    assert_eq!(found.last(), Some(&line(MOST_LINES as u64 + 10, &["c"])));
}

#[test]
fn a_row_that_is_too_long_is_passed_over_without_being_kept() {
    let long = [b"x".repeat(3 * LONGEST).as_slice(), b"\r\nb\n"].concat();
    let mut rows = Rows::from(Place::START);
    let mut found = Vec::new();
    for piece in long.chunks(1_000) {
        rows.push(piece);
        assert!(rows.buffer.len() <= LONGEST + 1_000);
        found.extend(rows.take());
    }
    rows.finish();
    found.extend(rows.take());
    let found: Vec<_> = found.iter().map(|row| (row.line, fields(&row.record))).collect();
    assert_eq!(found, [line(1, &["TooLong"]), line(2, &["b"])]);
    let just = [b"x".repeat(LONGEST - 1).as_slice(), b"\nb"].concat();
    assert!(matches!(rows_of(&just).as_slice(), [Row { record: Ok(_), .. }, Row { record: Ok(_), .. }]));
    let commas =
        [b",".repeat(MOST_FIELDS).as_slice(), b"\n", b",".repeat(MOST_FIELDS - 1).as_slice()].concat();
    assert!(matches!(
        rows_of(&commas).as_slice(),
        [Row { record: Err(Flaw::TooManyFields), .. }, Row { record: Ok(_), .. }]
    ));
}

fn rows_of(file: &[u8]) -> Vec<Row> {
    rows(file, 4_096, Place::START)
}

proptest! {
    #[test]
    fn any_bytes_are_rows_wherever_they_are_cut(
        file in proptest::collection::vec(prop_oneof![Just(b'"'), Just(b','), Just(b'\n'), Just(b'\r'), any::<u8>()], 0..200),
        piece in 1..50_usize,
    ) {
        let whole = rows(&file, usize::MAX, Place::START);
        prop_assert_eq!(&rows(&file, piece, Place::START), &whole);
        for (index, row) in whole.iter().enumerate() {
            prop_assert_eq!(rows(&file, piece, row.end), &whole[index + 1..]);
        }
    }
}

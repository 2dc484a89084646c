//! What must hold for the rows of CSV files: the first byte of the input says in which pieces the rest comes.

use waxseal_form::csv::{LONGEST, MOST_FIELDS, Place, Row, Rows};

/// The rows are the same however the file is cut, and from the end of each on; places only go forward.
pub(crate) fn check(data: &[u8]) {
    let Some((piece, file)) = data.split_first() else { return };
    let whole = rows(file, file.len().max(1), Place::START);
    assert_eq!(rows(file, usize::from(*piece) + 1, Place::START), whole);
    let mut before = Place::START;
    for row in &whole {
        assert!(row.end.offset > before.offset && row.end.line >= before.line);
        assert!(row.end.offset <= file.len() as u64 && (before.line..=row.end.line).contains(&row.line));
        if let Ok(record) = &row.record {
            assert!((1..=MOST_FIELDS).contains(&record.fields().count()));
            assert!(record.fields().map(<[u8]>::len).sum::<usize>() <= LONGEST);
        }
        before = row.end;
    }
    let middle = whole.len() / 2;
    if let Some(row) = whole.get(middle) {
        assert_eq!(rows(file, 64, row.end), whole[middle + 1..]);
    }
}

fn rows(file: &[u8], piece: usize, from: Place) -> Vec<Row> {
    let mut rows = Rows::from(from);
    let mut found = Vec::new();
    for piece in file[usize::try_from(from.offset).expect("within the file")..].chunks(piece) {
        rows.push(piece);
        found.extend(std::iter::from_fn(|| rows.take()));
    }
    rows.finish();
    found.extend(std::iter::from_fn(|| rows.take()));
    found
}

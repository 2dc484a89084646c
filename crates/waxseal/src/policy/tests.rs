//! The table is whole, and says `works` of nothing by itself.

use anyhow::anyhow;

use super::*;

#[test]
fn every_row_is_there_once_and_in_order() {
    let rows: Vec<&str> = CHAPTERS.iter().flat_map(|rows| rows.iter()).map(|row| row.row).collect();
    let expected: Vec<String> =
        (1..=15).map(|n| format!("S{n}")).chain((1..=22).map(|n| format!("P{n}"))).collect();
    assert_eq!(rows, expected);
}

#[test]
fn a_row_works_only_if_nothing_is_missing_and_a_check_held() {
    for row in CHAPTERS.into_iter().flatten() {
        assert!(!row.promise.is_empty() && !row.mechanism.is_empty(), "{}", row.row);
        assert!(row.missing.is_some() || row.check.is_some(), "{}: who says so?", row.row);
        assert_ne!(judged(row, Ok(None)).state, RowState::Works, "{}: without a check", row.row);
        assert_eq!(judged(row, Err(anyhow!("no"))).state, RowState::Failed, "{}", row.row);
        let held = judged(row, Found::all("looked").map(Some));
        assert_eq!(held.state == RowState::Works, row.missing.is_none(), "{}", row.row);
        let unset = Found { text: "looked".into(), lacks: Some("a setting".into()) };
        assert_eq!(judged(row, Ok(Some(unset))).state, RowState::NotYet, "{}", row.row);
    }
}

#[test]
fn nothing_of_people_gets_into_a_report() {
    let found = Err(anyhow!("the store said no to ann@example.org"));
    assert!(!judged(&CHAPTERS[0][0], found).checked.contains("ann@"));
}

//! Notes come back after the process is gone, and a file that failed is not believed again.

use std::path::Path;

use super::*;

fn note(id: u128, attempts: u32) -> SentNote {
    SentNote { entry: RecipientId::from_u128(id), attempts }
}

fn found(path: &Path) -> Vec<SentNote> {
    let mut notes = file::read(path).expect("readable");
    notes.sort_by_key(|note| note.entry);
    notes
}

#[tokio::test]
async fn what_was_noted_and_not_settled_is_found_by_the_next_process() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("sent.notes");
    let notes = SentNotes::open(path.clone()).expect("notes");
    notes.add(&[note(1, 0), note(2, 3), note(3, 0)]).await.expect("noted");
    assert_eq!(found(&path), [note(1, 0), note(2, 3), note(3, 0)], "on disk when it answers");
    notes.remove(&[RecipientId::from_u128(2)]);
    notes.add(&[note(4, 1), note(1, 1)]).await.expect("noted");
    assert_eq!(found(&path), [note(1, 1), note(3, 0), note(4, 1)]);
    drop(notes);
    let next = SentNotes::open(path).expect("notes");
    assert_eq!(next.get(RecipientId::from_u128(1)), Some(1));
    assert_eq!(next.get(RecipientId::from_u128(2)), None);
    next.close().await;
}

#[tokio::test]
async fn the_file_stays_as_small_as_what_is_under_way() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("sent.notes");
    let notes = SentNotes::open(path.clone()).expect("notes");
    for id in 0..2_000 {
        notes.add(&[note(id, 0)]).await.expect("noted");
        notes.remove(&[RecipientId::from_u128(id)]);
    }
    notes.close().await;
    assert_eq!(std::fs::metadata(&path).expect("the file").len(), 4_096);
    assert!(found(&path).is_empty(), "nothing is left of what was settled");
}

#[tokio::test]
async fn a_record_that_was_torn_is_no_note_and_the_others_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("sent.notes");
    let notes = SentNotes::open(path.clone()).expect("notes");
    for id in 1..=3 {
        notes.add(&[note(id, 0)]).await.expect("noted");
    }
    notes.close().await;
    let mut bytes = std::fs::read(&path).expect("the file");
    bytes[32 + 20..64].fill(0);
    std::fs::write(&path, bytes).expect("written");
    assert_eq!(found(&path).len(), 2);
}

#[tokio::test]
async fn after_a_fault_the_notes_are_in_a_new_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("gone").join("sent.notes");
    let notes = SentNotes::open(path.clone()).expect("notes");
    notes.add(&[note(1, 0)]).await.expect_err("there is no folder to write to");
    assert_eq!(notes.get(RecipientId::from_u128(1)), None, "nobody relies on it");
    std::fs::create_dir(folder.path().join("gone")).expect("a folder");
    notes.add(&[note(2, 0)]).await.expect("noted");
    assert_eq!(found(&path), [note(2, 0)]);
    notes.close().await;
}
